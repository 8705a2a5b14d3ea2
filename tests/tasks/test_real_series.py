"""The three public series: the numbers that are known of them, and what is said where statsmodels is missing."""

from __future__ import annotations

import importlib.util
import pickle

import numpy as np
import pytest

from tasks.contract import Origin
from tasks.errors import UserError
from tasks.packaged_data import packaged_file
from tasks.real_series import Co2, Macro, RealSeries, Sunspots


def test_sunspots_are_those_of_the_package() -> None:
    from statsmodels.datasets import sunspots

    known = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    prepared = Sunspots().series.prepared
    np.testing.assert_array_equal(prepared.values[:, 0], known)
    assert len(known) == 309


def test_co2_has_59_missing_weeks_filled_forward() -> None:
    from statsmodels.datasets import co2

    known = co2.load_pandas().data["co2"]
    assert int(known.isna().sum()) == 59
    prepared = Co2().series.prepared
    np.testing.assert_array_equal(prepared.values[:, 0], known.ffill().to_numpy())
    assert len(Co2().notes) == 2
    assert "misses 59 of 2,284 values" in Co2().notes[0]


def test_macro_is_quarterly_growth_in_percent() -> None:
    from statsmodels.datasets import macrodata

    known = macrodata.load_pandas().data[["realgdp", "realcons", "realinv"]].to_numpy()
    prepared = Macro().series.prepared
    growth = 100 * np.diff(np.log(known), axis=0)
    np.testing.assert_array_equal(prepared.values, growth)
    assert Macro().input_size == Macro().output_size == 3


@pytest.mark.parametrize(
    ("task", "names"),
    [
        (Sunspots(), ["persistence", "training_mean", "seasonal_naive", "linear_ar"]),
        (Co2(), ["persistence", "training_mean", "seasonal_naive", "linear_ar"]),
        (Macro(), ["training_mean", "persistence", "no_growth", "seasonal_naive", "linear_ar"]),
    ],
)
def test_the_references_are_naive_ones_and_a_linear_model(task: RealSeries, names: list[str]) -> None:
    for replicate in (0, 1, 10):
        found = (here := task.at(replicate)).references(here.generate(0))
        assert [reference.name for reference in found] == names
        assert [reference.kind for reference in found] == ["floor", *["baseline"] * (len(names) - 1)]


def test_a_real_series_has_the_origins_of_its_rows() -> None:
    task = Sunspots()
    assert task.origin == Origin(None, 10, 142, 11, 309)
    assert task.at(1).origin == task.at(11).origin == Origin(9, 10, 252, 11, 309)
    assert task.at(10).origin == Origin(0, 10, 153, 11, 309)
    assert task.at(3).at(10) == task.at(10) != task.at(3)
    assert task.at(3).at(0) == task
    assert (task.at(3).label, task.at(3).identity()) == (task.label, task.identity())
    assert task.at(10).columns.input_mean != task.columns.input_mean
    again = pickle.loads(pickle.dumps(task.at(10)))
    assert again == task.at(10)
    np.testing.assert_array_equal(again.generate(0).test.targets, task.at(10).generate(0).test.targets)


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
