"""Forecast intervals: the quantile by hand, and their coverage by simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Problem
from bench.training.checkpoint import LoadedModel
from bench.training.conformal import FEWEST, bound, half_widths, interval
from bench.training.paths import paths
from bench.training.validation_rows import pack, unpack
from tasks.contract import Columns, Split

AR, MEAN, SCALE = 0.8, 20.0, 4.0
PLAIN = Columns(("x",), ("x",), 1, 1, (MEAN,), (SCALE,), (MEAN,), (SCALE,))


@dataclass
class Autoregressive:
    """A learner that forecasts an AR(1) by its own law."""

    def place(self, split: Any) -> Any:
        return split.inputs

    def predict(self, placed: Any) -> Any:
        return AR * placed[:, -1]


MODEL = LoadedModel("m.pt", {}, Problem(1, 1, "mse"), PLAIN, Autoregressive())  # type: ignore[arg-type]


def test_the_bound_is_the_error_of_that_rank() -> None:
    assert FEWEST == 9
    assert bound(np.arange(1.0, 10)) == 9  # ceil(10 · 0.9) of 9
    assert math.isnan(bound(np.arange(1.0, 9)))
    assert bound(np.arange(1.0, 100)) == 90
    assert bound(np.append(np.arange(1.0, 10), math.nan)) == 9


def rows_of(series: np.ndarray) -> Split:
    standard = ((series - MEAN) / SCALE).astype(np.float32)[:, None]
    return Split(standard[:-1, None], standard[1:])


@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("draw", ["normal", "standard_cauchy"])
def test_intervals_hold_the_next_value_as_often_as_they_say(step: int, draw: str) -> None:
    """An AR(1) that is forecast by its own law, from 60 validation rows; heavy tails make no difference."""
    held, count = 0, 600
    for seed in range(count):
        rng = np.random.default_rng(seed)
        noise = getattr(rng, draw)(size=160) * SCALE
        series = np.zeros(160)
        for t in range(1, 160):
            series[t] = AR * series[t - 1] + noise[t]
        series = series[-(60 + step) :] + MEAN
        rows = unpack(pack(rows_of(series[:60])), 1, 1, 1)
        assert rows is not None
        window = ((series[59:60] - MEAN) / SCALE).astype(np.float32)[None, :, None]
        low, high = interval(PLAIN, paths(MODEL, window, None, step)[0], half_widths(MODEL, rows, step))
        held += low[-1, 0] <= series[59 + step] <= high[-1, 0]
    # within four standard errors of 90 %; errors of several steps overlap, so they are worth fewer
    assert held / count == pytest.approx(0.9, abs=0.05 if step == 1 else 0.07)


def test_of_growth_the_interval_is_relative() -> None:
    columns = replace(PLAIN, transform="growth")
    low, high = interval(columns, np.array([[100.0]]), np.array([[math.log(2)]]))
    assert (low[0, 0], high[0, 0]) == pytest.approx((50, 200))


@pytest.mark.parametrize("spoilt", [None, {}, {"rows": [[1.0]], "targets": [], "base": None}, {"rows": "x"}, [1]])
def test_validation_rows_that_are_missing_or_not_whole_give_no_interval(spoilt: Any) -> None:
    assert unpack(spoilt, 3, 1, 1) is None


def test_sequences_that_are_no_rows_of_a_table_are_not_kept() -> None:
    rng = np.random.default_rng(0)
    assert pack(Split(rng.normal(size=(5, 3, 1)), rng.normal(size=(5, 1)))) is None
