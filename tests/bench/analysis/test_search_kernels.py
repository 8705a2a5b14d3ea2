"""Which kernel searched, and in how many replicates the model itself may have chosen another trial."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.search_kernels import search_kernels


@pytest.mark.parametrize(("own_loss", "behind"), [(0.15, 0), (0.25, 1)])
def test_a_selection_is_doubtful_where_the_models_training_falls_behind_the_second_best_trial(
    synthetic: ModuleType, results_of: Callable[..., Any], own_loss: float, behind: int
) -> None:
    def made(stage: str, replicate: int, trial: int, loss: float) -> dict[str, Any]:
        record = synthetic.training("sine", "gru", replicate, stage=stage, trial=trial)
        losses = [max(loss, 1.0), *[loss] * (len(record["curve"]["step"]) - 1)]
        return {**record, "curve": {**record["curve"], "valid_loss": losses}, "search_kernel": "numpy"}

    records = [
        made("trial", replicate, trial, loss) for replicate in (1, 2) for trial, loss in enumerate((0.3, 0.1, 0.2))
    ]
    records += [made("train", 1, 1, own_loss), made("train", 2, 1, 0.1)]
    records.append(synthetic.training("sine", "lstm", 1, stage="trial", trial=0))
    (found,) = search_kernels(results_of(records))
    assert (found.model, found.search_kernel, found.replicates, found.behind) == ("gru", "numpy", 2, behind)
    assert ("In 1 of 2 replicates" in found.sentence) == bool(behind)
    assert ("In every replicate" in found.sentence) != bool(behind)
