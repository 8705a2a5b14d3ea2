"""Which kernel searched, and in how many replicates the model itself may have chosen another trial."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.search_kernels import SearchKernel, search_kernels

Results = Callable[..., Any]


class Made:
    """Trainings of a model whose trials another kernel trained."""

    def __init__(self, synthetic: ModuleType) -> None:
        self._synthetic = synthetic

    def __call__(self, stage: str, replicate: int, trial: int, loss: float, **changes: Any) -> dict[str, Any]:
        record: dict[str, Any] = self._synthetic.training("sine", "gru", replicate, stage=stage, trial=trial)
        losses = [max(loss, 1.0), *[loss] * (len(record["curve"]["step"]) - 1)]
        return {**record, "curve": {**record["curve"], "valid_loss": losses}, "search_kernel": "numpy", **changes}

    def stopped(self, replicate: int, trial: int, loss: float) -> dict[str, Any]:
        """A trial that `--prune` stopped early."""
        record = self("trial", replicate, trial, loss)
        key, settings = record["key"] + "-stopped", {**record["training"], "steps": 100, "budget_steps": 1000}
        return {**record, "key": key, "training": settings}


@pytest.fixture
def made(synthetic: ModuleType) -> Made:
    return Made(synthetic)


def found_in(results: Any) -> SearchKernel:
    (found,) = search_kernels(results)
    return found


@pytest.mark.parametrize(("own_loss", "behind"), [(0.15, 0), (0.25, 1)])
def test_a_selection_is_doubtful_where_the_models_training_falls_behind_the_second_best_trial(
    synthetic: ModuleType, results_of: Results, made: Made, own_loss: float, behind: int
) -> None:
    records = [
        made("trial", replicate, trial, loss) for replicate in (1, 2) for trial, loss in enumerate((0.3, 0.1, 0.2))
    ]
    records += [made("train", 1, 1, own_loss), made("train", 2, 1, 0.1)]
    records.append(synthetic.training("sine", "lstm", 1, stage="trial", trial=0))
    found = found_in(results_of(records))
    assert (found.model, found.search_kernel, found.compared, found.behind) == ("gru", "numpy", 2, behind)
    assert ("In 1 of 2 replicates" in found.sentence) == bool(behind)
    assert ("In every replicate" in found.sentence) != bool(behind)


def test_only_whole_trials_of_other_configurations_are_compared(results_of: Results, made: Made) -> None:
    stopped = [made.stopped(1, trial, loss) for trial, loss in enumerate((0.11, 0.12, 0.2))]
    records = [*stopped, made("trial", 1, 0, 0.1), made("train", 1, 0, 0.15)]
    found = found_in(results_of(records))
    assert (found.trained, found.compared, found.behind) == (1, 0, 0)
    assert "No replicate trained a second configuration to the end" in found.sentence
    assert "In every replicate" not in found.sentence
    other = [*records, made("trial", 2, 1, 0.2), made("trial", 2, 0, 0.1), made("train", 2, 0, 0.1)]
    found = found_in(results_of(other))
    assert (found.trained, found.compared, found.behind) == (2, 1, 0)
    assert "In 1 of 2 replicates a second configuration was trained to the end; the model's own" in found.sentence
    found = found_in(results_of([*other[:-1], made("train", 2, 0, 0.25)]))
    assert "; in 1 of these the model's own training fell behind it" in found.sentence


def test_a_training_that_two_comparisons_share_counts_once(results_of: Results, made: Made) -> None:
    records = [
        made(stage, 1, trial, loss, match=match)
        for match in ("hidden", "params")
        for stage, trial, loss in (("trial", 0, 0.1), ("trial", 1, 0.12), ("train", 0, 0.15))
    ]
    found = found_in(results_of(records))
    assert (found.trained, found.compared, found.behind) == (1, 1, 1)
