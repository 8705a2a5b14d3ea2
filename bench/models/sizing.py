"""Parameter counts by formula, and the hidden size that meets a budget (`--match params` and its like)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.models.contract import Model, ParameterCount, Problem
from bench.models.initialisation import GATES
from tasks.errors import UserError, unknown

LARGEST_SIZE = 65_536


def parameter_count(cell: str, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
    """Count the parameters of rnn, gru or lstm with PyTorch's two biases, and of the linear head.

    A layer of G gates (1, 3, 4) on I inputs has G·H·(I + H + 2): G·H rows of I and of H weights and of two biases;
    I is `problem.input_size` in the first layer and H above it. The head has (H + 1)·O.
    """
    if cell not in GATES:
        raise unknown("cell", cell, GATES)
    rows = GATES[cell] * hidden_size
    first = rows * (problem.input_size + hidden_size + 2)
    above = rows * (2 * hidden_size + 2)
    return ParameterCount(first + (num_layers - 1) * above, (hidden_size + 1) * problem.output_size)


def total_parameters(model: Model, problem: Problem, hidden_size: int, num_layers: int) -> int:
    """Count the parameters of a model, head included. UserError if the model cannot be built in that size."""
    try:
        return model.count_parameters(problem, hidden_size, num_layers).total
    except Exception as error:
        why = str(error).partition("\n")[0]
        raise UserError(
            f"model {model.name} cannot be built with hidden size {hidden_size} and {num_layers} layer(s) ({why}): "
            "comparing at equal parameter counts needs a model of any size"
        ) from error


def hidden_size_for(model: Model, problem: Problem, parameter_budget: int, num_layers: int) -> int:
    """Find the hidden size whose total parameter count (head included) is nearest to the budget; ties: the smaller.

    It searches `model.count_parameters` over `model.sizes`. Raises UserError if the smallest size has more parameters
    than the budget.
    """

    def total(hidden_size: int) -> int:
        return total_parameters(model, problem, hidden_size, num_layers)

    smallest = model.sizes(LARGEST_SIZE)[0]
    if total(smallest) > parameter_budget:
        raise UserError(
            f"{parameter_budget} parameters are too few for {model.name} with {num_layers} layer(s): hidden size "
            f"{smallest} has {total(smallest)}. Raise the parameter budget to at least {total(smallest)}"
        )
    return size_with(total, parameter_budget, model.sizes(LARGEST_SIZE))


def size_with(amount: Callable[[int], float], budget: float, sizes: Sequence[int]) -> int:
    """The size whose amount is nearest to the budget; ties: the smaller. The amount must not fall with the size.

    It looks at few sizes, each about twice the last and then between two of them: large ones may be costly to look at.
    """
    low, high = 0, 1  # positions: amount(low) <= budget < amount(high), once both are found
    while high < len(sizes) and amount(sizes[high]) <= budget:
        low, high = high, 2 * high
    if high >= len(sizes):
        high = len(sizes) - 1
        if amount(sizes[high]) <= budget:
            return sizes[high] if amount(sizes[high]) > amount(sizes[0]) else sizes[0]  # it does not grow at all
    while high - low > 1:
        middle = (low + high) // 2
        if amount(sizes[middle]) <= budget:
            low = middle
        else:
            high = middle
    below, above = budget - amount(sizes[low]), amount(sizes[high]) - budget
    return sizes[low] if below <= above else sizes[high]


def nearest_size(model: Model, hidden_size: int) -> int:
    """The hidden size that the model can have and that is nearest to one; ties: the smaller."""
    return min(model.sizes(2 * hidden_size + 64), key=lambda size: (abs(size - hidden_size), size))
