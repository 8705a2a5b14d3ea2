"""Kernel ridge regression as a predictor without a net: what it computes, how it is chosen, where it is recorded."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment import kernel_ridge
from bench.experiment.kernel_ridge import NAME, SEQUENCES, choose, fit
from bench.experiment.run import run
from tasks.contract import Dataset, Split
from tasks.losses import split_loss
from tasks.regression import Regression


def part(n: int, seed: int, steps: int = 3) -> Split:
    """The product of two values of the last step, which no linear model predicts, and one of the step before."""
    inputs = np.random.default_rng(seed).uniform(-1, 1, (n, steps, 2)).astype(np.float32)
    both = np.stack([inputs[:, -1, 0] * inputs[:, -1, 1], np.sin(3 * inputs[:, -2, 0])], axis=1)
    return Split(inputs, both)


@pytest.mark.parametrize("order", [1, 3])
def test_it_predicts_as_scikit_learns_does(order: int) -> None:
    pytest.importorskip("sklearn")
    from sklearn.kernel_ridge import KernelRidge

    train, test = part(200, 0), part(50, 1)
    found = fit(train, order, 0.5, 0.03)
    flat = [split.inputs[:, -order:].reshape(len(split), -1).astype(np.float64) for split in (train, test)]
    mean = train.targets.astype(np.float64).mean(axis=0)
    theirs = KernelRidge(alpha=0.03, kernel="rbf", gamma=1 / (2 * 0.5**2 * found.unit)).fit(
        flat[0], train.targets - mean
    )
    np.testing.assert_allclose(found.predict(test.inputs), theirs.predict(flat[1]) + mean, rtol=1e-8, atol=1e-10)
    away = ((flat[0][:, None] - flat[0]) ** 2).sum(axis=-1)
    assert found.unit == pytest.approx(np.median(away), rel=0.1)


def test_it_learns_a_product_and_finds_how_far_to_look_back() -> None:
    train, valid, test = part(800, 0, steps=8), part(200, 1, steps=8), part(200, 2, steps=8)
    found = choose(train, valid)
    assert found.order == 2
    assert split_loss("mse", found.predict(test.inputs), test) < 0.02 * float(test.targets.var())


def test_no_neighbour_of_the_choice_is_better_on_validation_data(monkeypatch: pytest.MonkeyPatch) -> None:
    train, valid = part(80, 0), part(40, 1)
    found = choose(train, valid)

    def loss(order: int, width: float, penalty: float) -> float:
        return split_loss("mse", fit(train, order, width, penalty).predict(valid.inputs), valid)

    here = [axis.index(value) for axis, value in zip(AXES, (found.order, found.width, found.penalty), strict=True)]
    for axis, by in product(range(3), (-1, 1)):
        other = [i + by * (k == axis) for k, i in enumerate(here)]
        if all(0 <= i < len(values) for i, values in zip(other, AXES, strict=True)):
            order, width, penalty = (values[i] for i, values in zip(other, AXES, strict=True))
            assert loss(int(order), width, penalty) >= loss(found.order, found.width, found.penalty)
    monkeypatch.setattr(kernel_ridge, "KERNELS", 100)  # a prediction in parts is the same one
    outputs = fit(train, found.order, found.width, found.penalty).predict(valid.inputs)
    np.testing.assert_allclose(outputs, found.predict(valid.inputs), rtol=1e-12)


AXES: tuple[tuple[float, ...], ...] = ((1, 2, 3), kernel_ridge.WIDTHS, kernel_ridge.PENALTIES)


def test_a_long_table_is_fitted_on_its_newest_rows() -> None:
    train = part(SEQUENCES + 5, 0)
    assert fit(train, 1, 1.0, 1.0).seen.shape == (SEQUENCES, 2)
    np.testing.assert_array_equal(fit(train, 1, 1.0, 1.0).seen[-1], train.inputs[-1, -1])


def test_of_much_validation_data_some_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    train, valid = part(60, 0), part(41, 1)
    monkeypatch.setattr(kernel_ridge, "VALIDATED", 21)
    some = Split(valid.inputs[::2], valid.targets[::2])
    assert len(some) == 21
    found, other = choose(train, valid), choose(train, some)
    assert (found.order, found.width, found.penalty) == (other.order, other.width, other.penalty)


def test_few_and_equal_sequences_are_no_obstacle() -> None:
    one = Split(np.ones((1, 2, 1), dtype=np.float32), np.full((1, 1), 4.0, dtype=np.float32))
    same = Split(np.ones((9, 2, 1), dtype=np.float32), np.full((9, 1), 4.0, dtype=np.float32))
    for train in (one, same):
        np.testing.assert_allclose(choose(train, same).predict(same.inputs), 4.0)


def test_it_is_a_reference_with_the_metrics_of_the_task() -> None:
    dataset = Dataset(part(80, 0), part(40, 1), part(40, 2))
    found = kernel_ridge.kernel_ridge(Regression(window=3, outputs=2), dataset)
    assert (found.name, found.kind, set(found.metrics)) == (NAME, "baseline", {"rmse", "mae"})
    assert found.valid_loss == split_loss(
        "mse", choose(dataset.train, dataset.valid).predict(dataset.valid.inputs), dataset.valid
    )


def test_it_stands_beside_every_task_that_asks_for_numbers_at_the_end(tmp_path: Path) -> None:
    flags: dict[str, Any] = {"models": "numpy_gru", "budget": "smoke", "trials": 1, "replicates": 2, "steps": 4}
    tasks = "sine,sine[per_step=true],copy[delay=2,length=1]"
    run(resolve({**flags, "tasks": tasks, "name": "e", "results": str(tmp_path)}), executor=InlineExecutor())
    table = bench.load("e", tmp_path).references
    assert [*table[table["model"] == NAME]["task"]] == ["sine", "sine"]
