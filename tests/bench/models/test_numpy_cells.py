"""The NumPy cells against central differences, torch, the papers' equations, and themselves in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.models.initialisation import draw_weights
from bench.models.numpy_gru import GRULayer
from bench.models.numpy_gru_reset_before import ResetBeforeGRULayer
from bench.models.numpy_learner import layer as numpy_layer
from bench.models.numpy_learner.stack import Direction, Stack
from bench.models.numpy_learner.weights import from_torch, to_torch
from bench.models.numpy_lstm import LSTMLayer
from bench.models.numpy_rnn import RNNLayer, RNNReluLayer
from tasks.contract import Array

LAYERS = {
    "gru": GRULayer,
    "gru_reset_before": ResetBeforeGRULayer,
    "lstm": LSTMLayer,
    "rnn": RNNLayer,
    "rnn_relu": RNNReluLayer,
}
DIRECTIONS: tuple[Direction, ...] = ("forward", "reverse", "bidirectional")


@dataclass
class Case:
    """A stack's weights with inputs, initial states, lengths, and a gradient for each thing that it returns."""

    name: str
    weights: dict[str, Array]
    direction: Direction
    inputs: Array  # (T, I, B)
    initial: Array  # (states, L·D, H, B)
    lengths: Array | None
    d_outputs: Array  # (T, D·H, B)
    d_final: Array  # (states, L·D, H, B)

    def stack(self, **options: Any) -> Stack:
        return Stack(LAYERS[self.name], self.weights, direction=self.direction, **options)

    def run(self, stack: Stack, **changes: Any) -> tuple[Array, Array]:
        options = {"initial": self.initial, "lengths": self.lengths, "training": True} | changes
        return stack.forward(options.pop("inputs", self.inputs), **options)

    def gradients(self, stack: Stack) -> dict[str, Array]:
        d_inputs, d_initial = stack.backward(self.d_outputs, self.d_final, want_inputs=True)
        assert d_inputs is not None
        return {"inputs": d_inputs.copy(), "initial": d_initial, **{k: v.copy() for k, v in stack.gradients.items()}}


def make_case(
    name: str,
    *,
    layers: int = 1,
    direction: Direction = "forward",
    steps: int = 6,
    batch: int = 5,
    inputs: int = 2,
    hidden: int = 4,
    padded: bool = False,
    seed: int = 0,
    dtype: str = "float64",
) -> Case:
    """Everything random; weights twice as large as by default, so that the gates are not all half open."""
    rng = np.random.default_rng(seed)
    directions = 2 if direction == "bidirectional" else 1
    sizes = {
        "input_size": inputs,
        "hidden_size": hidden,
        "num_layers": layers,
        "output_size": 1,
        "sequence_length": steps,
    }
    drawn = draw_weights("default", name.partition("_")[0], **sizes, rng=rng, directions=directions)
    suffix = "_reverse" if direction == "reverse" else ""
    weights = {k + suffix: (2 * v).astype(dtype) for k, v in drawn.items() if not k.startswith("head")}
    lengths = rng.integers(1, steps + 1, batch) if padded else None
    states = (2 if name == "lstm" else 1, layers * directions, hidden, batch)
    shapes = ((steps, inputs, batch), states, (steps, directions * hidden, batch), states)
    x, h_0, d_y, d_h = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    return Case(name, weights, direction, x, h_0, lengths, d_y, d_h)


def cases(*names: str, hidden: int, directions: tuple[Direction, ...] = DIRECTIONS) -> st.SearchStrategy[Case]:
    small = st.integers(1, 3)
    return st.builds(
        make_case,
        st.sampled_from(names),
        layers=small,
        direction=st.sampled_from(directions),
        steps=st.integers(1, 6),
        batch=st.integers(1, 4),
        inputs=small,
        hidden=st.integers(1, hidden),
        padded=st.booleans(),
        seed=st.integers(0, 2**16),
    )


