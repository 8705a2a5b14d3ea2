"""References as predictors of new rows: what they forecast of a run's own data are the scores that the run recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.losses import mean_loss
from tasks.series import Series
from tasks.series_predictors import series_predictor, with_first_rows


def table(folder: Path, rows: int = 150) -> str:
    rng = np.random.default_rng(3)
    walk = 500 + rng.normal(0, 4, (rows, 2)).cumsum(axis=0)
    path = folder / f"rows{rows}.csv"
    lines = [f"{i},{a},{b},{c}" for i, ((a, b), c) in enumerate(zip(walk, rng.normal(0, 1, rows), strict=True))]
    path.write_text("\n".join(["t,a,b,c", *lines]))
    return str(path)


@pytest.mark.parametrize("transform", ["none", "growth", "difference", "log"])
@pytest.mark.parametrize(
    "more",
    [{"known": ("c",)}, {"horizons": "1,3,8", "known": ("c",)}, {"horizon": 4, "features": ("c",), "window": 3}],
)
def test_each_has_the_validation_loss_of_the_reference(tmp_path: Path, transform: Any, more: dict[str, Any]) -> None:
    options: dict[str, Any] = {"window": 6, "season": 7, "transform": transform, "time": "t", **more}
    task = Series(table(tmp_path), ("a", "b"), **options)
    for replicate in (0, 1, 2):
        here = task.at(replicate)
        dataset = here.generate(0)
        references = here.references(dataset)
        assert {"linear_ar", "persistence", "training_mean", "seasonal_naive"} <= {r.name for r in references}
        for reference in references:
            found = series_predictor(here, reference.name, dataset)
            assert found is not None
            assert found.valid.inputs.shape[1:] == (found.columns.window, len(found.columns.inputs))
            loss = mean_loss("mse", found.predict(found.valid.inputs), found.valid.targets)
            assert loss == pytest.approx(reference.valid_loss, rel=1e-5), reference.name
    assert series_predictor(task, "gru", task.generate(0)) is None


def test_naive_predictors_need_the_targets_alone(tmp_path: Path) -> None:
    task = Series(table(tmp_path), ("a",), features=("b",), known=("c",), window=4).at(1)
    naive, linear = (series_predictor(task, name, task.generate(0)) for name in ("persistence", "linear_ar"))
    assert naive is not None
    assert naive.columns.selection is not None
    assert naive.columns.selection.inputs == naive.columns.inputs == ("a",)
    assert linear is not None
    assert linear.columns.inputs == ("a", "b", "c")


def test_the_first_rows_of_a_table_are_the_task_before_rows_were_added(tmp_path: Path) -> None:
    before, after = (Series(table(tmp_path, rows), ("a",), window=4, transform="growth") for rows in (150, 190))
    Path(after.data).write_text("\n".join([*Path(before.data).read_text().splitlines(), "150,1,1,1", "151,2,2,2"]))
    longer = Series(after.data, ("a",), window=4, transform="growth")
    again = with_first_rows(longer, before.rows)
    assert longer.rows == before.rows + 2
    assert again.origins == before.origins
    for replicate in (0, 1):
        one, two = again.at(replicate).generate(0), before.at(replicate).generate(0)
        np.testing.assert_array_equal(one.train.inputs, two.train.inputs)
        np.testing.assert_array_equal(one.test.targets, two.test.targets)
