"""Parameter counts by formula, and the hidden size that meets a parameter budget (`--match params`)."""

from __future__ import annotations

from bench.models.contract import Model, ParameterCount, Problem
from bench.models.initialisation import GATES
from tasks.errors import UserError, unknown


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

    It searches `model.count_parameters`, which must grow with the hidden size. Raises UserError if hidden size 1 has
    more parameters than the budget.
    """

    def total(hidden_size: int) -> int:
        return total_parameters(model, problem, hidden_size, num_layers)

    smallest = total(1)
    if smallest > parameter_budget:
        raise UserError(
            f"{parameter_budget} parameters are too few for {model.name} with {num_layers} layer(s): hidden size 1 "
            f"has {smallest}. Raise the parameter budget to at least {smallest}"
        )
    low, high = 1, 2  # total(low) <= budget < total(high)
    while total(high) <= parameter_budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if total(middle) <= parameter_budget:
            low = middle
        else:
            high = middle
    return low if parameter_budget - total(low) <= total(high) - parameter_budget else high
