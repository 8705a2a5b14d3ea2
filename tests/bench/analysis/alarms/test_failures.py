"""Models that failed now and then are named, with how and what to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.alarms.failures import failures, without_result
from bench.analysis.results import Results

Build = Callable[..., Results]


def with_statuses(synthetic: ModuleType, statuses: Sequence[str], trials: int = 1) -> list[dict[str, Any]]:
    """Replicates of `trials` trials each, of which the first has the status; the others end well."""
    return [
        synthetic.training(
            "sine", "gru", replicate, stage="trial", trial=trial, status=status if trial == 0 else "ok", quality=0.9
        )
        for replicate, status in enumerate(statuses, start=1)
        for trial in range(trials)
    ]


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        ("diverged", "lower the upper end of --lr-range"),
        ("timeout", "give a longer --timeout"),
        ("out_of_memory", "give a smaller --batch-size, smaller --hidden-sizes or fewer --workers"),
        ("failed", "see the errors in the report's section Failures"),
    ],
)
def test_a_lost_replicate_is_an_alarm(synthetic: ModuleType, results_of: Build, status: str, mend: str) -> None:
    (alarm,) = failures(results_of(with_statuses(synthetic, ["ok"] * 6 + [status])))
    assert alarm.text == (
        f"On sine, gru failed in 1 of 7 replicates, and 6 more did not reach the target (1 {status}): {mend}."
    )


def test_a_search_that_loses_many_trials_is_an_alarm_although_each_replicate_has_a_result(
    synthetic: ModuleType, results_of: Build
) -> None:
    (alarm,) = failures(results_of(with_statuses(synthetic, ["diverged"] * 4, trials=3)))
    assert alarm.text.startswith("On sine, 4 of 12 trainings of gru did not end well (4 diverged): lower the upper end")


def pruned(synthetic: ModuleType, *, stopped: int = 0, gone_on: int = 0, whole: int = 0) -> list[dict[str, Any]]:
    """Two replicates of 6 trials: of each 4 are stopped at a ninth of the steps, 1 at a third, and 1 is trained to the
    end. stopped, gone_on, whole: how many of the trainings of trials that end there, go on to a third, and are trained
    to the end have diverged; what would have followed was not trained."""
    records = []
    for replicate in (1, 2):
        search = synthetic.pruned("sine", "gru", replicate)
        first, second, last = search[:6], search[6:8], search[8:]
        ends = [record for record in first if record["trial"] not in {record["trial"] for record in second}]
        for record in (*ends[:stopped], *second[:gone_on], *last[:whole]):
            record |= {"status": "diverged", "test": None}
        records += [*first, *second, *(last if gone_on < 2 else [])]
    return records


def test_trials_that_a_search_stopped_early_are_no_failures(synthetic: ModuleType, results_of: Build) -> None:
    assert raised(results_of(pruned(synthetic))) == []
    assert raised(results_of(pruned(synthetic, stopped=1))) == []


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ({"stopped": 2}, "4 of 12 trials of gru did not end well (4 diverged)"),  # of 18 trainings
        ({"whole": 1}, "gru failed in 2 of 2 replicates (2 diverged)"),
        ({"stopped": 4, "gone_on": 2}, "gru has no result: none of its trials ended well (12 diverged)"),
    ],
)
def test_a_trial_of_a_pruned_search_counts_once_as_its_longest_training_ended(
    synthetic: ModuleType, results_of: Build, lost: dict[str, int], said: str
) -> None:
    (alarm,) = raised(results_of(pruned(synthetic, **lost)))
    assert alarm.startswith(f"On sine, {said}")


def raised(results: Results) -> list[str]:
    return [alarm.text for alarm in (*without_result(results), *failures(results))]


def test_a_few_lost_trials_and_models_without_any_result_are_none(synthetic: ModuleType, results_of: Build) -> None:
    assert failures(results_of(with_statuses(synthetic, ["diverged"] * 4, trials=6))) == []
    assert failures(results_of(with_statuses(synthetic, ["diverged"] * 4))) == []  # `without_result` names it
    assert failures(results_of(with_statuses(synthetic, ["ok"] * 4))) == []
