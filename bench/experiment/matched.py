"""The hidden size at which a model has as many parameters, FLOPs or state, or takes as long a step, as its rivals.

The budget is an amount that was asked for, or that of the middle model: each model's amount at the middle of the
experiment's hidden sizes (the nearest that it can have), of which the lower median is taken. So the order of the models
does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median_low
from typing import Any, NamedTuple

from bench.config.matching import MatchKind
from bench.measure.flops import step_flops_of
from bench.models.contract import Model, Problem
from bench.models.sizing import LARGEST_SIZE, hidden_size_for, nearest_size, size_with, total_parameters
from bench.records.schema import Record
from bench.training.data import load_data
from bench.training.jobs import Job
from bench.training.loop import Progress
from bench.training.request import Training
from tasks.errors import UserError

QUANTITIES = {"params": "parameters", "flops": "FLOPs a step", "state": "numbers of state", "time": "seconds a step"}
TIMED_AGAIN = 3  # times a step is measured at one size; the fastest counts, as other work only slows it down


class Matched(NamedTuple):
    """The size of a model in a comparison, how much it has there, and how much it was to have."""

    hidden_size: int
    amount: float
    budget: float


Timed = Mapping[tuple[str, str, str], Matched]  # by comparison, task and entry


@lru_cache(maxsize=1024)
def matched_size(
    kind: MatchKind,
    budget: int | None,
    models: tuple[Model, ...],
    model: Model,
    problem: Problem,
    middle: int,
    num_layers: int,
    batch_size: int,
) -> Matched:
    """The size for kind params, flops or state. budget: None for that of the middle one of `models`.

    UserError where a model does not tell its amount, or is larger than the budget at its smallest size.
    """

    def amount(one: Model, hidden_size: int) -> float:
        return amount_of(kind, one, problem, hidden_size, num_layers, batch_size)

    wanted = float(budget or median_low(amount(one, nearest_size(one, middle)) for one in models))
    if kind == "params":
        size = hidden_size_for(model, problem, int(wanted), num_layers)
    else:
        size = size_with(lambda hidden_size: amount(model, hidden_size), wanted, model.sizes(LARGEST_SIZE))
    return Matched(size, amount(model, size), wanted)


def amount_of(
    kind: MatchKind, model: Model, problem: Problem, hidden_size: int, num_layers: int, batch_size: int
) -> float:
    """How much a model has of what a comparison makes equal: params, flops or state. UserError where it is unknown."""
    if kind == "params":
        return total_parameters(model, problem, hidden_size, num_layers)
    if kind == "flops":
        found, how = step_flops_of(model, problem, hidden_size, num_layers, batch_size), "step_flops"
    else:
        found, how = model.state_size(problem, hidden_size, num_layers), "state_size (or the attribute states)"
    if found is None:
        raise UserError(
            f"--match {kind}: model {model.label} does not say how many {QUANTITIES[kind]} it has: leave it out, or "
            f"give its class {how}"
        )
    return found


@dataclass(frozen=True)
class SizeByTimeJob(Job):
    """Measure the time of a step in a worker. representative: a training of the model, at the middle size.

    budget: the seconds that a step is to take: look for the size; None: measure at the middle size.
    """

    representative: Training
    budget: float | None = None

    steps = 1

    @property
    def label(self) -> str:
        return f"measuring steps of {self.representative.model.label} on {self.representative.task.label}"

    @property
    def device(self) -> str:
        return self.representative.settings.device

    def key(self) -> str:
        return "size by time"

    def perform(self, progress: Progress) -> Record:
        """{"hidden_size", "step_seconds"}."""
        training, measured = self.representative, dict[int, float]()
        split = load_data(training.task, training.seed, training.replicate).train
        problem = Problem.of(training.task, split)

        def seconds(hidden_size: int) -> float:
            from bench.measure.timing import step_seconds

            if hidden_size not in measured:
                settings = replace(training.settings, hidden_size=hidden_size)
                times = (
                    step_seconds(training.model, settings, split, problem, training.batch_size)
                    for _ in range(TIMED_AGAIN)
                )
                measured[hidden_size] = min(times)
            return measured[hidden_size]

        size, budget = training.settings.hidden_size, self.budget
        if budget is not None:
            size_with(seconds, budget, training.model.sizes(LARGEST_SIZE))
            # a time that other work disturbed may have led the search away from the nearest that it has measured
            size = min(measured, key=lambda one: (abs(measured[one] - budget), one))
        return {**self.describe(), "hidden_size": size, "step_seconds": seconds(size)}


def as_json(
    found: Sequence[tuple[tuple[str, str, str], MatchKind, Matched]], tolerances: Mapping[str, float]
) -> dict[str, Any]:
    """Sizes and amounts as `experiment.json` keeps them: by comparison and task."""
    kept: dict[str, dict[str, Any]] = {}
    for (match, task, entry), kind, (hidden_size, amount, budget) in found:
        about = {"quantity": QUANTITIES[kind], "budget": budget, "tolerance": tolerances[kind], "models": {}}
        part = kept.setdefault(match, {}).setdefault(task, about)
        part["models"][entry] = {"hidden_size": hidden_size, "amount": amount}
    return kept


def beyond(match: Matched, tolerance: float) -> bool:
    """Whether a model is further from the budget than the tolerance allows."""
    return not math.isclose(match.amount, match.budget, rel_tol=0, abs_tol=tolerance * match.budget)
