"""Shares by key: counts, the loss of each answer from all others, and what a key that was never seen gets."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.contract import Loss
from tasks.shares import WEIGHTS, count

CLASSES = 4


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_loss_of_all_answers_is_that_of_each_predicted_from_all_others(loss: Loss, weight: float) -> None:
    """Answer by answer: counts without this one, the shares that follow from them, and its loss."""
    rng = np.random.default_rng(1)
    keys = rng.integers(5, size=60)
    answers = rng.integers(CLASSES, size=60)
    truth = np.eye(CLASSES)[answers]
    if loss == "binary_cross_entropy":
        truth = answers = (rng.random((60, CLASSES)) < 0.3).astype(np.float64)
    prior = (truth.sum(axis=0) + 1) / (64 if loss == "cross_entropy" else 62)
    found = []
    for one in range(60):
        others = [i for i in range(60) if i != one and keys[i] == keys[one]]
        share = (truth[others].sum(axis=0) + weight * prior) / (len(others) + weight)
        likely = share if loss == "cross_entropy" else np.where(truth[one] > 0, share, 1 - share)
        found.append(-np.log(likely[truth[one] > 0]).sum() if loss == "cross_entropy" else -np.log(likely).mean())
    counts = count(keys, answers, CLASSES)
    np.testing.assert_allclose(counts.prior, prior)
    assert counts._left_out(weight) == pytest.approx(np.mean(found), rel=1e-12)


def test_of_all_weights_that_with_the_lowest_loss_is_chosen() -> None:
    rng = np.random.default_rng(0)
    for noise in (0.0, 0.2, 1.0):
        keys = rng.integers(40, size=100)
        answers = np.where(rng.random(100) < noise, rng.integers(CLASSES, size=100), keys % CLASSES)
        counts = count(keys, answers, CLASSES)
        loss, weight = counts.best()
        losses = [counts._left_out(each) for each in WEIGHTS]
        assert weight == WEIGHTS[int(np.argmin(losses))]
        assert loss == pytest.approx(min(losses), abs=1e-11)


@pytest.mark.parametrize("spread", [1, 10_000])
def test_counts_are_those_of_a_dictionary_however_large_the_numbers_are(spread: int) -> None:
    rng = np.random.default_rng(2)
    keys, answers = spread * rng.integers(7, size=100), rng.integers(3, size=100)
    counts = count(keys, answers, 3)
    assert list(counts.seen) == sorted(set(keys.tolist()))
    expected = [[int(((keys == one) & (answers == c)).sum()) for c in range(3)] for one in counts.seen]
    np.testing.assert_array_equal(counts.sums, expected)
    np.testing.assert_array_equal(counts.times[:, 0], np.sum(expected, axis=1))


def test_a_key_that_was_never_seen_gets_the_shares_of_all_answers() -> None:
    counts = count(np.array([3, 3, 5]), np.array([0, 0, 1]), 2)
    shares = counts.shares(1e-2)
    unseen = np.exp(shares.predict(np.array([[0, 4], [6, 10**9]])))
    np.testing.assert_allclose(unseen, np.broadcast_to([0.6, 0.4], (2, 2, 2)))
    np.testing.assert_allclose(np.exp(shares.predict(np.array([3, 5]))).argmax(axis=-1), [0, 1])
