"""The check that a learner's gradient is that of its loss, by central differences in float64.

A loss has kinks where a unit of ReLU is at exactly 0, as it is at an input of 0 without a bias. There the slopes to
both sides differ and no gradient is right or wrong, so the weights are moved a little and compared again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.models.contract import Learner
from bench.models.tried_model import TriedModel
from tasks.checking import ContractWarning
from tasks.contract import Array
from tasks.errors import listed

DIFFERENCE = 1e-6  # of central differences, along a direction of norm 1
TOLERANCE = 1e-4  # relative; central differences are exact to about 1e-9, and a wrong term is a factor
LEAST_SLOPE = 1e-7  # what rounding leaves of a slope of 0
MOVES = 3  # to other points, as each may lie beside another kink
MOVE = 1e-2  # relative to each weight: far more than DIFFERENCE, and a weight keeps its sign


def check_gradient(tried: TriedModel) -> str | None:
    """Compare along one random direction for each array of weights. A weight without a gradient has the gradient 0."""
    if tried.model.surrogate_gradients:
        return "its class has surrogate_gradients = True"
    opened = _open(tried)
    if isinstance(opened, str):
        return opened
    loss, found = opened
    point, rng = loss.learner.state(), np.random.default_rng(0)
    if loss.at(point) != loss.at(point):
        return "the loss does not repeat itself"
    flat = _without_gradient(tried, found)
    wrong = _wrong(loss, point, found, [*(name for name in found if found[name].any()), *flat], rng)
    for _ in range(MOVES):
        # a gradient of 0 may be right at the first point alone, as behind a gate that is 0 at first
        doubtful = [*wrong, *(name for name in flat if name not in wrong)]
        if not doubtful or any(not one.at_kink for one in wrong.values()):
            break
        point, flat = _moved(point, found, rng), []
        wrong = _wrong(loss, point, loss.gradients(point), doubtful, rng)
    # what is certain first, and first of all what makes the gradients of earlier weights wrong too
    for name, one in sorted(wrong.items(), key=lambda item: (item[1].at_kink, not item[1].missing)):
        if one.missing:
            raise tried.error(
                f"the loss depends on {name}, but its gradient is zero",
                "expected it to be trained: look for detach(), .data, torch.no_grad() and requires_grad_(False); a "
                f'model that leaves it untrained on purpose declares untrained = ("{name}",)',
            )
        raise tried.error(
            f"the gradient of {name} is wrong: {one.claimed:.9g} along a direction in which the loss rises by "
            f"{one.slope:.9g}",
            "expected the same to 1e-4: look at the backward pass; a model whose gradients differ on purpose, as those "
            "behind the threshold of a spiking cell, declares surrogate_gradients = True",
        )
    return None


def check_use(tried: TriedModel) -> str | None:
    """Warn of weights on which no loss depends, near the initial ones: comparisons at equal parameters count them."""
    opened = _open(tried)
    if isinstance(opened, str):
        return opened
    if tried.split.inputs.shape[1] < 2:
        return "sequences have a single step"  # so what acts between steps has no effect
    loss, found = opened
    rng = np.random.default_rng(0)
    point = _moved(loss.learner.state(), found, rng)
    here = loss.at(point)
    unused = []
    for name in _without_gradient(tried, found):
        others = [loss.at({**point, name: point[name] + rng.standard_normal(point[name].shape)}) for _ in range(2)]
        if all(math.isclose(other, here, rel_tol=1e-12) for other in others):
            unused.append(name)
    if unused:
        count = sum(point[name].size for name in unused)
        raise ContractWarning(
            f"model {tried.model.label}: nothing depends on {listed(unused)}, whose {count:,} parameters are counted "
            f"in comparisons: use {'it' if len(unused) == 1 else 'them'} in forward, or leave "
            f"{'it' if len(unused) == 1 else 'them'} out"
        )
    return None


def _open(tried: TriedModel) -> tuple[_Loss, dict[str, Array]] | str:
    """The loss in float64, and its gradients at the initial weights; or why there is none."""
    try:
        learner = tried.build(tried.double)
        batch = tried.batch(learner)
        tried.fix_draws()
        found = learner.gradients(batch)
    except Exception as error:
        return f"it does not compute in float64 ({type(error).__name__})"
    return "the learner has no gradients()" if found is None else (_Loss(tried, learner, batch), found)


def _without_gradient(tried: TriedModel, found: Mapping[str, Array]) -> list[str]:
    """The weights whose gradient is exactly 0, but for those that the model leaves untrained."""
    return [name for name, gradient in found.items() if not gradient.any() and not tried.model.leaves_untrained(name)]


@dataclass(frozen=True)
class _Loss:
    """The loss of a batch as a function of the weights, in training mode: that of a step before it is made."""

    tried: TriedModel
    learner: Learner
    batch: Any

    def at(self, weights: Mapping[str, Array]) -> float:
        self.learner.load_state(weights)
        self.tried.fix_draws()
        return float(self.learner.losses([self.learner.train_step(self.batch)])[0])

    def gradients(self, weights: Mapping[str, Array]) -> dict[str, Array]:
        self.learner.load_state(weights)
        self.tried.fix_draws()
        found = self.learner.gradients(self.batch)
        assert found is not None  # it gave one before
        return found


@dataclass(frozen=True)
class _Wrong:
    """A gradient along a direction that is not the slope of the loss.

    missing: it is 0 in all directions. at_kink: the slopes to both sides differ.
    """

    claimed: float
    slope: float
    missing: bool
    at_kink: bool


def _wrong(
    loss: _Loss, point: Mapping[str, Array], gradients: Mapping[str, Array], names: Iterable[str], rng: Any
) -> dict[str, _Wrong]:
    """The weights of these names whose gradient at a point differs from the slope of the loss there."""
    here, found = loss.at(point), {}
    for name in names:
        direction = rng.standard_normal(gradients[name].shape)
        direction /= np.linalg.norm(direction)
        ahead, behind = (loss.at({**point, name: point[name] + sign * DIFFERENCE * direction}) for sign in (1, -1))
        slope, claimed = (ahead - behind) / (2 * DIFFERENCE), float((gradients[name] * direction).sum())
        if not _close(slope, claimed):
            at_kink = not _close((ahead - here) / DIFFERENCE, (here - behind) / DIFFERENCE)
            found[name] = _Wrong(claimed, slope, not gradients[name].any(), at_kink)
    return found


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=LEAST_SLOPE)


def _moved(state: Mapping[str, Array], weights: Iterable[str], rng: Any) -> dict[str, Array]:
    """The state with other weights nearby."""
    moved = dict(state)
    for name in weights:
        noise = MOVE * rng.standard_normal(state[name].shape)
        moved[name] = np.where(state[name] == 0, noise, state[name] * (1 + noise))
    return moved
