"""Whether more replicates are worth their time: what `--until-settled` asks."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from bench.analysis.results import Results
from bench.analysis.sequential import states

Build = Callable[..., Results]


def looked_at(synthetic: ModuleType, results_of: Build, losses: dict[str, Any], **more: Any) -> Results:
    """Results of an experiment that adds replicates until it is settled."""
    records = []
    for model, values in losses.items():
        for replicate, loss in enumerate(values, start=1):
            record = synthetic.training("sine", model, replicate, stage="trial", trial=0)
            record["test"]["loss"] = float(loss)
            records.append(record)
    settings = {**synthetic.manifest(records)["experiment"], "until_settled": True, "max_replicates": 56}
    return results_of(records, experiment=settings, first_look=7, **more)


def test_each_state(synthetic: ModuleType, results_of: Build) -> None:
    rng = np.random.default_rng(0)
    base = 10 ** rng.normal(-1, 0.3, 12)
    spread = 10 ** rng.normal(0, 0.2, 12)

    def state(losses: dict[str, Any], cap: int = 56) -> str:
        return states(looked_at(synthetic, results_of, losses), cap)["tuned", "sine"]

    assert state({"gru": base, "lstm": base * 3 * spread}) == "settled"
    assert state({"gru": base, "lstm": base * (1 + 0.002 * (spread - 1))}) == "equal"
    assert state({"gru": base, "lstm": base * spread / 10 ** np.log10(spread).mean()}, cap=14) == "futile"
    assert state({"gru": base[:6], "lstm": base[:6] * spread[:6]}) == "open"  # before the first look
    assert state({"gru": base, "lstm": base * 1.3 * spread}) == "open"
    assert state({"gru": base}) == "futile"  # nothing to compare it with


def test_a_fixed_experiment_is_tested_at_once_and_a_growing_one_may_be_looked_at(
    synthetic: ModuleType, results_of: Build
) -> None:
    rng = np.random.default_rng(1)
    base = 10 ** rng.normal(-1, 0.3, 9)
    losses = {"gru": base, "lstm": base * 10 ** rng.normal(0.2, 0.2, 9)}
    growing = looked_at(synthetic, results_of, losses)
    fixed = results_of(list(growing.records))
    assert (growing.first_look, fixed.first_look) == (7, None)
    (one,), (other,) = growing.conclusions.pairs, fixed.conclusions.pairs
    assert one.p > other.p
    assert one.low < other.low < other.high < one.high
    extended = results_of(list(growing.records), extended=True)
    assert extended.conclusions.pairs[0].p == one.p


def test_states_replay_from_the_records(synthetic: ModuleType, results_of: Build) -> None:
    rng = np.random.default_rng(2)
    base = 10 ** rng.normal(-1, 0.3, 10)
    results = looked_at(synthetic, results_of, {"gru": base, "lstm": base * 10 ** rng.normal(0.1, 0.2, 10)})
    shuffled = [results.records[i] for i in rng.permutation(len(results.records))]
    again = results_of(shuffled, **dict(results.manifest))
    assert states(results, 56) == states(again, 56)
    assert results.conclusions.pairs[0].p == again.conclusions.pairs[0].seen_from("gru").p
