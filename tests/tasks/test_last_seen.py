"""The value last seen at the same place of a period fills a gap, as long as one was seen."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.cogscale import HIDDEN, Cogscale
from tasks.contract import Array, Dataset, Split
from tasks.last_seen import carried, last_seen

PERIOD, STEPS = 3, 15


def patterns(count: int, seed: int) -> tuple[Split, Array]:
    """Patterns with gaps, and `(N, T)` where the gaps are."""
    rng = np.random.default_rng(seed)
    truth = np.tile(rng.random((count, PERIOD), dtype=np.float32), STEPS // PERIOD)
    gaps = rng.random(truth.shape) < 0.3
    return Split(np.where(gaps, np.float32(HIDDEN), truth)[..., None], truth[..., None], gaps), gaps


def test_a_gap_holds_what_stood_there_a_period_before_or_earlier() -> None:
    shown = np.array([[HIDDEN, 0.2, 0.4, 0.3, HIDDEN, 0.4, HIDDEN, HIDDEN, 0.4]])[..., None]
    expected = [0.5, 0.2, 0.4, 0.3, 0.2, 0.4, 0.3, 0.2, 0.4]
    np.testing.assert_array_equal(carried(shown, 3, HIDDEN, 0.5)[0, :, 0], expected)
    assert shown[0, 0, 0] == HIDDEN  # its input is left alone


def test_no_later_value_is_used() -> None:
    inputs = patterns(20, 0)[0].inputs
    cut = np.concatenate([inputs[:, :7], np.full_like(inputs[:, 7:], 9.0)], axis=1)
    np.testing.assert_array_equal(carried(cut, 3, HIDDEN, 0.5)[:, :7], carried(inputs, 3, HIDDEN, 0.5)[:, :7])


def test_the_period_is_found_and_only_what_was_never_seen_is_wrong() -> None:
    task = Cogscale("continuous_pattern_completion")
    found = last_seen(task, Dataset(*(patterns(200, seed)[0] for seed in range(3))), HIDDEN)
    assert f"the last value seen {PERIOD} steps earlier" in found.how
    train, gaps = patterns(200, 0)
    assert found.loss == pytest.approx(_loss_of_the_unseen(*patterns(200, 2), float(train.targets[gaps].mean())))
    assert (found.name, found.kind) == ("last_seen", "baseline")


def _loss_of_the_unseen(split: Split, gaps: Array, mean: float) -> float:
    seen: Array = np.logical_or.accumulate(~gaps.reshape(len(gaps), -1, PERIOD), axis=1)
    unseen = ~seen.reshape(gaps.shape)
    assert 0 < unseen.mean() < 0.2
    return float((((mean - split.targets[..., 0]) ** 2) * unseen)[gaps].mean())
