"""A stack of NumPy layers: dropout between them, reused buffers, and sentences for what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.models.initialisation import draw_weights
from bench.models.numpy_gru import GRULayer
from bench.models.numpy_learner.layer import SHAPES_KEPT
from bench.models.numpy_learner.stack import Stack
from bench.models.numpy_lstm import LSTMLayer
from tasks.contract import Array

I, H, T, B = 3, 4, 6, 5  # noqa: E741


def drawn(cell: str = "gru", num_layers: int = 1, directions: int = 1) -> dict[str, Array]:
    sizes = {"input_size": I, "hidden_size": H, "num_layers": num_layers, "output_size": 1, "sequence_length": T}
    weights = draw_weights("default", cell, **sizes, directions=directions, rng=np.random.default_rng(0))
    return {name: value for name, value in weights.items() if not name.startswith("head")}


def inputs(steps: int = T, batch: int = B, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(steps, I, batch))


@pytest.mark.parametrize("directions", [1, 2])
def test_dropout_is_part_of_the_gradient(directions: int) -> None:
    weights, direction = drawn(num_layers=3, directions=directions), ("forward", "bidirectional")[directions - 1]
    d_outputs = np.random.default_rng(2).normal(size=(T, directions * H, B))

    def stack() -> Stack:  # the same masks every time
        return Stack(GRULayer, weights, direction=direction, dropout=0.4, rng=np.random.default_rng(3))

    first = stack()
    first.forward(inputs(), training=True)
    first.backward(d_outputs)
    for name, array in weights.items():
        index = tuple(n // 2 for n in array.shape)
        kept, values = array[index], []
        for step in (1e-5, -1e-5):
            array[index] = kept + step
            values.append((stack().forward(inputs(), training=True)[0] * d_outputs).sum())
        array[index] = kept
        slope = (values[0] - values[1]) / 2e-5
        assert first.gradients[name][index] == pytest.approx(slope, rel=1e-6, abs=1e-8), name


def test_dropout_drops_its_share_keeps_the_mean_and_ends_with_training() -> None:
    weights = drawn(num_layers=2)
    plain, dropping = Stack(GRULayer, weights), Stack(GRULayer, weights, dropout=0.25, rng=np.random.default_rng(0))
    x = inputs(50, 200)
    mask = [dropping.forward(x, training=True), dropping._masks[0]][1]
    assert mask is not None
    assert np.unique(mask).tolist() == pytest.approx([0, 4 / 3])
    assert mask.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(dropping.forward(x)[0], plain.forward(x)[0])
    alone = Stack(GRULayer, drawn(), dropout=0.9, rng=np.random.default_rng(0))  # between layers, and there is one
    np.testing.assert_array_equal(alone.forward(x, training=True)[0], Stack(GRULayer, drawn()).forward(x)[0])


@pytest.mark.parametrize("layer", [GRULayer, LSTMLayer])
def test_buffers_carry_nothing_over_from_other_calls(layer: Any) -> None:
    weights = drawn("gru" if layer is GRULayer else "lstm", num_layers=2)
    used, rng = Stack(layer, weights), np.random.default_rng(0)
    for call in range(3 * SHAPES_KEPT):
        steps, batch = 2 + call % 3, 1 + call % (SHAPES_KEPT + 2)
        x, lengths = inputs(steps, batch, call), rng.integers(1, steps + 1, batch) if call % 2 else None
        fresh = Stack(layer, weights)
        results = []
        for stack in (used, fresh):
            outputs, final = stack.forward(x, lengths=lengths, training=True)
            results += [outputs.copy(), final, *stack.backward(np.ones_like(outputs), want_inputs=True)]
            results[-2] = results[-2].copy()
        for ours, expected in zip(results[:4], results[4:], strict=True):
            np.testing.assert_array_equal(ours, expected)
        for name, gradient in used.gradients.items():
            np.testing.assert_array_equal(gradient, fresh.gradients[name])
    assert all(len(layer._spaces) <= SHAPES_KEPT for (layer,) in used.layers)


def test_no_gradient_is_a_zero_gradient() -> None:
    stack = Stack(LSTMLayer, drawn("lstm", num_layers=2))
    _, final = stack.forward(inputs(), training=True)
    d_final = np.random.default_rng(4).normal(size=final.shape)
    found = []
    for d_outputs in (None, np.zeros((T, H, B))):
        d_inputs, d_initial = stack.backward(d_outputs, d_final, want_inputs=True)
        assert d_inputs is not None
        found.append([d_inputs.copy(), d_initial, *(g.copy() for g in stack.gradients.values())])
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_tokens_are_one_hot_inputs() -> None:
    tokens = np.random.default_rng(0).integers(0, I, (T, B))
    one_hot = np.moveaxis(np.eye(I)[tokens], -1, 1)
    np.testing.assert_array_equal(
        Stack(GRULayer, drawn()).forward(tokens)[0], Stack(GRULayer, drawn()).forward(one_hot)[0]
    )


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"inputs": np.zeros((T, I + 1, B))}, ValueError, r"inputs must have shape \(T, 3, B\), not \(6, 4, 5\)"),
        ({"inputs": np.zeros((T, B))}, ValueError, r"inputs must have shape \(T, 3, B\), not \(6, 5\)"),
        ({"inputs": np.zeros((T, I, B), "f4")}, TypeError, "inputs must be float64 as the weights, not float32"),
        ({"inputs": np.zeros((0, I, B))}, ValueError, r"at least one step and one sequence, not shape \(0, 3, 5\)"),
        ({"inputs": np.full((T, B), 3)}, ValueError, "tokens must lie in 0 … 2, not 3 … 3"),
        ({"lengths": np.array([1, 2])}, ValueError, r"integers of shape \(5,\), not int64 of shape \(2,\)"),
        ({"lengths": np.ones(B)}, ValueError, r"integers of shape \(5,\), not float64 of shape \(5,\)"),
        ({"lengths": np.array([-1, 2, 3, 4, 5])}, ValueError, "lengths must lie in 1 … 6, not -1 … 5"),
        ({"lengths": np.array([1, 2, 3, 4, 7])}, ValueError, "lengths must lie in 1 … 6, not 1 … 7"),
        ({"initial": np.zeros((1, 1, H, B), "f4")}, TypeError, "must be float64 as the weights, not float32"),
        ({"initial": np.zeros((1, 1, H, 1))}, ValueError, r"must have shape \(1, 1, 4, 5\), not \(1, 1, 4, 1\)"),
    ],
)
def test_bad_input_gets_one_sentence(arguments: dict[str, Any], error: type[Exception], sentence: str) -> None:
    arguments = {"inputs": inputs()} | arguments
    with pytest.raises(error, match=sentence):
        Stack(GRULayer, drawn()).forward(arguments.pop("inputs"), **arguments)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"bias_ih_l0": np.zeros(11)}, ValueError, r"bias_ih_l0 must have shape \(12,\), not \(11,\)"),
        ({"weight_ih_l0": np.zeros((4, I))}, ValueError, r"weight_ih_l0 must have shape \(12, 3\), not \(4, 3\)"),
        ({"weight_hh_l0": np.zeros((12, 5))}, ValueError, r"weight_ih_l0 must have shape \(15, 3\), not \(12, 3\)"),
        ({"bias_hh_l0": None}, ValueError, "missing: bias_hh_l0; unknown: none"),
        ({"weight_hr_l0": np.zeros((4, 2))}, ValueError, "missing: none; unknown: weight_hr_l0"),
        ({"weight_hh_l0": None}, ValueError, r"weights must have weight_hh_l0 \(gates·H, H\)"),
        ({"bias_ih_l0": np.zeros(12, "f4")}, TypeError, "all be float32 or all float64; bias_ih_l0 is float32"),
    ],
)
def test_weights_that_do_not_fit_get_one_sentence(
    changes: dict[str, Array | None], error: type[Exception], sentence: str
) -> None:
    weights = {name: value for name, value in (drawn() | changes).items() if value is not None}
    with pytest.raises(error, match=sentence):
        Stack(GRULayer, weights)


def test_calls_out_of_place_get_one_sentence() -> None:
    stack = Stack(GRULayer, drawn())
    with pytest.raises(ValueError, match="backward needs a forward pass with training=True before it"):
        stack.backward()
    stack.forward(inputs())
    with pytest.raises(ValueError, match="backward needs a forward pass with training=True"):
        stack.backward(np.zeros((T, H, B)))
    stack.forward(inputs(), training=True)
    with pytest.raises(ValueError, match=r"d_outputs must have shape \(6, 4, 5\), not \(6, 4, 1\)"):
        stack.backward(np.zeros((T, H, 1)))
    with pytest.raises(ValueError, match="direction must be one of forward, reverse, bidirectional, not 'both'"):
        Stack(GRULayer, drawn(), direction="both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1, not 1"):
        Stack(GRULayer, drawn(), dropout=1)
    with pytest.raises(ValueError, match="dropout needs rng"):
        Stack(GRULayer, drawn(), dropout=0.5)
