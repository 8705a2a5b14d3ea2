import copy
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

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


def drawn_anew(records: Records, **changes: Any) -> Records:
    """As `changed`, with other data and weights in every replicate."""
    made = changed(records, noise=0.05, **changes)
    for record in made:
        record["hashes"] = {part: f"other {value}" for part, value in record["hashes"].items()}
    return made


def test_seeds_that_drew_otherwise_are_two_samples(records: Records, results_of: Callable[..., Results]) -> None:
    found = compared([results_of(records), results_of(drawn_anew(records))]).differences
    assert {(d.independent, d.n, d.unpaired, d.identical, d.state) for d in found} == {(True, 6, 6, 0, "not settled")}
    other = drawn_anew(records, factor=3.0)
    found = compared([results_of(records), results_of(other)]).differences
    assert {d.state for d in found} == {"worse"}
    first = found[0]
    samples = [
        [
            math.log(r["test"]["loss"])
            for r in each
            if (r["stage"], r["match"], r["task"]["label"], r["model"]["label"]) == ("confirm", *first.cell)
        ]
        for each in (other, records)
    ]
    welch = scipy_stats.ttest_ind(*samples, equal_var=False)
    interval = welch.confidence_interval()
    assert first.p == pytest.approx(welch.pvalue)
    assert (first.low, first.high) == pytest.approx((math.exp(interval.low), math.exp(interval.high)))
    more = [*records, *({**r, "replicate": 7} for r in records if r["stage"] == "confirm" and r["replicate"] == 6)]
    (d, *_) = compared([results_of(more), results_of(other)]).differences
    assert (d.n, d.runs) == (6, (7, 6))


def test_steps_of_two_samples_are_those_that_reached_the_target(synthetic: ModuleType, results_of: Any) -> None:
    before = [synthetic.training("sine", "gru", r, stage="trial", trial=0) for r in range(1, 7)]
    after = copy.deepcopy(before)
    for record, steps in zip(before, (100, 400, None, 200, 200, 200), strict=True):
        record["steps_to_target"] = steps
    for record, steps in zip(after, (400, 400, 400, 400, None, None), strict=True):
        record["steps_to_target"] = steps
        record["hashes"] = {part: f"other {value}" for part, value in record["hashes"].items()}
    (found,) = compared([results_of(before), results_of(after)]).differences
    assert found.independent
    assert found.steps_ratio == pytest.approx(2.0)
    assert (found.steps_n, found.solved) == (4, (5, 4))


def test_what_was_drawn_is_not_known_or_shared(records: Records, results_of: Callable[..., Results]) -> None:
    """Then there are neither pairs nor two samples."""
    unknown = changed(records, hashes=None)
    found = compared([results_of(unknown), results_of(changed(unknown))]).differences
    assert {(d.state, d.n) for d in found} == {("not paired", 0)}
    moved = changed(records)  # the same draws in other replicates
    for record in moved:
        number = (record.get("replicate") or 0) % 6 + 1
        record["hashes"] = {"weights": f"w{number}", "first_batch": f"b{number}"}
    found = compared([results_of(records), results_of(moved)]).differences
    assert {(d.state, d.unpaired) for d in found} == {("not paired", 6)}
    of_a_series = drawn_anew(records, origin={"block": 1})  # origins are stretches of one table
    found = compared([results_of(records), results_of(of_a_series)]).differences
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
