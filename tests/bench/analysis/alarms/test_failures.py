"""Models that failed now and then are named, with how and what to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.alarms.failures import failures
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


def test_a_few_lost_trials_and_models_without_any_result_are_none(synthetic: ModuleType, results_of: Build) -> None:
    assert failures(results_of(with_statuses(synthetic, ["diverged"] * 4, trials=6))) == []
    assert failures(results_of(with_statuses(synthetic, ["diverged"] * 4))) == []  # `without_result` names it
    assert failures(results_of(with_statuses(synthetic, ["ok"] * 4))) == []
