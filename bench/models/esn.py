"""The echo state network: a reservoir that is drawn and never trained, and a readout by ridge regression.

    x_t = (1 − α)·x_(t−1) + α·tanh(W_in u_t + b + W x_(t−1)),   y = V x + c

(Jaeger 2001, "The echo state approach"; in this leaky form Lukoševičius 2012.) W's largest eigenvalue has the modulus
`spectral_radius`. V and c minimise Σ ‖V x + c − target‖² + ridge·‖V‖² over what was read, solved from its sums:

    V = (X̃ᵀX̃ + ridge·I)⁻¹ X̃ᵀỸ   with the means taken off X and Y, and c from the means

Classes and labels are predicted as probabilities are by a linear model: V is fitted to their indicators, and what it
gives is cut to `LEAST`…1 and turned into logits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bench.models.contract import Ignorable, Learner, Model, ParameterCount, Problem, Settings
from bench.models.ranges import Range
from tasks.contract import Array, Split
from tasks.losses import mean_loss

LEAST = 1e-3  # the smallest probability
TOGETHER = 256  # sequences of which `predict` holds the states at a time


@dataclass(frozen=True)
class Esn(Model):
    """Echo state network (Jaeger 2001). Nothing is stepped: one pass over the training data decides the readout.

    leak: α. input_scale: W_in and b are drawn from U(±input_scale). ridge: the penalty of the readout.
    """

    name = "esn"
    summary = "echo state network: a fixed random reservoir, a ridge readout fitted in one pass"
    cell = "esn"
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    optimizers: ClassVar[tuple[str, ...]] = ()
    uses_torch: ClassVar[bool] = False
    states: ClassVar[int | None] = 1
    ignores: ClassVar[tuple[Ignorable, ...]] = ("dropout",)

    spectral_radius: float = Range(0.5, 1.25)
    leak: float = Range(0.1, 1.0, log=True)
    input_scale: float = Range(0.1, 2.0, log=True)
    ridge: float = Range(1e-8, 1e-1, log=True)

    def __post_init__(self) -> None:
        if self.spectral_radius < 0 or not 0 < self.leak <= 1 or self.input_scale <= 0 or self.ridge <= 0:
            raise ValueError("expected spectral_radius >= 0, 0 < leak <= 1, input_scale > 0 and ridge > 0")

    def build(self, problem: Problem, settings: Settings, weights: np.random.Generator, dropout: int) -> EsnLearner:
        if settings.init != "default":
            raise ValueError(f"the reservoir is drawn in its own way: expected init 'default', not '{settings.init}'")
        return EsnLearner(self, problem, settings, weights)

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        """The reservoir's weights are counted too: they are not trained, and multiplied all the same."""
        first = hidden_size * (problem.input_size + 1 + hidden_size)
        above = hidden_size * (hidden_size + 1 + hidden_size)
        return ParameterCount(first + (num_layers - 1) * above, (hidden_size + 1) * problem.output_size)

    def step_flops(self, problem: Problem, hidden_size: int, num_layers: int, batch_size: int) -> int:
        """The products of `EsnLearner.train_step`, of sequences that are not padded: R rows of states are read.

        The states are computed twice: for the loss, then for the sums, which are (H + 1, R)·(R, H + 1 + O). A system of
        H equations takes ⅔H³, and 2H² for each of O right-hand sides (Golub & Van Loan 2013, Matrix Computations, 3.2).
        """
        size, outputs = hidden_size, problem.output_size
        steps = batch_size * problem.sequence_length
        rows = steps if problem.per_step else batch_size
        states = 2 * steps * size * (problem.input_size + (num_layers - 1) * size + num_layers * size)
        sums = 2 * rows * (size + 1) * (size + 1 + outputs)
        readout = 2 * size**3 // 3 + 2 * size**2 * outputs + 2 * size * outputs  # weights, then the bias
        return 2 * states + 2 * rows * size * outputs + sums + readout


