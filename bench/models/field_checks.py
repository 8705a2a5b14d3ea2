"""The check that a model's own hyper-parameters change something: a search over one that does not is wasted.

Only fields that declare a `Range` are tried, as nothing else says which values a field may have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.models.contract import Model
from bench.models.tried_model import TriedModel
from tasks.checking import ContractWarning
from tasks.contract import Array
from tasks.entry import parameters
from tasks.errors import UserError, listed
from tasks.ranges import Interval, declared_range

STEPS = 2  # a field may act on the optimiser alone


def check_fields(tried: TriedModel) -> str | None:
    """Warn of fields whose lowest, middle and highest values give the same losses and predictions.

    No more than that: a field may matter on longer sequences, or with another value of a second field.
    """
    ranges = {field.name: declared_range(field) for field in parameters(type(tried.model))}
    intervals = {name: found for name, found in ranges.items() if isinstance(found, Interval)}
    if not intervals:
        return "no field declares a Range"
    same = []
    for name, found in intervals.items():
        first, *others = (_trained(tried, name, found.at(part)) for part in (0.0, 0.5, 1.0))
        if all(np.array_equal(first, other, equal_nan=True) for other in others):
            same.append(f"{name} ({found.low:g} to {found.high:g})")
    if same:
        raise ContractWarning(
            f"model {tried.model.label}: {listed(same)} changes nothing in {STEPS} steps on these sequences, and is "
            "searched: use the field in core(), or give it a value in place of its Range"
        )
    return None


def _trained(tried: TriedModel, name: str, value: Any) -> Array:
    """The losses of a few steps and the predictions after them, with a value of a field."""
    try:
        model: Model = tried.model.with_values({name: value})
        learner = model.build(tried.problem, tried.single, np.random.default_rng(0), 0)
        batch = tried.batch(learner)
        tried.fix_draws()
        losses = learner.losses([learner.train_step(batch) for _ in range(STEPS)])
        return np.concatenate([losses, learner.predict(learner.place(tried.split)).ravel()])
    except UserError:
        raise
    except Exception as error:
        error.args = (f"with {name} = {value:g}, {error}",)
        raise
