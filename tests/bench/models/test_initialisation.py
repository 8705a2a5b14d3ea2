"""Initial weights: shapes, ranges, and what each scheme means."""

from __future__ import annotations

import numpy as np
import pytest

from bench.models.initialisation import GATES, SCHEMES, draw_weights
from bench.seeds import generator
from tasks.contract import Array
from tasks.errors import UserError

HIDDEN, INPUTS, OUTPUTS, STEPS = 64, 3, 2, 50
SECOND = slice(HIDDEN, 2 * HIDDEN)


def draw(scheme: str, cell: str, seed: int = 0, layers: int = 2, directions: int = 1) -> dict[str, Array]:
    return draw_weights(
        scheme,
        cell,
        input_size=INPUTS,
        hidden_size=HIDDEN,
        num_layers=layers,
        output_size=OUTPUTS,
        sequence_length=STEPS,
        rng=generator("init", cell, seed),
        directions=directions,
    )


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("cell", "module"), [("rnn", "RNN"), ("gru", "GRU"), ("lstm", "LSTM")])
def test_names_and_shapes_are_those_of_torch(cell: str, module: str, directions: int) -> None:
    import torch

    core = getattr(torch.nn, module)(INPUTS, HIDDEN, 2, bidirectional=directions == 2)
    expected = {name: tuple(tensor.shape) for name, tensor in core.state_dict().items()}
    expected |= {"head.weight": (OUTPUTS, directions * HIDDEN), "head.bias": (OUTPUTS,)}
    weights = draw("default", cell, directions=directions)
    assert {name: value.shape for name, value in weights.items()} == expected
    assert all(value.dtype == np.float64 for value in weights.values())


@pytest.mark.parametrize("cell", GATES)
def test_default_is_uniform_up_to_one_over_root_hidden(cell: str) -> None:
    for value in draw("default", cell).values():
        assert np.abs(value).max() <= 1 / np.sqrt(HIDDEN)
    matrix = draw("default", cell)["weight_hh_l1"] * np.sqrt(HIDDEN)
    assert matrix.mean() == pytest.approx(0, abs=0.05)
    assert matrix.std() == pytest.approx(1 / np.sqrt(3), rel=0.05)


@pytest.mark.parametrize("cell", GATES)
def test_xavier_is_uniform_with_variance_two_over_both_fans_and_no_bias(cell: str) -> None:
    weights = draw("xavier", cell)
    assert weights["weight_hh_l0"].std() == pytest.approx(np.sqrt(2 / (HIDDEN + HIDDEN)), rel=0.05)
    assert weights["weight_ih_l0"].std() == pytest.approx(np.sqrt(2 / (HIDDEN + INPUTS)), rel=0.15)
    assert not any(value.any() for name, value in weights.items() if "bias" in name)


@pytest.mark.parametrize("cell", GATES)
def test_orthogonal_makes_each_gates_recurrent_block_orthogonal(cell: str) -> None:
    for name, value in draw("orthogonal", cell).items():
        if name.startswith("weight_hh"):
            for block in np.split(value, GATES[cell]):
                np.testing.assert_allclose(block @ block.T, np.eye(HIDDEN), atol=1e-12)


def test_forget_bias_is_one_in_total_for_the_lstm_alone() -> None:
    weights = draw("forget_bias", "lstm")
    for layer in (0, 1):
        total = weights[f"bias_ih_l{layer}"] + weights[f"bias_hh_l{layer}"]
        np.testing.assert_array_equal(total[SECOND], 1)
        assert np.abs(total[:HIDDEN]).max() < 1
    for cell in ("gru", "rnn"):
        for name, value in draw("forget_bias", cell).items():
            np.testing.assert_array_equal(value, draw("default", cell)[name])


def test_chrono_keeps_the_state_for_times_up_to_the_sequence_length() -> None:
    lstm, gru = draw("chrono", "lstm"), draw("chrono", "gru")
    forget = (lstm["bias_ih_l0"] + lstm["bias_hh_l0"])[SECOND]
    # a forget gate of sigmoid(b) forgets after 1 + e^b steps
    times = 1 + np.exp(forget)
    assert times.min() >= 2
    assert times.max() <= STEPS
    assert times.mean() == pytest.approx((2 + STEPS) / 2, rel=0.2)
    np.testing.assert_allclose((lstm["bias_ih_l0"] + lstm["bias_hh_l0"])[:HIDDEN], -forget)
    assert ((gru["bias_ih_l0"] + gru["bias_hh_l0"])[SECOND] >= 0).all()
    for name, value in draw("chrono", "rnn").items():
        np.testing.assert_array_equal(value, draw("default", "rnn")[name])


@pytest.mark.parametrize("scheme", ["forget_bias", "chrono"])
def test_schemes_differ_from_the_default_in_nothing_but_what_they_set(scheme: str) -> None:
    default, other = draw("default", "lstm"), draw(scheme, "lstm")
    for name in default:
        if not name.startswith("bias"):
            np.testing.assert_array_equal(default[name], other[name])
        np.testing.assert_array_equal(default[name][2 * HIDDEN :], other[name][2 * HIDDEN :])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_seed_means_the_same_weights(scheme: str) -> None:
    first, again, other = draw(scheme, "gru"), draw(scheme, "gru"), draw(scheme, "gru", seed=1)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["weight_hh_l0"], other["weight_hh_l0"])


def test_wrong_names_are_met_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match="unknown initialisation 'ortogonal': did you mean 'orthogonal'"):
        draw("ortogonal", "gru")
    with pytest.raises(UserError, match="unknown cell 'gruu': did you mean 'gru'"):
        draw("default", "gruu")
