"""Rolling forecasts forward, against an independent loop in float64, and the rows that several horizons serve."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Problem
from bench.training.checkpoint import LoadedModel
from bench.training.paths import paths, require_rollable
from tasks.contract import Columns
from tasks.errors import UserError


@dataclass
class Linear:
    """A learner whose outputs are a linear map of the window, `(window · inputs) -> outputs`."""

    weights: np.ndarray

    def place(self, split: Any) -> Any:
        return split.inputs

    def predict(self, placed: Any) -> Any:
        return placed.reshape(len(placed), -1).astype(np.float64) @ self.weights


def made(columns: Columns, weights: np.ndarray) -> LoadedModel:
    problem = Problem(len(columns.inputs), len(columns.outputs), "mse", sequence_length=columns.window)
    return LoadedModel("m.pt", {}, problem, columns, Linear(weights))  # type: ignore[arg-type]


MEAN, SCALE, WINDOW = 20.0, 4.0, 3
PLAIN = Columns(("x",), ("x",), WINDOW, 1, (MEAN,), (SCALE,), (MEAN,), (SCALE,))
SERIES = 20 + 3 * np.sin(np.arange(12.0))
WEIGHTS = np.array([[0.2], [-0.5], [0.9]])


def windows_of(values: np.ndarray) -> np.ndarray:
    standard = ((values - MEAN) / SCALE).astype(np.float32)
    return np.lib.stride_tricks.sliding_window_view(standard[:, None], WINDOW, axis=0).swapaxes(1, 2)


def test_a_forecast_is_rolled_forward_on_itself() -> None:
    found = paths(made(PLAIN, WEIGHTS), windows_of(SERIES), None, 5)
    for origin in range(len(SERIES) - WINDOW + 1):
        known = list((SERIES[origin : origin + WINDOW] - MEAN) / SCALE)
        for step in range(5):
            known.append(float(np.dot(WEIGHTS[:, 0], known[-WINDOW:])))
            assert found[origin, step, 0] == pytest.approx(known[-1] * SCALE + MEAN, abs=1e-5)


@pytest.mark.parametrize("transform", ["growth", "difference", "log"])
def test_transformed_forecasts_are_rolled_in_their_own_units(transform: Any) -> None:
    columns = replace(PLAIN, transform=transform, input_mean=(0.0,), input_scale=(1.0,), output_mean=(0.0,),
                      output_scale=(1.0,))  # fmt: skip
    change = {"growth": lambda a: 100 * np.diff(np.log(a)), "difference": np.diff, "log": np.log}[transform](SERIES)
    levels = SERIES if transform == "log" else SERIES[1:]
    standard = change.astype(np.float32)[:, None]
    windows = np.lib.stride_tricks.sliding_window_view(standard, WINDOW, axis=0).swapaxes(1, 2)
    base = None if transform == "log" else levels[WINDOW - 1 :, None]
    found = paths(made(columns, WEIGHTS), windows, base, 4)
    known, level = list(change[-WINDOW:]), levels[-1]
    for step in range(4):
        known.append(float(np.dot(WEIGHTS[:, 0], known[-WINDOW:])))
        after = {"growth": level * np.exp(known[-1] / 100), "difference": level + known[-1], "log": np.exp(known[-1])}
        level = after[transform]
        assert found[-1, step, 0] == pytest.approx(level, rel=1e-5)


def test_rows_between_horizons_come_from_earlier_windows_and_later_ones_are_rolled() -> None:
    columns = replace(
        PLAIN, outputs=("x+1", "x+3"), horizon=3, horizons=(1, 3), output_mean=(MEAN,) * 2, output_scale=(SCALE,) * 2
    )
    weights = np.hstack([WEIGHTS, np.array([[0.1], [0.3], [0.5]])])
    windows = windows_of(SERIES)
    found = paths(made(columns, weights), windows, None, 4)[:, :, 0]
    direct = (windows[:, :, 0] @ weights) * SCALE + MEAN
    np.testing.assert_allclose(found[:, 0], direct[:, 0], rtol=1e-6)  # one row ahead
    np.testing.assert_allclose(found[1:, 1], direct[:-1, 1], rtol=1e-6)  # two: three ahead of the window before
    np.testing.assert_allclose(found[:, 2], direct[:, 1], rtol=1e-6)
    assert np.isnan(found[0]).any()
    rolled = np.append(windows[-1, 1:, 0], (found[-1, 0] - MEAN) / SCALE)
    assert found[-1, 3] == pytest.approx(float(rolled @ weights[:, 1]) * SCALE + MEAN, rel=1e-6)


def test_inputs_that_are_not_forecast_cannot_be_rolled() -> None:
    columns = replace(PLAIN, inputs=("x", "rain"))
    require_rollable(columns, 1)
    with pytest.raises(UserError, match=r"--steps 2 goes beyond the 1 row that.*'?rain'?: train with --horizons 1-2"):
        require_rollable(columns, 2)
