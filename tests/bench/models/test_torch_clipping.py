import math

import pytest
import torch

from bench.models.torch_learner.clipping import clip_gradient_norm


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3, 0.0, math.nan, math.inf])
def test_equals_torchs_own_clipping_bit_for_bit(factor: float) -> None:
    torch.manual_seed(0)
    ours = [torch.zeros(5, 3), torch.zeros(7), torch.zeros(2, requires_grad=True)]
    theirs = [torch.zeros_like(weight) for weight in ours]
    for weight, other in zip(ours[:2], theirs, strict=False):  # the third has no gradient
        weight.grad = torch.randn(weight.shape) * factor
        other.grad = weight.grad.clone()
    clip_gradient_norm(ours, 1.5)
    torch.nn.utils.clip_grad_norm_(theirs, 1.5)
    for weight, other in zip(ours[:2], theirs, strict=False):
        torch.testing.assert_close(weight.grad, other.grad, rtol=0, atol=0, equal_nan=True)
    assert ours[2].grad is None


def test_parameters_without_any_gradient_are_left_alone() -> None:
    weight = torch.ones(3, requires_grad=True)
    clip_gradient_norm([weight], 1.0)
    assert weight.grad is None
    assert torch.equal(weight, torch.ones(3))
