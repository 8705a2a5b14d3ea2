"""Floating-point operations of the matrix products: by formula for torch's own recurrent layers, whose fused kernels
torch's counter does not see, and by that counter for other cells; a model without torch gives its own formula.

A product of (m, k) and (k, n) counts as 2·m·k·n, as in `torch.utils.flop_counter`; element-wise work is not counted.
"""

from __future__ import annotations

from bench.models.contract import Model, Problem
from bench.models.initialisation import GATES
from bench.models.sizing import parameter_count
from bench.models.torch_model import TorchModel


def forward_flops(cell: str, problem: Problem, hidden_size: int, num_layers: int, batch_size: int) -> int:
    """Operations of one forward pass of rnn, gru or lstm and head: G·H rows on I inputs and H states, at each step."""
    first, above, head = _products(cell, problem, hidden_size, batch_size)
    return sum(first) + (num_layers - 1) * sum(above) + head


def step_flops(cell: str, problem: Problem, hidden_size: int, num_layers: int, batch_size: int) -> int:
    """Operations of one training step: forward and backward.

    The backward pass repeats each product twice, for the gradient of the weights and for that of the operand. Operands
    without a gradient, the first layer's input and every initial state, are left out.
    """
    first, _, _ = _products(cell, problem, hidden_size, batch_size)
    initial_states = num_layers * first[1] // problem.sequence_length
    forward = forward_flops(cell, problem, hidden_size, num_layers, batch_size)
    return 3 * forward - first[0] - initial_states


def step_flops_of(model: Model, problem: Problem, hidden_size: int, num_layers: int, batch_size: int) -> int | None:
    """`step_flops` of a model: what it says itself, by formula for rnn, gru and lstm, counted for other cells of torch.

    None for a model without torch that does not say it, and for a core that needs values to compute a shape.
    """
    own = model.step_flops(problem, hidden_size, num_layers, batch_size)
    if own is not None:
        return own
    count = model.count_parameters(problem, hidden_size, num_layers)
    for cell in GATES if model.cell in GATES else ():
        if parameter_count(cell, problem, hidden_size, num_layers) == count:
            return step_flops(cell, problem, hidden_size, num_layers, batch_size)
    return _counted(model, problem, hidden_size, num_layers, batch_size) if isinstance(model, TorchModel) else None


def _counted(model: TorchModel, problem: Problem, hidden_size: int, num_layers: int, batch_size: int) -> int | None:
    """What torch counts for one step on its `meta` device, where nothing is computed and no kernel is fused."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from bench.models.torch_learner.network import Network

    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            core = model.core_for(problem, hidden_size, num_layers, 0.0)
            network = Network(core, torch.nn.Linear(hidden_size, problem.output_size), problem.per_step)
            inputs = torch.empty(batch_size, problem.sequence_length, problem.input_size)
            with FlopCounterMode(display=False) as counter:
                network(inputs).sum().backward()
    except (RuntimeError, NotImplementedError):  # of an operator that has no meta kernel, or that needs values
        return None
    return int(counter.get_total_flops())


def _products(
    cell: str, problem: Problem, hidden_size: int, batch_size: int
) -> tuple[tuple[int, int], tuple[int, int], int]:
    """Operations of (input product, state product) in the first layer, the same in a higher layer, and of the head."""
    per_column = 2 * batch_size * problem.sequence_length * GATES[cell] * hidden_size
    state = per_column * hidden_size
    head_steps = problem.sequence_length if problem.per_step else 1
    head = 2 * batch_size * head_steps * hidden_size * problem.output_size
    return (per_column * problem.input_size, state), (state, state), head
