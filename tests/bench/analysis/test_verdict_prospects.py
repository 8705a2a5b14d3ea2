"""What would tell where a verdict is open, and what will do until then."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results

Build = Callable[..., Results]
SPREAD = [2.0, 0.5, 1.4, 0.7, 1.1, 0.9, 1.3]


def near_the_best_reference(synthetic: ModuleType, models: tuple[str, ...], times: float) -> list[dict[str, Any]]:
    """Nets whose losses are the best reference's on average, `times` a factor; the models differ likewise."""
    records = synthetic.experiment(("load",), models, seeds=7, trials=1, protocol=2)
    best = min(r["test"]["loss"] for r in records if r["stage"] == "reference" and r["model"]["kind"] != "limit")
    for record in records:
        if record["stage"] == "trial":
            turned = -1 if record["model"]["name"] == "lstm" else 1
            record["test"]["loss"] = times * best * SPREAD[record["replicate"] - 1] ** turned
    return records


def notes(results: Results) -> str:
    (verdict,) = results.verdicts
    assert verdict.need.state == "can't tell yet"
    assert verdict.need.reference is not None
    assert f"recurrent net is needed, {verdict.need.reference.name} will do: no net is known" in verdict.sentence
    return verdict.sentence


@pytest.mark.parametrize("models", [("gru",), ("gru", "lstm")])
def test_an_open_question_says_what_more_replicates_may_tell(
    synthetic: ModuleType, results_of: Build, models: tuple[str, ...]
) -> None:
    said = notes(results_of(near_the_best_reference(synthetic, models, 1.0)))
    alone = "The chance that 20 replicates tell whether one is needed is "
    assert (alone if models == ("gru",) else "The chance of being settled with 20 replicates is ") in said


@pytest.mark.parametrize("models", [("gru",), ("gru", "lstm")])
def test_of_a_series_the_rows_say_how_many_more_there_are(
    synthetic: ModuleType, results_of: Build, models: tuple[str, ...]
) -> None:
    def said(blocks: int) -> str:
        records = near_the_best_reference(synthetic, models, 1.0)
        for record in records:
            if record["stage"] in ("trial", "reference"):
                block = blocks - record["replicate"]
                record["origin"] = {"block": block, "blocks": blocks, "train_rows": 500, "test_rows": 20}
        return notes(results_of(records))

    assert "The rows allow 10 forecast origins: --replicates 10 takes all of them." in said(10)
    assert "The rows allow no more than these 7 forecast origins, so only more rows would tell." in said(7)
    assert "The chance" not in said(10)


def test_where_the_answer_is_clear_nothing_more_is_asked_for(synthetic: ModuleType, results_of: Build) -> None:
    (verdict,) = results_of(near_the_best_reference(synthetic, ("gru",), 0.01)).verdicts
    assert verdict.need.state == "yes"
    assert "The chance" not in verdict.sentence
    assert "will do" not in verdict.sentence


def test_the_chance_that_the_need_is_settled_is_after_its_own_correction(
    synthetic: ModuleType, results_of: Build
) -> None:
    """With one model there is no winner to test, so only the questions of need are corrected for one another."""

    def chance(tasks: int) -> int:
        records = []
        for task in ("load", "wind", "sun")[:tasks]:
            for replicate, factor in enumerate(SPREAD, start=1):
                record = synthetic.training(task, "gru", replicate)
                record["test"]["loss"] = 0.13 * factor
                records += [record, synthetic.reference(task, "linear", "baseline", replicate, 0.1)]
        verdict = results_of(records).verdicts[0]
        assert (verdict.family.questions, verdict.need.family.questions) == (1, tasks)
        (said,) = [note for note in verdict.notes if "tell whether one is needed is" in note]
        return int(said.split(" %")[0].split()[-1])

    assert chance(3) < chance(1)


def test_the_best_of_many_nets_is_less_likely_to_be_known_to_be_needed(
    synthetic: ModuleType, results_of: Build
) -> None:
    """Where the net leads its p is multiplied by the number of cells, in the test and in what more replicates would
    tell; where the reference leads it is not."""

    def chance(cells: int, level: float) -> int:
        records = []
        for replicate, factor in enumerate(SPREAD, start=1):
            records.append(synthetic.reference("load", "linear", "baseline", replicate, 1.0))
            for place, model in enumerate(("gru", "lstm", "rnn", "mgu", "indrnn", "tcn")[:cells]):
                record = synthetic.training("load", model, replicate)
                record["test"]["loss"] = level * factor * (100.0 * (1 + 0.01 * replicate) if place else 1)
                records.append(record)
        (verdict,) = results_of(records).verdicts
        assert (verdict.leader, verdict.need.state, verdict.need.cells) == ("gru", "can't tell yet", cells)
        assert verdict.state == ("settled" if cells > 1 else "one model")
        (said,) = [note for note in verdict.notes if "tell whether one is needed is" in note]
        return int(said.split(" %")[0].split()[-1])

    assert chance(6, 0.65) < chance(1, 0.65)
    assert chance(6, 1.4) == pytest.approx(chance(1, 1.4), abs=5)