class EsnLearner(Learner):
    """Reads each batch into sums, from which the readout is solved when it is needed. It computes in float64."""

    kernel = "numpy"
    passes = 1  # the same sequences read twice would only weaken the penalty

    def __init__(self, model: Esn, problem: Problem, settings: Settings, rng: np.random.Generator) -> None:
        self._model, self._problem, self.learning_rate = model, problem, settings.learning_rate
        size, outputs, self._dtype = settings.hidden_size, problem.output_size, np.dtype(settings.dtype)
        self._weights: dict[str, Array] = {}
        for layer in range(settings.num_layers):
            inputs = size if layer else problem.input_size
            recurrent = rng.standard_normal((size, size))
            radius = float(np.abs(np.linalg.eigvals(recurrent)).max())
            self._weights[f"weight_ih_l{layer}"] = rng.uniform(-1, 1, (size, inputs)) * model.input_scale
            self._weights[f"bias_l{layer}"] = rng.uniform(-1, 1, size) * model.input_scale
            self._weights[f"weight_hh_l{layer}"] = recurrent * (model.spectral_radius / radius)
        self._layers = settings.num_layers
        self._head = {"head.weight": np.zeros((outputs, size)), "head.bias": np.zeros(outputs)}
        self._sums = {  # of (x, 1)(x, 1)ᵀ and of (x, 1) yᵀ: counts and means are in their last rows
            "fit.states": np.zeros((size + 1, size + 1)),
            "fit.targets": np.zeros((size + 1, outputs)),
        }
        self._solved = True  # nothing was read: the head gives 0

    @property
    def parameter_count(self) -> ParameterCount:
        count = [sum(part.size for part in parts.values()) for parts in (self._weights, self._head)]
        return ParameterCount(*count)

    def place(self, split: Split) -> Split:
        return split

    def batches(self, placed: Split, order: Array, batch_size: int) -> Iterator[Split]:
        for start in range(0, len(order), batch_size):
            yield _take(placed, order[start : start + batch_size])

    def train_step(self, batch: Split) -> float:
        """Read a batch; returns the loss of the readout of before."""
        loss = self._loss(batch, self.predict(batch))
        states = self._states(batch)
        targets = self._indicators(batch)
        if self._problem.per_step:
            counted = np.ones(states.shape[:2], bool) if batch.mask is None else batch.mask
            states, targets = states[counted], targets[counted]
        extended = np.concatenate([states, np.ones((len(states), 1))], axis=1)
        self._sums["fit.states"] = self._sums["fit.states"] + extended.T @ extended
        self._sums["fit.targets"] = self._sums["fit.targets"] + extended.T @ targets
        self._solved = False
        return loss

    def losses(self, collected: Sequence[float]) -> Array:
        return np.asarray(collected, dtype=np.float64)

    def predict(self, placed: Split) -> Array:
        self._solve()
        parts = []
        for start in range(0, len(placed), TOGETHER):
            states = self._states(_take(placed, np.arange(start, min(start + TOGETHER, len(placed)))))
            parts.append(states @ self._head["head.weight"].T + self._head["head.bias"])
        found = np.concatenate(parts)
        if self._problem.loss == "mse":
            return found.astype(self._dtype, copy=False)
        shares = np.clip(found, LEAST, 1.0 if self._problem.loss == "cross_entropy" else 1.0 - LEAST)
        logits = np.log(shares) - (0.0 if self._problem.loss == "cross_entropy" else np.log1p(-shares))
        return logits.astype(self._dtype, copy=False)

    def state(self) -> dict[str, Array]:
        self._solve()
        return {name: value.copy() for name, value in {**self._weights, **self._head, **self._sums}.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        shapes = {name: value.shape for name, value in self.state().items()}
        if {name: np.shape(value) for name, value in state.items()} != shapes:
            raise ValueError(f"expected the entries {shapes}")
        for part in (self._weights, self._head, self._sums):
            part.update({name: np.array(state[name], dtype=np.float64) for name in part})
        self._solved = True

    def _states(self, split: Split) -> Array:
        """`(N, T, H)` of the last layer per step, else `(N, H)` at each sequence's last real step."""
        outputs: Array = np.asarray(split.inputs)
        if self._problem.tokens:
            outputs = np.eye(self._problem.input_size)[outputs]
        leak = self._model.leak
        for layer in range(self._layers):
            entering = outputs @ self._weights[f"weight_ih_l{layer}"].T + self._weights[f"bias_l{layer}"]
            recurrent, state = self._weights[f"weight_hh_l{layer}"].T, np.zeros_like(entering[:, 0])
            outputs = np.empty_like(entering)
            for step in range(entering.shape[1]):
                state = (1 - leak) * state + leak * np.tanh(entering[:, step] + state @ recurrent)
                outputs[:, step] = state
        if self._problem.per_step:
            return outputs
        ends = np.full(len(split), outputs.shape[1]) if split.lengths is None else np.asarray(split.lengths)
        return np.asarray(outputs[np.arange(len(split)), ends - 1])

    def _indicators(self, split: Split) -> Array:
        """What the readout is fitted to: the targets, of classes a 1 in the place of each."""
        if self._problem.loss == "cross_entropy":
            return np.eye(self._problem.output_size)[split.targets]
        return np.asarray(split.targets, dtype=np.float64)

    def _solve(self) -> None:
        if self._solved:
            return
        states, targets = self._sums["fit.states"], self._sums["fit.targets"]
        if (count := states[-1, -1]) > 0:
            mean, mean_target = states[-1, :-1] / count, targets[-1] / count
            covariance = states[:-1, :-1] - count * np.outer(mean, mean)
            covariance[np.diag_indices_from(covariance)] += self._model.ridge
            readout = np.linalg.solve(covariance, targets[:-1] - count * np.outer(mean, mean_target))
            self._head = {"head.weight": readout.T.copy(), "head.bias": mean_target - mean @ readout}
        self._solved = True

    def _loss(self, split: Split, outputs: Array) -> float:
        if split.mask is not None and not split.mask.any():
            return 0.0
        return mean_loss(self._problem.loss, outputs, split.targets, split.mask)


def _take(split: Split, index: Array) -> Split:
    mask, lengths = (None if part is None else part[index] for part in (split.mask, split.lengths))
    return Split(split.inputs[index], split.targets[index], mask, lengths)
