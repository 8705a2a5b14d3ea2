"""Gradient flow: the norm of dL/dh_t against the lag, for the hidden and the cell state.

L is the loss of a sequence's last prediction, h_t the state that step t passes to step t + 1, and the lag is the number
of steps between step t and the prediction. dL/dh_t is a product of Jacobians. If it shrinks by a factor with each step,
the gradient vanishes and earlier inputs cannot be learnt from; if it grows, the gradient explodes (Bengio et al. 1994;
Pascanu et al. 2013). It is always computed in float64 by the NumPy cells, with torch's weights for a torch model. So a
norm of 1e-60 is a number that repeats on every machine, and takes half the time of autograd step by step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np

from bench.models.contract import Model, Problem, Settings, weights_of
from bench.models.initialisation import SCHEMES, differs_from_default
from bench.models.numpy_gru import GRULayer
from bench.models.numpy_learner.layer import Layer
from bench.models.numpy_learner.losses import LOSS_FUNCTIONS
from bench.models.numpy_learner.stack import Stack
from bench.models.numpy_lstm import LSTMLayer
from bench.models.numpy_model import NumpyModel
from bench.models.numpy_rnn import RNNLayer, RNNReluLayer
from tasks.contract import Array, Split

SEQUENCES = 16  # norms are means over them; their variation is small compared with the effect of the lag
LONGEST_LAG = 100
EXPANDING = "orthogonal × 2"  # measured, never trained: with the usual schemes no gradient explodes initially
LAYER_OF_MODE: dict[str, type[Layer[Any]]] = {
    "GRU": GRULayer,
    "LSTM": LSTMLayer,
    "RNN_TANH": RNNLayer,
    "RNN_RELU": RNNReluLayer,
}
GAIN = 2.0  # of EXPANDING: all singular values of its recurrent matrices, and so the spectral radius


@dataclass(frozen=True)
class GradientFlow:
    """Norms `(lags,)`: the mean over sequences of ‖∂L/∂h_t‖ and ‖∂L/∂c_t‖ (LSTM only, with h_t held fixed).

    The lags are 0 (the state from which the prediction is computed), 1, 2, …; no prediction uses a cell state directly,
    so its norm is 0 at lag 0. `hidden_factor`, `cell_factor`: the factor by which a norm changes with each further
    step back, as a geometric mean over the lags from 1 on. Below 1 the gradient vanishes, above 1 it explodes. None:
    not defined (a norm is exactly zero, or there is a single lag).
    """

    hidden: list[float]
    cell: list[float] | None
    hidden_factor: float | None
    cell_factor: float | None


def gradient_flow(
    model: Model, problem: Problem, settings: Settings, weights: Mapping[str, Array], split: Split
) -> GradientFlow | None:
    """Measure the flow in the last layer of a model with `weights` (a learner's `state()`), on the longest sequences.

    None for a core that is neither `nn.RNN`, `nn.GRU` or `nn.LSTM` nor a NumPy cell: its states are not known.
    """
    layer = _layer_of(model, problem, settings)
    return None if layer is None else _flow(layer, problem, weights, _Probe.of(problem, split))


def prepare_schemes(
    model: Model,
    problem: Problem,
    settings: Settings,
    initial: Callable[[str], Mapping[str, Array]],
    trained: Mapping[str, Array],
    split: Split,
) -> Callable[[], list[dict[str, Any]] | None]:
    """Prepare to measure the flow with each scheme's initial weights and with the trained ones, as a record keeps it.

    All weights are drawn at once; what is returned may be called later, in any thread, and is NumPy alone.

    initial: returns a scheme's initial weights. Measured are "default" and the schemes that differ from it for this
    cell, and `EXPANDING`: orthogonal weights with the recurrent matrices times `GAIN`. Without inputs, a tanh RNN is
    linear about its state 0, and each step back multiplies the norm by `GAIN`; saturated units and closed gates reduce
    this factor.

    It returns a list of {"init", "state": "initial" | "trained", "lags": their number, and the fields of
    `GradientFlow`}; None for the models for which `gradient_flow` is None.
    """
    layer, probe = _layer_of(model, problem, settings), _Probe.of(problem, split)
    if layer is None:
        return lambda: None
    schemes: list[str] = [s for s in SCHEMES if s == "default" or differs_from_default(s, model.cell)]
    drawn = {scheme: initial(scheme) for scheme in schemes}
    if "orthogonal" in drawn:
        drawn[EXPANDING] = expanded(drawn["orthogonal"])
    probed = [(scheme, "initial", weights) for scheme, weights in drawn.items()]

    def measure() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for scheme, state, weights in (*probed, (settings.init, "trained", trained)):
            flow = _flow(layer, problem, weights, probe)
            if all(map(math.isfinite, [*flow.hidden, *(flow.cell or [])])):  # else the weights overflow: no norm
                found.append({"init": scheme, "state": state, "lags": len(flow.hidden), **asdict(flow)})
        return found

    return measure


def expanded(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Multiply every recurrent matrix by `GAIN`."""
    return {name: value * GAIN if name.startswith("weight_hh") else value for name, value in weights.items()}


def factor(norms: Sequence[float] | Array) -> float | None:
    """Geometric mean of norms[k + 1] / norms[k] over k = 1, 2, …; None if a norm is zero or there are too few."""
    used = np.asarray(norms, dtype=np.float64)[1:]
    if len(used) < 2 or not (np.isfinite(used) & (used > 0)).all():
        return None
    return float(np.exp(np.log(used[-1] / used[0]) / (len(used) - 1)))


@dataclass(frozen=True)
class _Probe:
    """Sequences, and the prediction of each whose loss is used.

    inputs: `(N, T, …)`; ends: `(N,)`, the number of steps up to the prediction; targets: `(N, …)`.
    """

    inputs: Array
    ends: Array
    targets: Array

    @classmethod
    def of(cls, problem: Problem, split: Split) -> _Probe:
        count, steps = split.inputs.shape[:2]
        ends = np.full(count, steps) if split.lengths is None else np.asarray(split.lengths)
        if split.mask is not None:  # the last step that counts, in sequences where one does
            ends = np.where(split.mask.any(axis=1), steps - np.argmax(split.mask[:, ::-1], axis=1), 0)
        chosen = np.argsort(-ends, kind="stable")[:SEQUENCES]
        ends = ends[chosen]
        targets = split.targets[chosen]
        if problem.per_step:
            targets = targets[np.arange(len(chosen)), ends - 1]
        return cls(split.inputs[chosen][:, : int(ends.max())], ends, targets)


def _layer_of(model: Model, problem: Problem, settings: Settings) -> type[Layer[Any]] | None:
    """Return the NumPy layer that computes the same function as a layer of the model; None if there is none."""
    from bench.models.torch_model import TorchModel

    if isinstance(model, NumpyModel):
        return model.layer()
    if not isinstance(model, TorchModel):
        return None
    import torch

    from bench.models.torch_learner.network import builtin_rnn

    with torch.random.fork_rng(devices=[]):  # constructors draw from the global generator
        core = model.core_for(problem, settings.hidden_size, settings.num_layers, 0.0)
    own = builtin_rnn(core)
    return None if own is None or own.proj_size or not own.bias else LAYER_OF_MODE[own.mode]


def _flow(layer: type[Layer[Any]], problem: Problem, weights: Mapping[str, Array], probe: _Probe) -> GradientFlow:
    weights = {name: np.asarray(value, dtype=np.float64) for name, value in weights_of(weights).items()}
    norms = _norms(layer, problem, weights, probe)
    last = min(int(probe.ends.min()), LONGEST_LAG + 1)
    rows = probe.ends[None] - np.arange(last)[:, None]  # (lags, N): the state after step `end - lag`
    by_lag = norms[:, rows, np.arange(len(probe.ends))].mean(axis=2)  # (states, lags)
    hidden, cell = by_lag[0], by_lag[1] if len(by_lag) > 1 else None
    return GradientFlow(
        hidden.tolist(),
        None if cell is None else cell.tolist(),
        factor(hidden),
        None if cell is None else factor(cell),
    )


def _norms(layer: type[Layer[Any]], problem: Problem, weights: Mapping[str, Array], probe: _Probe) -> Array:
    """Norms `(states, T + 1, N)` for the last layer's state after 0, 1, … T steps; 0 beyond the longest lag.

    Lower layers are only run forward, because no gradient of the last layer's states passes through them.
    """
    count, steps = probe.inputs.shape[:2]
    inputs = probe.inputs.T if problem.tokens else probe.inputs.transpose(1, 2, 0).astype(np.float64)
    stack = Stack(layer, {name: value for name, value in weights.items() if not name.startswith("head.")})
    outputs = np.ascontiguousarray(inputs)
    for (cell,) in stack.layers:  # one direction each
        outputs, _ = cell.forward(outputs, None, None, training=cell is stack.layers[-1][0])
    sequences = np.arange(count)
    hidden = np.concatenate([np.zeros((1, *outputs.shape[1:])), outputs])  # (T + 1, H, N), before the first step too
    head, bias = weights["head.weight"], weights["head.bias"]
    answers = head @ hidden[probe.ends, :, sequences].T + bias[:, None]  # (O, N)
    targets = probe.targets if problem.loss == "cross_entropy" else probe.targets.T.astype(np.float64)
    _, d_answers = LOSS_FUNCTIONS[problem.loss](answers, targets, None)
    d_hidden = np.zeros_like(hidden)  # the part that comes from the prediction directly
    d_hidden[probe.ends, :, sequences] = (head.T @ d_answers * count).T  # the loss is a mean over sequences
    reached = steps - max(0, int(probe.ends.min()) - LONGEST_LAG)
    gradients = np.zeros((stack.states, *hidden.shape))
    for t, gradient in zip(range(steps - 1, -1, -1), islice(cell.state_gradients(d_hidden[1:]), reached), strict=False):
        gradients[:, t] = gradient
    gradients[0] += d_hidden
    norms: Array = np.linalg.norm(gradients, axis=2)
    return norms
