import subprocess
import sys

import pytest
import torch

from bench.models.torch_learner.adam import FusedAdam


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_equals_torchs_own_optimiser_bit_for_bit_for_200_steps(weight_decay: float) -> None:
    torch.manual_seed(0)
    ours = [torch.randn(5, 3, requires_grad=True), torch.randn(7, requires_grad=True)]
    theirs = [weight.detach().clone().requires_grad_() for weight in ours]
    mine = FusedAdam(ours, 0.01, weight_decay)
    reference = torch.optim.Adam(theirs, lr=0.01, weight_decay=weight_decay, fused=True)
    for step in range(200):
        for weight, other in zip(ours, theirs, strict=True):
            gradient = torch.randn(weight.shape) * 10.0 ** (step % 7 - 3)
            weight.grad, other.grad = gradient, gradient.clone()
        if step == 100:
            mine.learning_rate = reference.param_groups[0]["lr"] = 0.001
        mine.step()
        reference.step()
        assert all(torch.equal(weight, other) for weight, other in zip(ours, theirs, strict=True)), step


def test_a_parameter_without_a_gradient_is_left_alone() -> None:
    used, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    used.grad = torch.ones(2)
    FusedAdam([used, unused], 0.1, 0.5).step()
    assert torch.equal(unused, torch.ones(2))
    assert not torch.equal(used, torch.ones(2))
    FusedAdam([unused], 0.1, 0.5).step()
    assert torch.equal(unused, torch.ones(2))


def test_a_training_step_does_not_import_the_compiler() -> None:
    """Importing torch._dynamo takes over a second, in every worker."""
    code = (
        "import sys, numpy as np\n"
        "from bench.models.contract import Problem, Settings\n"
        "from bench.models.registry import MODELS\n"
        "from tasks.contract import Split\n"
        "learner = MODELS.create('gru').build(Problem(1, 1, 'mse'), Settings(4), np.random.default_rng(0), 0)\n"
        "split = Split(np.zeros((2, 3, 1), np.float32), np.zeros((2, 1), np.float32))\n"
        "learner.train_step(next(iter(learner.batches(learner.place(split), np.arange(2), 2))))\n"
        "print([name for name in sys.modules if name.startswith(('torch._dynamo', 'sympy'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
