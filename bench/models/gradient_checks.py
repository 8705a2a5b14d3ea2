"""The check that a learner's gradient is that of its loss, by central differences in float64.

A loss has kinks where a unit of ReLU is at exactly 0, as it is at an input of 0 without a bias. There the slopes to both
sides differ and no gradient is right or wrong, so the weights are moved a little and compared again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.models.contract import Learner
from bench.models.tried_model import TriedModel
from tasks.contract import Array

DIFFERENCE = 1e-6  # of central differences, along a direction of norm 1
TOLERANCE = 1e-4  # relative; central differences are exact to about 1e-9, and a wrong term is a factor
LEAST_SLOPE = 1e-7  # what rounding leaves of a slope of 0
MOVES = 3  # to other points, as each may lie beside another kink
MOVE = 1e-2  # relative to each weight: far more than DIFFERENCE, and a weight keeps its sign


def check_gradient(tried: TriedModel) -> str | None:
    """Compare along one random direction for each array of weights."""
    settings = replace(tried.settings, dtype="float64", precision="float32", device="cpu", clip_norm=None)
    try:
        learner = tried.build(settings)
        batch = tried.batch(learner)
        found = learner.gradients(batch)
    except Exception as error:
        return f"it does not compute in float64 ({type(error).__name__})"
    if found is None:
        return "the learner has no gradients()"
    loss, rng = _Loss(tried, learner, batch), np.random.default_rng(0)
    point = learner.state()
    if loss.at(point) != loss.at(point):
        return "the loss does not repeat itself"
    wrong = _wrong(loss, point, found, found, rng)
    for _ in range(MOVES):
        if not wrong or any(not one.at_kink for one in wrong.values()):
            break
        point = _moved(point, found, rng)
        wrong = _wrong(loss, point, loss.gradients(point), wrong, rng)
    for name, one in sorted(wrong.items(), key=lambda item: item[1].at_kink):
        raise tried.error(
            f"the gradient of {name} is wrong: {one.claimed:.9g} along a direction in which the loss rises by "
            f"{one.slope:.9g}",
            "expected the same to 1e-4: look at the backward pass",
        )
    return None


@dataclass(frozen=True)
class _Loss:
    """The loss of a batch as a function of the weights, in training mode: that of a step before it is made."""

    tried: TriedModel
    learner: Learner
    batch: Any

    def at(self, weights: Mapping[str, Array]) -> float:
        self.learner.load_state(weights)
        return float(self.learner.losses([self.learner.train_step(self.batch)])[0])

    def gradients(self, weights: Mapping[str, Array]) -> dict[str, Array]:
        self.learner.load_state(weights)
        found = self.learner.gradients(self.batch)
        assert found is not None  # it gave one before
        return found


@dataclass(frozen=True)
class _Wrong:
    """A gradient along a direction that is not the slope of the loss. at_kink: the slopes to both sides differ."""

    claimed: float
    slope: float
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
            found[name] = _Wrong(claimed, slope, not _close((ahead - here) / DIFFERENCE, (here - behind) / DIFFERENCE))
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
