"""The checks of a model: what `Learner` promises, tried on a few sequences before anything is trained.

They use the contract alone, so a core of torch and a learner in NumPy are checked alike. No learner makes more than two
steps, but to compare a gradient that it offers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.models.contract import Learner, Model, Problem, Settings
from bench.models.core_checks import core_checks
from bench.models.field_checks import check_fields
from bench.models.gradient_checks import check_gradient, check_use
from bench.models.memory_checks import check_draws
from bench.models.setting_checks import check_dropout, check_hidden_size, check_layers
from bench.models.tried_model import TriedModel
from tasks.checking import Check, ContractWarning
from tasks.contract import Array, Split
from tasks.errors import UserError, listed
from tasks.losses import mean_loss

SEQUENCES = 8  # more teach nothing more about a contract
RATE_FACTORS = (1.0, 0.1, 0.01, 1e-3, 10.0)  # a step may be too long, or in bfloat16 too short to be seen
TOLERANCES = {"float32": 1e-4, "tf32": 2e-3, "bfloat16": 3e-2}  # of outputs, relative to the largest


def model_checks(
    model: Model, problem: Problem, split: Split, settings: Settings, sizes: Sequence[tuple[int, int]] = ()
) -> list[Check]:
    """The contract of a model on one problem. split: its sequences, of which the first few are used.

    sizes: (hidden size, layers) that it must work at, by default those of `settings`; a size and a depth of which
    there are several must each make another network. settings.dropout: a share that must have an effect; 0: none is
    asked for.
    """
    tried = _Tried(model, problem, _first(split, SEQUENCES), replace(settings, dropout=0.0))
    asked = sizes or [(settings.hidden_size, settings.num_layers)]
    return [
        Check("works at each size, with outputs of the right shape", lambda: tried.check_sizes(asked), needed=True),
        *core_checks(tried, asked),
        Check("a larger hidden size has more parameters", lambda: check_hidden_size(tried, asked)),
        Check("a second layer adds to the first", lambda: check_layers(tried, asked)),
        Check("dropout acts between layers", lambda: check_dropout(tried, asked, settings.dropout)),
        Check("predictions draw no random numbers", lambda: check_draws(tried, asked, settings.dropout)),
        Check("each field with a Range has an effect", lambda: check_fields(tried)),
        Check("sequences are independent", tried.check_independence),
        Check("what is padded does not count", tried.check_padding),
        Check("no step sees a later one", tried.check_causality),
        Check("the same seed gives the same weights", tried.check_seed),
        Check("another seed gives other weights", tried.check_other_seed),
        Check("state() names all weights, and load_state() puts them back", tried.check_state),
        Check("a step lowers the loss of its batch", tried.check_step),
        Check("the gradient is that of the loss (float64, central differences)", lambda: check_gradient(tried)),
        Check("every weight that is counted has an effect", lambda: check_use(tried)),
    ]


@dataclass(frozen=True)
class _Tried(TriedModel):
    """What a learner does with sequences: those of a batch apart, steps in order, and its steps."""

    def check_sizes(self, sizes: Sequence[tuple[int, int]]) -> None:
        for hidden_size, num_layers in sizes:
            where = f"at hidden size {hidden_size} and {num_layers} layer(s), "
            try:
                learner = self.build(hidden_size=hidden_size, num_layers=num_layers)
                outputs = learner.predict(learner.place(self.split))
            except UserError:
                raise
            except Exception as error:
                error.args = (f"{where}{error}",)
                raise
            leading = self.split.inputs.shape[: 2 if self.problem.per_step else 1]
            expected = (*leading, self.problem.output_size)
            if not isinstance(outputs, np.ndarray) or outputs.shape != expected:
                shape = outputs.shape if isinstance(outputs, np.ndarray) else type(outputs).__name__
                raise self.error(f"{where}predict returned {shape}", f"expected an array {expected}")
            if not np.isfinite(outputs).all():
                raise self.error(f"{where}predict returned NaN or infinity", "expected finite outputs at first")
            counted = self.model.count_parameters(self.problem, hidden_size, num_layers)
            if counted.total != learner.parameter_count.total:
                raise self.error(
                    f"{where}count_parameters says {counted.total:,}, and its learner has "
                    f"{learner.parameter_count.total:,}",
                    "expected the same number",
                )

    def check_independence(self) -> str | None:
        """What one sequence holds must not change the outputs of another."""
        if len(self.split) < 2:
            return "there is only one sequence"
        other = self._changed(slice(1, 2), slice(None))
        return self._compare(other, np.s_[[0, *range(2, len(self.split))]], "predict mixes sequences", _OTHERS)

    def check_padding(self) -> str | None:
        lengths, steps = self.split.lengths, self.split.inputs.shape[1]
        if lengths is None or (np.asarray(lengths) == steps).all():
            return "no sequence is padded"
        padded = np.arange(steps) >= np.asarray(lengths)[:, None]  # (N, T)
        other = self._changed(padded)
        kept = ~padded if self.problem.per_step else np.s_[:]
        return self._compare(other, kept, "outputs depend on the padding", _PADDING)

    def check_causality(self) -> str | None:
        steps = self.split.inputs.shape[1]
        if not self.problem.per_step:
            return "one prediction for each sequence"
        if steps < 2:
            return "sequences have a single step"
        middle = steps // 2
        return self._compare(
            self._changed(slice(None), slice(middle, None)), np.s_[:, :middle], "predict looks ahead", _CAUSAL
        )

    def check_seed(self) -> None:
        learners = [self.build(), self.build()]
        one, other = (learner.state() for learner in learners)
        for name, value in one.items():
            if name not in other or not np.array_equal(value, other[name], equal_nan=True):
                raise self.error(
                    f"build gave another '{name}' for the same seed", "expected weights drawn from `weights` alone"
                )
        outputs = [self._predict(learner, self.split) for learner in learners]
        if not self.model.uses_torch and not np.array_equal(
            self._predict(learners[0], self.split), outputs[0], equal_nan=True
        ):
            return  # it draws random numbers of its own
        if not _close(outputs[1], outputs[0], TOLERANCES[self.settings.precision]):
            raise self.error(
                "two learners of the same seed and the same weights predict differently",
                "expected all that is random to follow from the seed (a core draws from torch's global generator), and "
                "to be in state() (nn.Parameter or register_buffer)",
            )

    def check_other_seed(self) -> None:
        one, other = self.build().state(), self.build(seed=1).state()
        drawn = [name for name, value in one.items() if not name.startswith("head.") and len(np.unique(value)) > 1]
        if drawn and all(name in other and np.array_equal(one[name], other[name]) for name in drawn):
            raise ContractWarning(
                f"model {self.model.label}: build gave the same weights for seeds 0 and 1 ({listed(drawn, 4)}), so all "
                "replicates begin at them, and intervals leave out what other initial weights would change: set no "
                "seed (torch.manual_seed) in the model"
            )

    def check_state(self) -> None:
        learner = self.build()
        before = learner.state()
        for name, value in before.items():
            if not isinstance(name, str) or not isinstance(value, np.ndarray):
                raise self.error(f"state() has {name!r}: {type(value).__name__}", "expected names and NumPy arrays")
        outputs = self._predict(learner, self.split)
        learner.losses([learner.train_step(self.batch(learner))])
        after = learner.state()
        learner.load_state(before)
        if not _close(self._predict(learner, self.split), outputs, 1e-6):
            raise self.error(
                "after load_state(state()) of before a step, predict gives other outputs",
                f"expected state() to hold all that a step changes (it has {', '.join(sorted(before)[:6])})",
            )
        if before.keys() != after.keys():
            raise self.error("state() has other names after a step", "expected the same names")
        for what, wrong in (("unknown", {**after, "no.such.weight": np.zeros(1)}), ("missing", _without_one(after))):
            try:
                learner.load_state(wrong)
            except ValueError:
                continue
            raise self.error(f"load_state accepts a state with an {what} entry", "expected ValueError")

    def check_step(self) -> None:
        losses = []
        for factor in RATE_FACTORS:
            learner = self.build(learning_rate=self.settings.learning_rate * factor)
            batch = self.batch(learner)
            predicted = [self._loss(self._predict(learner, self.split))]
            seen = list(learner.losses([learner.train_step(batch)]))
            predicted.append(self._loss(self._predict(learner, self.split)))
            seen += list(learner.losses([learner.train_step(batch)]))
            losses.append(predicted)
            if predicted[1] < predicted[0] or seen[1] < seen[0]:
                return
        first, *_ = losses
        raise self.error(
            f"train_step does not lower the loss of its batch: {first[0]:.6g} before and {first[1]:.6g} after, at "
            f"learning rate {self.settings.learning_rate:g}, and no lower at others",
            "expected a step down the gradient",
        )

    def _predict(self, learner: Learner, split: Split) -> Array:
        placed = learner.place(split)
        self.fix_draws()
        return learner.predict(placed)

    def _loss(self, outputs: Array) -> float:
        mask = self.split.mask
        counts = mask is None or mask.any()
        return mean_loss(self.problem.loss, outputs, self.split.targets, mask) if counts else math.nan

    def _changed(self, *where: Any) -> Split:
        """The sequences with other inputs at some places."""
        inputs = self.split.inputs.copy()
        if self.problem.tokens:
            inputs[where] = (inputs[where] + 1) % self.problem.input_size
        else:
            inputs[where] += 1
        return replace(self.split, inputs=inputs)

    def _compare(self, other: Split, kept: Any, what: str, expected: str) -> str | None:
        """UserError unless the outputs at `kept` are the same for both.

        A model that draws random numbers without torch has nothing to compare.
        """
        learner = self.build()
        first, again, changed = (self._predict(learner, split) for split in (self.split, self.split, other))
        if not np.array_equal(first, again, equal_nan=True):
            return "predict does not repeat itself"
        if not _close(changed[kept], first[kept], TOLERANCES[self.settings.precision]):
            raise self.error(what, expected)
        return None


_OTHERS = (
    "expected that what one sequence holds leaves the outputs of the others as they are (torch's recurrent layers need "
    "batch_first=True)"
)
_PADDING = (
    "expected that steps from a sequence's length on change none of its outputs: a module that reads a sequence "
    "backwards or as a whole can declare forward(self, x, lengths)"
)
_CAUSAL = "expected step t to depend on steps up to t only, as the task predicts every step"


def _close(values: Array, others: Array, tolerance: float) -> bool:
    """Whether outputs are equal but for rounding, relative to the largest of them."""
    scale = float(np.abs(others[np.isfinite(others)]).max(initial=1.0))
    return bool(np.allclose(values, others, rtol=0, atol=tolerance * scale, equal_nan=True))


def _first(split: Split, count: int) -> Split:
    return Split(*(None if part is None else np.asarray(part)[:count] for part in vars(split).values()))  # type: ignore[arg-type]


def _without_one(state: Mapping[str, Array]) -> dict[str, Array]:
    return dict(list(state.items())[1:])
