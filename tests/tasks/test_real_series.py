"""The three public series: the numbers that are known of them, and what is said where statsmodels is missing."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.packaged_data import packaged_file
from tasks.real_series import Co2, Macro, Sunspots


def test_sunspots_are_those_of_the_package() -> None:
    from statsmodels.datasets import sunspots

    known = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    prepared = Sunspots().series.prepared
    np.testing.assert_allclose(prepared.values[:, 0] * prepared.scale + prepared.mean, known, atol=1e-9)
    assert len(known) == 309


def test_co2_has_59_missing_weeks_filled_forward() -> None:
    from statsmodels.datasets import co2

    known = co2.load_pandas().data["co2"]
    assert int(known.isna().sum()) == 59
    prepared = Co2().series.prepared
    np.testing.assert_allclose(prepared.values[:, 0] * prepared.scale + prepared.mean, known.ffill().to_numpy())
    assert len(Co2().notes) == 1
    assert "misses 59 of 2284 values" in Co2().notes[0]


def test_macro_is_quarterly_growth_in_percent() -> None:
    from statsmodels.datasets import macrodata

    known = macrodata.load_pandas().data[["realgdp", "realcons", "realinv"]].to_numpy()
    prepared = Macro().series.prepared
    growth = 100 * np.diff(np.log(known), axis=0)
    np.testing.assert_allclose(prepared.values * prepared.scale + prepared.mean, growth, atol=1e-9)
    assert Macro().input_size == Macro().output_size == 3


@pytest.mark.parametrize("task", [Sunspots(), Co2(), Macro()])
def test_the_floors_are_persistence_seasonal_naive_and_a_linear_model(task: Sunspots) -> None:
    names = [reference.name for reference in task.references(task.generate(0))]
    assert names == ["persistence", "seasonal_naive", "linear_ar"]


def test_the_defaults_suit_the_number_of_rows() -> None:
    assert Macro().defaults.batch_size < Co2().defaults.batch_size
    assert Macro(window=4).label == "macro[window=4]"


def test_a_missing_package_is_one_line_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"statsmodels, which is not installed: pip install 'bench\[data\]'"):
        Sunspots()


def test_a_package_without_the_file_is_named() -> None:
    with pytest.raises(UserError, match=r"installed numpy has no none\.csv"):
        packaged_file("numpy", "none.csv", task="t", extra="data")