def central_differences(case: Case, array: Array) -> Array:
    """Of the outputs' and final states' products with their gradients; five points, error O(step⁴)."""
    stack, step, slopes = case.stack(), 1e-3, np.empty_like(array)

    def value() -> float:
        stack.pack()
        outputs, final = case.run(stack, training=False)
        return float((outputs * case.d_outputs).sum() + (final * case.d_final).sum())

    for index in np.ndindex(array.shape):
        kept, values = array[index], []
        for k in (-2, -1, 1, 2):
            array[index] = kept + k * step
            values.append(value())
        array[index] = kept
        slopes[index] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    return slopes


# relu has no derivative at 0, where a difference may step over: it is compared with torch's below
@pytest.mark.parametrize("name", ["gru", "gru_reset_before", "lstm", "rnn"])
@pytest.mark.parametrize("chunk_bytes", [1, numpy_layer.CHUNK_BYTES], ids=["chunks of a step", "one chunk"])
def test_gradients_are_central_differences(name: str, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_layer, "CHUNK_BYTES", chunk_bytes)

    @settings(max_examples=25)
    @given(case=cases(name, hidden=3))
    def check(case: Case) -> None:
        stack = case.stack()
        case.run(stack)
        for key, gradient in case.gradients(stack).items():
            array = {"inputs": case.inputs, "initial": case.initial, **case.weights}[key]
            expected = central_differences(case, array)
            assert np.abs(gradient - expected).max() <= 1e-6 * np.abs(expected).max() + 1e-10, key

    check()


