import copy
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis import stats
from bench.analysis.compare_experiments import compare, compared
from bench.analysis.results import Results
from tasks.errors import UserError

Records = list[dict[str, Any]]


@pytest.fixture
def records(synthetic: ModuleType) -> Records:
    made: Records = synthetic.experiment(("sine", "copy"), seeds=6, trials=1)
    for record in made:
        record["hashes"] = {"weights": f"w{record.get('replicate')}", "first_batch": f"b{record.get('replicate')}"}
        record["environment"] = "e1"
    return made


def changed(records: Records, factor: float = 1.0, noise: float = 0.0, **changes: Any) -> Records:
    """The records with test losses multiplied, and other changes to each."""
    rng = np.random.default_rng(3)
    made = copy.deepcopy(records)
    for record in made:
        record.update(copy.deepcopy(changes))
        if record["stage"] == "confirm":
            record["test"]["loss"] *= factor * math.exp(rng.normal(0, noise))
    return made


def test_the_same_records_are_identical(records: Records, results_of: Callable[..., Results]) -> None:
    found = compared([results_of(records), results_of(changed(records))])
    assert {difference.state for difference in found.differences} == {"identical"}
    assert {(d.n, d.identical, d.effect) for d in found.differences} == {(6, 6, 1.0)}
    assert found.same_machine


def test_a_change_is_found_with_its_size_and_direction(records: Records, results_of: Callable[..., Results]) -> None:
    for factor, state in ((1.5, "worse"), (0.6, "better")):
        other = changed(records, factor, noise=0.05)
        found = compared([results_of(records), results_of(other)]).differences
        assert {difference.state for difference in found} == {state}
        first = found[0]
        match, task, model = first.cell
        losses = [
            [
                math.log(r["test"]["loss"])
                for r in each
                if (r["stage"], r["match"], r["task"]["label"], r["model"]["label"]) == ("confirm", match, task, model)
            ]
            for each in (other, records)
        ]
        expected = stats.paired_difference(*losses)
        assert (first.effect, first.low, first.high) == pytest.approx(tuple(math.exp(x) for x in expected[:3]))


def test_noise_is_not_settled(records: Records, results_of: Callable[..., Results]) -> None:
    found = compared([results_of(records), results_of(changed(records, noise=0.2))]).differences
    assert {difference.state for difference in found} == {"not settled"}


def test_few_pairs_settle_nothing(records: Records, results_of: Callable[..., Results]) -> None:
    few = [r for r in records if (r.get("replicate") or 0) < 5]
    found = compared([results_of(few), results_of(changed(few, 3.0, noise=0.01))]).differences
    assert {(d.n, d.state) for d in found} == {(4, "not settled")}


def test_seeds_that_drew_otherwise_are_not_paired(records: Records, results_of: Callable[..., Results]) -> None:
    other = changed(records, hashes={"weights": "x", "first_batch": "y"})
    found = compared([results_of(records), results_of(other)]).differences
    assert {(d.n, d.unpaired, d.state) for d in found} == {(0, 6, "not paired")}
    unknown = changed(records, hashes=None)
    found = compared([results_of(unknown), results_of(changed(unknown))]).differences
    assert {d.state for d in found} == {"not paired"}


def test_two_machines_are_told_apart(records: Records, results_of: Callable[..., Results]) -> None:
    assert not compared([results_of(records), results_of(changed(records, environment="e2"))]).same_machine
    untimed = [r for r in records if r["stage"] != "time"]
    assert not compared([results_of(untimed), results_of(untimed)]).same_machine  # unknown is not the same


def test_mistakes_are_errors_for_people(records: Records, synthetic: ModuleType, tmp_path: Path) -> None:
    synthetic.write(tmp_path, "a", records)
    synthetic.write(tmp_path, "b", synthetic.experiment(("series",), ("rnn",), seeds=1, trials=1))
    with pytest.raises(UserError, match="two or more"):
        compare(["a", "a"], tmp_path)
    with pytest.raises(UserError, match="unknown experiment 'c'"):
        compare(["a", "c"], tmp_path)
    with pytest.raises(UserError, match="no task and model in common"):
        compare(["a", "b"], tmp_path)


def test_a_failure_is_the_worst_result_on_either_side(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    """A change that lowers the loss a little and fails most of the time is worse, not better."""
    before = [synthetic.training("sine", "gru", replicate) for replicate in range(1, 9)]
    after = changed(before, 0.8, noise=0.02)
    for record in after[2:]:
        record |= {"status": "diverged", "test": None}
    (forward,) = compared([results_of(before), results_of(after)]).differences
    assert (forward.state, forward.n, forward.failed) == ("worse", 8, (6, 0))
    assert forward.effect < 1  # where both finished
    (backward,) = compared([results_of(after), results_of(before)]).differences
    assert backward.state == "better"


def test_own_searches_pair_by_their_data(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    """Which weights a trial began with follows from what was chosen."""
    before = [synthetic.training("sine", "gru", r, stage="trial", trial=0) for r in range(1, 7)]
    after = [synthetic.training("sine", "gru", r, stage="trial", trial=0, hidden_size=64) for r in range(1, 7)]
    (found,) = compared([results_of(before), results_of(after)]).differences
    assert (found.n, found.unpaired) == (6, 0)
    for record in after[:2]:
        record["hashes"]["data"] = "other"
    (found,) = compared([results_of(before), results_of(after)]).differences
    assert (found.n, found.unpaired) == (4, 2)
