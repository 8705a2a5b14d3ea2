"""Parameter counts by formula, and the hidden size for a budget."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.models.contract import Model, Problem, Settings
from bench.models.registry import MODELS
from bench.models.sizing import hidden_size_for, nearest_size, parameter_count, size_with
from bench.seeds import generator
from tasks.errors import UserError

PROBLEM = Problem(input_size=3, output_size=2, loss="mse")


@pytest.fixture(params=list(MODELS.entries()))
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS.create(request.param)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("nth", [1, 7, 16])
def test_every_models_count_is_what_it_builds(model: Model, nth: int, layers: int) -> None:
    hidden = model.sizes(100)[nth - 1]
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
    for nth in (1, 2, 3, 16, 33):
        hidden = model.sizes(200)[nth - 1]
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


@pytest.mark.parametrize(("budget", "expected"), [(1, 4), (90, 8), (105, 12), (143, 12), (10**6, 1000)])
def test_the_nearest_of_the_sizes_that_there_are(budget: int, expected: int) -> None:
    assert size_with(lambda size: size * size, budget, range(4, 65_536, 4)) == expected


def test_an_amount_that_does_not_grow_ends_the_search() -> None:
    assert size_with(lambda size: 7.0, 9.0, range(1, 1000)) == 1


@dataclass(frozen=True)
class Heads(type(MODELS.create("gru"))):  # type: ignore[misc]
    """A GRU that has hidden sizes in multiples of 8."""

    name = "heads"

    def sizes(self, largest: int) -> range:
        return range(8, largest + 1, 8)


def test_a_model_says_which_sizes_it_can_have() -> None:
    budget = Heads().count_parameters(PROBLEM, 13, 1).total
    assert hidden_size_for(Heads(), PROBLEM, budget, 1) == 16
    assert [nearest_size(Heads(), size) for size in (1, 12, 13, 64)] == [8, 8, 16, 64]


def test_states_are_what_is_carried_from_step_to_step() -> None:
    problem = Problem(3, 2, "mse", sequence_length=7)
    found = {name: MODELS.create(name).state_size(problem, 16, 2) for name in MODELS.entries()}
    assert {name: found[name] for name in ("rnn", "gru", "lstm", "numpy_lstm", "lru", "slstm")} == {
        "rnn": 32,
        "gru": 32,
        "lstm": 64,
        "numpy_lstm": 64,
        "lru": 64,
        "slstm": 128,
    }
    assert found["attention"] == 2 * 2 * 6 * 16  # keys and values of six earlier steps, in two layers
    # two convolutions of three steps a level, at dilations 1, 2, 4 and 8; the first of all sees 3 inputs, not 16
    assert found["tcn"] == 2 * sum(2 * 2 * d * 16 for d in (1, 2, 4, 8)) - 2 * (16 - 3)