@settings(max_examples=200)
@given(case=cases("gru", "lstm", "rnn", "rnn_relu", hidden=20, directions=("forward", "bidirectional")))
def test_forward_and_backward_are_torch_s(case: Case) -> None:
    kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}.get(case.name, torch.nn.RNN)
    options = {"nonlinearity": "relu"} if case.name == "rnn_relu" else {}
    stack = case.stack()
    sizes = (stack.input_size, stack.hidden_size, stack.num_layers)
    module = kind(*sizes, bidirectional=case.direction == "bidirectional", dtype=torch.float64, **options)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in to_torch(case.weights).items()})
    x = torch.tensor(case.inputs.transpose(0, 2, 1).copy(), requires_grad=True)
    h_0 = torch.tensor(case.initial.transpose(0, 1, 3, 2).copy(), requires_grad=True)
    sequence: Any = x
    if case.lengths is not None:
        sequence = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(case.lengths), enforce_sorted=False)
    outputs, final = module(sequence, tuple(h_0) if case.name == "lstm" else h_0[0])
    if case.lengths is not None:
        outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, total_length=len(x))
    final = torch.stack(final) if case.name == "lstm" else final[None]
    d_y, d_h = (torch.tensor(a.swapaxes(-1, -2).copy()) for a in (case.d_outputs, case.d_final))
    ((outputs * d_y).sum() + (final * d_h).sum()).backward()

    ours = dict(zip(("outputs", "final"), case.run(stack), strict=True)) | case.gradients(stack)
    theirs = {"outputs": outputs.detach(), "final": final.detach(), "inputs": x.grad, "initial": h_0.grad}
    for key in theirs:
        theirs[key] = np.swapaxes(theirs[key].numpy(), -1, -2)
    theirs |= {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        np.testing.assert_allclose(array, theirs[key], rtol=1e-10, atol=1e-10 * np.abs(theirs[key]).max(), err_msg=key)


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_is_the_papers_equations_in_either_convention_of_z(reset_after: bool) -> None:
    """Chung et al. 2014 write h' = (1 − z) h + z n: the signs of z's rows turn one convention into the other."""
    case = make_case("gru" if reset_after else "gru_reset_before")
    outputs, _ = case.run(case.stack())
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    (W_r, W_z, W_n), (U_r, U_z, U_n), (b_r, b_z, b_n), (c_r, c_z, c_n) = (np.split(case.weights[n], 3) for n in names)
    W_z, U_z, b_z, c_z = -W_z, -U_z, -b_z, -c_z

    def sigmoid(a: Array) -> Array:
        return 1 / (1 + np.exp(-a))

    for b in range(case.inputs.shape[-1]):
        h = case.initial[0, 0, :, b]
        for t, x in enumerate(case.inputs[:, :, b]):
            r = sigmoid(W_r @ x + b_r + U_r @ h + c_r)
            z = sigmoid(W_z @ x + b_z + U_z @ h + c_z)
            n = np.tanh(W_n @ x + b_n + (r * (U_n @ h + c_n) if reset_after else U_n @ (r * h) + c_n))
            h = (1 - z) * h + z * n
            np.testing.assert_allclose(outputs[t, :, b], h, rtol=1e-12, atol=1e-14)


def test_the_two_published_grus_are_different_functions() -> None:
    after, before = make_case("gru"), make_case("gru_reset_before")
    difference = after.run(after.stack())[0] - before.run(before.stack())[0]
    assert np.abs(difference).max() > 0.05


@settings(max_examples=80)
@given(case=cases(*LAYERS, hidden=6))
def test_a_batch_is_its_sequences_one_by_one_without_their_padding(case: Case) -> None:
    """Values and gradients; whatever stands in the padding, NaN included, changes nothing."""
    steps, _, batch = case.inputs.shape
    lengths = np.full(batch, steps) if case.lengths is None else case.lengths
    garbage = case.inputs.copy()
    for b, length in enumerate(lengths):
        garbage[length:, :, b] = np.nan
    stack = case.stack()
    outputs, final = case.run(stack, inputs=garbage)
    outputs = outputs.copy()
    together = case.gradients(stack)
    summed = {name: np.zeros_like(array) for name, array in case.weights.items()}
    for b, length in enumerate(lengths):
        one, cut = slice(b, b + 1), slice(0, length)
        alone = case.stack()
        part, last = alone.forward(case.inputs[cut, :, one], initial=case.initial[..., one], training=True)
        np.testing.assert_allclose(outputs[cut, :, one], part, rtol=1e-12, atol=1e-14)
        assert not outputs[length:, :, one].any()
        np.testing.assert_allclose(final[..., one], last, rtol=1e-12, atol=1e-14)
        d_x, d_h = alone.backward(case.d_outputs[cut, :, one], case.d_final[..., one], want_inputs=True)
        np.testing.assert_allclose(together["inputs"][cut, :, one], d_x, rtol=1e-10, atol=1e-12)
        assert not together["inputs"][length:, :, one].any()
        np.testing.assert_allclose(together["initial"][..., one], d_h, rtol=1e-10, atol=1e-12)
        for name in summed:
            summed[name] += alone.gradients[name]
    for name, gradient in summed.items():
        np.testing.assert_allclose(together[name], gradient, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", LAYERS)
def test_a_state_carried_across_calls_carries_on(name: str) -> None:
    case = make_case(name, layers=2)
    whole, final = case.run(case.stack())
    stack, state = case.stack(), case.initial
    for t in range(len(case.inputs)):
        outputs, state = stack.forward(case.inputs[t : t + 1], initial=state)
        np.testing.assert_allclose(outputs[0], whole[t], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(state, final, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["gru", "gru_reset_before", "lstm", "rnn"])
def test_inputs_of_ten_thousand_overflow_nowhere_in_float32(name: str) -> None:
    case = make_case(name, layers=2, steps=20, dtype="float32")
    large = np.where(case.inputs > 0, np.float32(1e4), np.float32(-1e4))
    stack = case.stack()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        outputs, final = case.run(stack, inputs=large)
        gradients = case.gradients(stack)
    assert outputs.dtype == final.dtype == np.float32
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in gradients.values())
    assert np.isfinite(outputs).all()
    assert np.isfinite(final).all()


def test_weights_from_a_torch_module_need_no_change() -> None:
    module = torch.nn.GRU(2, 3)
    x = torch.randn(4, 1, 2, generator=torch.Generator().manual_seed(0))
    outputs, _ = Stack(GRULayer, from_torch(module.state_dict())).forward(x.numpy().transpose(0, 2, 1))
    np.testing.assert_allclose(outputs[..., 0], module(x)[0].detach()[:, 0], rtol=1e-5, atol=1e-6)
