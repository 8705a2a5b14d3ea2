"""Optimisers and clipping, beside torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bench.models.numpy_learner.optimiser import OPTIMISERS, clip_gradient_norm
from bench.models.numpy_learner.parameters import Parameters

SHAPES = {"matrix": (4, 3), "vector": (5,), "scalar": ()}


TORCHS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}


@pytest.mark.parametrize("name", TORCHS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_optimisers_and_clipping_are_torch_s_for_200_steps(
    name: Any, weight_decay: float, dtype: str, tolerance: float
) -> None:
    rng = np.random.default_rng(0)
    ours = Parameters.of({name: rng.normal(size=shape) for name, shape in SHAPES.items()}, dtype)
    theirs = [torch.nn.Parameter(torch.tensor(value)) for value in ours.values()]
    optimiser = OPTIMISERS[name](ours, weight_decay=weight_decay)
    expected = TORCHS[name](theirs, lr=0.03, weight_decay=weight_decay)
    for step in range(200):
        learning_rate = 0.03 if step < 100 else 0.01
        expected.param_groups[0]["lr"] = learning_rate
        gradients, size = ours.like(), 10 ** rng.uniform(-3, 2)  # norms on both sides of the limit
        for part, parameter in zip(SHAPES, theirs, strict=True):
            gradients[part][...] = size * rng.normal(size=SHAPES[part])
            parameter.grad = torch.tensor(gradients[part].copy())
        norm = clip_gradient_norm(gradients, 1.0)
        assert norm == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs, 1.0)), rel=tolerance)
        for part, parameter in zip(SHAPES, theirs, strict=True):
            assert parameter.grad is not None
            np.testing.assert_allclose(gradients[part], parameter.grad, rtol=10 * tolerance, err_msg=part)
        optimiser.step(gradients, learning_rate)
        expected.step()
        for part, parameter in zip(SHAPES, theirs, strict=True):
            np.testing.assert_allclose(
                ours[part], parameter.detach(), rtol=20 * tolerance, atol=tolerance, err_msg=f"{part}, step {step}"
            )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_norm_that_is_not_finite_acts_as_in_torch(bad: float) -> None:
    values = np.array([1.0, bad, -2.0, 0.0])
    gradients, parameter = Parameters.of({"w": values}, "float64"), torch.nn.Parameter(torch.zeros(4).double())
    parameter.grad = torch.tensor(values)
    with np.errstate(invalid="ignore"):
        clip_gradient_norm(gradients, 1.0)
    torch.nn.utils.clip_grad_norm_([parameter], 1.0)
    np.testing.assert_array_equal(gradients["w"], parameter.grad)


def test_parameters_are_views_of_one_vector() -> None:
    parameters = Parameters.of({"a": np.ones((2, 2)), "b": np.zeros(3)}, "float32")
    parameters["a"][...] = 5
    np.testing.assert_array_equal(parameters.flat, [5, 5, 5, 5, 0, 0, 0])
    assert parameters.like().flat.tolist() == [0] * 7
    with pytest.raises(ValueError, match=r"b must have shape \(3,\), not \(1, 3\)"):
        parameters.load({"a": np.zeros((2, 2)), "b": np.zeros((1, 3))})
    with pytest.raises(ValueError, match="missing: b; unknown: c"):
        parameters.load({"a": np.zeros((2, 2)), "c": np.zeros(3)})
    np.testing.assert_array_equal(parameters["a"], 5)  # a refused load changes nothing
