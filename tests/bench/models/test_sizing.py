"""Parameter counts by formula, and the hidden size for a budget."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.models.contract import Model, Problem, Settings
from bench.models.registry import MODELS
from bench.models.sizing import hidden_size_for, parameter_count
from bench.seeds import generator
from tasks.errors import UserError

PROBLEM = Problem(input_size=3, output_size=2, loss="mse")


@pytest.fixture(params=list(MODELS.entries()))
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS.create(request.param)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("hidden", [1, 7, 16])
def test_every_models_count_is_what_it_builds(model: Model, hidden: int, layers: int) -> None:
    learner = model.build(PROBLEM, Settings(hidden, layers), generator("init", model.cell, 0), 0)
    assert model.count_parameters(PROBLEM, hidden, layers) == learner.parameter_count


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_formula_of_the_first_layer_and_of_the_head(cell: str, gates: int) -> None:
    count = parameter_count(cell, PROBLEM, 10, 1)
    assert count.recurrent == gates * 10 * (3 + 10 + 2)
    assert count.head == 10 * 2 + 2
    assert count.total == count.recurrent + count.head


def test_an_unknown_cell_has_no_formula() -> None:
    with pytest.raises(UserError, match="unknown cell 'gur': did you mean 'gru'"):
        parameter_count("gur", PROBLEM, 10, 1)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_size_for_a_count_is_the_size_that_has_it(model: Model, layers: int) -> None:
    for hidden in (1, 2, 3, 16, 33):
        budget = model.count_parameters(PROBLEM, hidden, layers).total
        assert hidden_size_for(model, PROBLEM, budget, layers) == hidden


@settings(derandomize=True, max_examples=50, deadline=None)
@given(
    name=st.sampled_from(["gru", "lstm", "rnn"]),
    budget=st.integers(60, 20_000),
    layers=st.integers(1, 3),
    inputs=st.integers(1, 5),
)
def test_no_other_size_is_nearer_to_the_budget(name: str, budget: int, layers: int, inputs: int) -> None:
    model, problem = MODELS.create(name), Problem(inputs, 1, "mse")
    distances = {h: abs(model.count_parameters(problem, h, layers).total - budget) for h in range(1, 200)}
    if model.count_parameters(problem, 1, layers).total > budget:
        with pytest.raises(UserError, match="Raise the parameter budget"):
            hidden_size_for(model, problem, budget, layers)
    else:
        assert hidden_size_for(model, problem, budget, layers) == min(distances, key=lambda h: (distances[h], h))


def test_a_budget_below_one_unit_is_refused_with_the_least_one() -> None:
    model = MODELS.create("lstm")
    least = model.count_parameters(PROBLEM, 1, 2).total
    with pytest.raises(UserError, match=f"at least {least}"):
        hidden_size_for(model, PROBLEM, least - 1, 2)
    assert hidden_size_for(model, PROBLEM, least, 2) == 1
