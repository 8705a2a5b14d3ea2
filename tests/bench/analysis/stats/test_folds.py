"""The corrected resampled t-test: by hand, against SciPy where the correction vanishes, and by simulation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.analysis.stats import corrected_paired, paired_difference

VALUES = [0.3, -0.1, 0.4, 0.2, 0.6]


def test_by_hand() -> None:
    found = corrected_paired(VALUES, [100, 110, 120, 130, 140], 10)
    ratio = np.mean([10 / 100, 10 / 110, 10 / 120, 10 / 130, 10 / 140])
    error = np.std(VALUES, ddof=1) * math.sqrt(1 / 5 + ratio)
    half = scipy_stats.t.ppf(0.975, 4) * error
    assert found.value == pytest.approx(0.28)
    assert (found.low, found.high) == pytest.approx((0.28 - half, 0.28 + half))
    assert found.p == pytest.approx(2 * scipy_stats.t.sf(0.28 / error, 4))
    assert found.n == 5


def test_folds_that_share_next_to_nothing_give_the_paired_t_test() -> None:
    found = corrected_paired(VALUES, 1e12, 1)
    assert found == pytest.approx(paired_difference(VALUES, 0.0))
    assert found.p == pytest.approx(scipy_stats.ttest_1samp(VALUES, 0).pvalue)


def test_interval_and_p_value_agree() -> None:
    for level in np.linspace(0.05, 0.95, 10):
        found = corrected_paired(VALUES, 100, 10, confidence=1 - level)
        assert (found.p < level) == (found.low > 0)


def test_a_missing_origin_takes_its_rows_with_it() -> None:
    assert corrected_paired([*VALUES, math.nan], [*[100] * 5, 1], 10) == corrected_paired(VALUES, 100, 10)


@pytest.mark.parametrize(("values", "p"), [([0.0, 0.0, 0.0], 1.0), ([0.2, 0.2, 0.2], 0.0)])
def test_equal_differences_have_no_spread(values: list[float], p: float) -> None:
    found = corrected_paired(values, 100, 10)
    assert (found.low, found.high, found.p) == (values[0], values[0], p)


def test_too_few_origins_say_so() -> None:
    assert corrected_paired([], 100, 10).n == 0
    one = corrected_paired([0.4], 100, 10)
    assert (one.value, one.n) == (0.4, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.p)


@pytest.mark.parametrize(("train", "test"), [(0, 10), (100, 0), ([100] * 4 + [-1], 10)])
def test_rows_must_be_positive(train: object, test: object) -> None:
    with pytest.raises(ValueError, match="above 0"):
        corrected_paired(VALUES, train, test)  # type: ignore[arg-type]


def test_rejections_without_a_difference_are_few() -> None:
    """A short form of `tests/calibration/folds.py`: the case that is hardest for the uncorrected test."""
    path = Path(__file__).parents[3] / "calibration" / "folds.py"
    script: dict[str, object] = {"__name__": "folds"}
    exec(compile(path.read_text(), str(path), "exec"), script)
    simulations = 200
    _, plain, corrected = script["rejections"]("orders", "seasonal", 200, simulations)  # type: ignore[operator]
    slack = 2 * math.sqrt(0.05 * 0.95 / simulations)
    assert corrected <= 0.05 + slack
    assert corrected < plain
