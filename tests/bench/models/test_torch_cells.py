"""Each contender against its equations, step by step in float64 NumPy, from the very same weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from bench.models.contract import Problem
from bench.models.registry import MODELS
from bench.models.torch_cells.attention import rotated
from bench.models.torch_cells.lru import diagonal_scan
from bench.models.torch_cells.mingru import at_once, in_turn
from bench.models.torch_model import TorchModel

Array = NDArray[Any]
Weights = dict[str, Array]
N, T, INPUTS, H, HEADS = 3, 23, 4, 6, 3


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def g(v: Array) -> Array:
    return np.where(v >= 0, v + 0.5, sigmoid(v))


def layer_norm(x: Array) -> Array:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def over_steps(step: Callable[[Array, Array], Array], inputs: Array, size: int = H) -> Array:
    """`step(x_t, h)` gives the next h; returns all of them, `(N, T, H)`."""
    hidden, found = np.zeros((len(inputs), size)), []
    for t in range(inputs.shape[1]):
        hidden = step(inputs[:, t], hidden)
        found.append(hidden)
    return np.stack(found, axis=1)


def mingru(w: Weights, x: Array) -> Array:
    def step(x_t: Array, h: Array) -> Array:
        gate, value = np.split(x_t @ w["linear.weight"].T + w["linear.bias"], 2, axis=-1)
        z = sigmoid(gate)
        return (1 - z) * h + z * g(value)

    return over_steps(step, x)


def minlstm(w: Weights, x: Array) -> Array:
    def step(x_t: Array, h: Array) -> Array:
        forget, enter, value = np.split(x_t @ w["linear.weight"].T + w["linear.bias"], 3, axis=-1)
        f, i = sigmoid(forget), sigmoid(enter)
        return f / (f + i) * h + i / (f + i) * g(value)

    return over_steps(step, x)


def indrnn(w: Weights, x: Array) -> Array:
    def step(x_t: Array, h: Array) -> Array:
        return np.maximum(x_t @ w["linear.weight"].T + w["linear.bias"] + w["own"] * h, 0)

    return over_steps(step, x)


def gru_layernorm(w: Weights, x: Array) -> Array:
    def gates(values: Array, gain: Array) -> Array:
        return layer_norm(values.reshape(len(values), 3, H)) * gain

    def step(x_t: Array, h: Array) -> Array:
        a = gates(x_t @ w["weight_ih"].T, w["gain_ih"]) + w["bias"]
        b = gates(h @ w["weight_hh"].T, w["gain_hh"])
        r, z = sigmoid(a[:, 0] + b[:, 0]), sigmoid(a[:, 1] + b[:, 1])
        return (1 - z) * np.tanh(a[:, 2] + r * b[:, 2]) + z * h

    return over_steps(step, x)


def slstm(w: Weights, x: Array) -> Array:
    """Without the stabiliser: exp does not overflow here."""
    h, c, n, found = np.zeros((N, H)), np.zeros((N, H)), np.zeros((N, H)), []
    for t in range(x.shape[1]):
        rows = x[:, t] @ w["linear.weight"].T + w["linear.bias"] + h @ w["recurrent"].T
        value, enter, forget, leave = np.split(rows, 4, axis=-1)
        i, f = np.exp(enter), sigmoid(forget)
        c, n = f * c + i * np.tanh(value), f * n + i
        h = sigmoid(leave) * c / n
        found.append(h)
    return np.stack(found, axis=1)


def erf_gelu(x: Array) -> Array:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def affine_norm(w: Weights, name: str, x: Array) -> Array:
    return layer_norm(x) * w[f"{name}.weight"] + w[f"{name}.bias"]


def lru(w: Weights, x: Array) -> Array:
    u = affine_norm(w, "norm", x)
    factor = np.exp(-np.exp(w["recur.nu"]) + 1j * np.exp(w["recur.theta"]))
    b, c = (w[f"recur.{name}"][0] + 1j * w[f"recur.{name}"][1] for name in "bc")
    state, found = np.zeros((N, H), dtype=complex), []
    for t in range(x.shape[1]):
        state = factor * state + np.exp(w["recur.gamma"]) * (u[:, t] @ b.T)
        found.append((state @ c.T).real + w["recur.d"] * u[:, t])
    rows = erf_gelu(np.stack(found, axis=1)) @ w["gate.weight"].T + w["gate.bias"]
    first, second = np.split(rows, 2, axis=-1)
    return x + first * sigmoid(second)


def tcn(w: Weights, x: Array) -> Array:
    def convolved(name: str, x: Array, dilation: int) -> Array:
        direction = w[f"{name}.direction"]
        weight = w[f"{name}.length"] * direction / np.sqrt((direction**2).sum(axis=(1, 2), keepdims=True))
        out = np.tile(w[f"{name}.bias"], (*x.shape[:2], 1))
        for t in range(x.shape[1]):
            for tap in range(weight.shape[2]):
                past = t - (weight.shape[2] - 1 - tap) * dilation
                if past >= 0:
                    out[:, t] += x[:, past] @ weight[:, :, tap].T
        return out

    for level in range(4):
        name = f"blocks.{level}"
        inner = np.maximum(convolved(f"{name}.first", x, 2**level), 0)
        inner = np.maximum(convolved(f"{name}.second", inner, 2**level), 0)
        if f"{name}.resize.weight" in w:
            x = x @ w[f"{name}.resize.weight"][:, :, 0].T + w[f"{name}.resize.bias"]
        x = np.maximum(x + inner, 0)
    return x


def attention(w: Weights, x: Array) -> Array:
    heads, size = HEADS, H // HEADS
    rows = (affine_norm(w, "norm_attention", x) @ w["project.weight"].T).reshape(N, T, 3, heads, size)
    speeds = 10_000.0 ** (-np.arange(size // 2) / (size // 2))
    turns = np.exp(1j * np.arange(T)[:, None] * speeds)  # a pair of entries is a complex number

    def turned(v: Array) -> Array:
        return (v[..., : size // 2] + 1j * v[..., size // 2 :]) * turns[:, None]

    query, key, value = turned(rows[:, :, 0]), turned(rows[:, :, 1]), rows[:, :, 2]
    mixed = np.zeros((N, T, heads, size))
    for t in range(T):
        scores = np.einsum("nhd,nshd->nhs", query[:, t], key[:, : t + 1].conj()).real / math.sqrt(size)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed[:, t] = np.einsum("nhs,nshd->nhd", weights, value[:, : t + 1])
    x = x + mixed.reshape(N, T, H) @ w["mix.weight"].T + w["mix.bias"]
    inner = erf_gelu(affine_norm(w, "norm_net", x) @ w["net.0.weight"].T + w["net.0.bias"])
    return x + inner @ w["net.2.weight"].T + w["net.2.bias"]


REFERENCES: dict[str, Callable[[Weights, Array], Array]] = {
    reference.__name__: reference for reference in (mingru, minlstm, indrnn, gru_layernorm, slstm, lru, tcn, attention)
}


def core_of(name: str, layers: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = MODELS.create(f"attention[heads={HEADS}]" if name == "attention" else name)
    assert isinstance(model, TorchModel)
    return model.core(INPUTS, H, layers, 0.0).double().eval()


def sequences(seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(0, 1.5, (N, T, INPUTS))


def layers_of(core: nn.Module) -> list[Weights]:
    """The weights of each layer, by the names that they have within it."""
    state = {name: tensor.numpy() for name, tensor in core.state_dict().items()}
    stack = "1.layers." if isinstance(core, nn.Sequential) else "layers."
    found: dict[int, Weights] = {}
    for name, value in state.items():
        if name.startswith(stack):
            number, _, own = name.removeprefix(stack).partition(".")
            found.setdefault(int(number), {})[own] = value
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", REFERENCES)
def test_a_core_computes_its_equations(name: str, layers: int) -> None:
    core, x = core_of(name, layers), sequences()
    with torch.no_grad():
        found = core(torch.from_numpy(x)).numpy()
    state = {key: tensor.numpy() for key, tensor in core.state_dict().items()}
    expected = x
    if "0.weight" in state:
        expected = expected @ state["0.weight"].T + state["0.bias"]
    for weights in layers_of(core):
        expected = REFERENCES[name](weights, expected)
    if "2.weight" in state:
        expected = layer_norm(expected) * state["2.weight"] + state["2.bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("mingru", 2 * H * (INPUTS + 1)),
        ("minlstm", 3 * H * (INPUTS + 1)),
        ("indrnn", H * (INPUTS + 2)),
        ("gru_layernorm", 3 * H * (INPUTS + H + 3)),
        ("slstm", 4 * H * (INPUTS + H + 1)),
        ("lru", H * (INPUTS + 1) + 2 * H + 4 * H + 4 * H * H + 2 * H * (H + 1)),
        ("attention", H * (INPUTS + 1) + 4 * H + 3 * H * H + H * (H + 1) + 4 * H * (H + 1) + H * (4 * H + 1) + 2 * H),
    ],
)
def test_a_layer_has_as_many_parameters_as_the_formula_says(name: str, count: int) -> None:
    assert sum(parameter.numel() for parameter in core_of(name, 1).parameters()) == count


@pytest.mark.parametrize("way", [in_turn, at_once])
def test_both_ways_of_a_gated_mean_hold_over_a_thousand_steps_of_strong_and_weak_gates(
    way: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> None:
    rng = np.random.default_rng(0)
    gate, value = rng.normal(0, 4, (2, 1000, 3)), rng.normal(0, 2, (2, 1000, 3))
    found = way(torch.from_numpy(gate), torch.from_numpy(value)).numpy()
    expected, state = np.empty_like(value), np.zeros((2, 3))
    for t in range(1000):
        state = sigmoid(-gate[:, t]) * state + sigmoid(gate[:, t]) * g(value[:, t])
        expected[:, t] = state
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_both_ways_of_a_gated_mean_have_the_same_gradients() -> None:
    rng = np.random.default_rng(0)
    starts = [torch.from_numpy(rng.normal(0, 2, (2, 50, 3))).requires_grad_() for _ in range(2)]
    weights = torch.from_numpy(rng.normal(size=(2, 50, 3)))
    one, other = (torch.autograd.grad((way(*starts) * weights).sum(), starts) for way in (in_turn, at_once))
    for found, expected in zip(one, other, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 100])
def test_the_diagonal_scan_is_the_recurrence_at_any_length(steps: int) -> None:
    rng = np.random.default_rng(steps)
    factor = rng.uniform(0.5, 1, 4) * np.exp(1j * rng.uniform(0, 6, 4))
    values = rng.normal(size=(2, steps, 4)) + 1j * rng.normal(size=(2, steps, 4))
    found = diagonal_scan(torch.from_numpy(factor), torch.from_numpy(values)).numpy()
    expected = [sum(factor ** (t - s) * values[:, s] for s in range(t + 1)) for t in range(steps)]
    np.testing.assert_allclose(found, np.stack(expected, axis=1), rtol=1e-9, atol=1e-9)


def test_slstm_does_not_overflow_where_its_exponential_would() -> None:
    core = core_of("slstm", 1).float()
    with torch.no_grad():
        found = core(torch.full((2, 50, INPUTS), 1e4))
    assert torch.isfinite(found).all()
    assert (found.abs() <= 1).all()


def test_rotary_positions_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    query, key = (torch.randn(1, 1, 1, 7, dtype=torch.float64).expand(1, 1, 40, 7) for _ in range(2))
    scores = rotated(query) @ rotated(key).transpose(-1, -2)
    for distance in (0, 3, 20):
        diagonal = scores[0, 0].diagonal(-distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert not torch.isclose(scores[0, 0, 5, 0], scores[0, 0, 5, 5])


def test_attention_has_whole_heads() -> None:
    assert list(MODELS.create("attention").sizes(13)) == [4, 8, 12]
    assert list(MODELS.create("attention[heads=1]").sizes(3)) == [1, 2, 3]
    with pytest.raises(ValueError, match="a multiple of 4 heads, not 6"):
        MODELS.create("attention").count_parameters(Problem(1, 1, "mse"), 6, 1)


@pytest.mark.parametrize("spec", ["lru[r_min=0.9,r_max=0.5]", "tcn[kernel_size=1]", "attention[heads=0]"])
def test_parameters_out_of_range_are_refused(spec: str) -> None:
    from tasks.errors import UserError

    with pytest.raises(UserError, match="expected"):
        MODELS.create(spec)


def test_the_ring_of_an_lru_is_where_it_was_asked_to_be() -> None:
    torch.manual_seed(0)
    model = MODELS.create("lru[r_min=0.9,r_max=0.99]")
    assert isinstance(model, TorchModel)
    nu = dict(model.core(INPUTS, 200, 1, 0.0).named_parameters())["1.layers.0.recur.nu"]
    moduli = (-nu.exp()).exp()
    assert 0.9 <= moduli.min() < 0.91
    assert 0.98 < moduli.max() <= 0.99
