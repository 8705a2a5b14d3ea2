"""The digits, pixel by pixel."""

from __future__ import annotations

import importlib.util
from itertools import pairwise

import numpy as np
import pytest

from tasks import digits
from tasks.digits import Digits
from tasks.errors import UserError


def test_the_images_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    known = load_digits()
    pixels, labels = digits._images()
    np.testing.assert_array_equal(pixels, (known.data / 16).astype(np.float32))
    np.testing.assert_array_equal(labels, known.target)


def test_every_image_is_in_one_part_only() -> None:
    dataset = Digits().generate(3)
    parts = [{row.tobytes() for row in split.inputs} for split in (dataset.train, dataset.valid, dataset.test)]
    assert [len(split) for split in (dataset.train, dataset.valid, dataset.test)] == [1200, 300, 297]
    assert not any(a & b for a, b in pairwise([*parts, parts[0]]))


def test_the_permutation_is_one_and_the_same_for_all_seeds_and_images() -> None:
    plain, permuted = Digits().generate(5), Digits(permuted=True).generate(5)
    order = np.random.default_rng(digits.PERMUTATION_SEED).permutation(64)
    np.testing.assert_array_equal(plain.train.inputs[:, order], permuted.train.inputs)
    np.testing.assert_array_equal(plain.test.targets, permuted.test.targets)


def test_accuracy_is_the_share_that_was_recognised() -> None:
    outputs, targets = np.eye(10)[[1, 2, 3, 4]], np.array([1, 2, 3, 5])
    assert Digits().metrics(outputs, targets) == {"accuracy": 0.75}


def test_mean_images_recognise_nine_in_ten_near_ones_nearly_all_and_shares_one() -> None:
    floor, images, near = Digits().references(Digits().generate(0))
    assert floor.metrics["accuracy"] < 0.2
    assert 0.85 < images.metrics["accuracy"] < 0.95
    assert images.loss < 0.5 * floor.loss
    assert near.metrics["accuracy"] > 0.97
    assert near.loss < 0.3 * images.loss


def test_the_probability_of_a_digit_is_the_share_of_near_images_that_show_it() -> None:
    """Image by image, with one of the widths that validation chooses from; a permutation of the pixels is no matter."""
    dataset = Digits().generate(0)
    _, _, near = Digits().references(dataset)
    train, test = dataset.train, dataset.test
    away = ((test.inputs[:, None, :, 0] - train.inputs[None, :, :, 0].astype(np.float64)) ** 2).sum(axis=-1)

    def loss(sharpness: float) -> float:
        shares = [
            np.exp(-sharpness * (row - row.min()))[train.targets == digit].sum()
            / np.exp(-sharpness * (row - row.min())).sum()
            for row, digit in zip(away, test.targets, strict=True)
        ]
        return float(-np.log(shares).mean())

    assert min(abs(loss(sharpness) - near.loss) for sharpness in np.geomspace(*digits.SHARPNESS)) < 1e-6
    _, _, permuted = Digits(permuted=True).references(Digits(permuted=True).generate(0))
    assert permuted.loss == pytest.approx(near.loss, rel=1e-6)


def test_a_missing_package_is_one_line_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    digits._images.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"sklearn, which is not installed: pip install 'bench\[data\]'"):
        Digits().generate(0)
