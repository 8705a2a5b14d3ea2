"""The checks that a model carries nothing from one batch to the next but its weights, and predicts without chance.

A state that is kept between batches makes a training depend on the order of its batches, and a prediction on what was
predicted before it. torch's random numbers are the same each time, so a core may draw some; in predictions that is
doubtful.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from bench.models.tried_model import TriedModel
from tasks.checking import ContractWarning

TOLERANCE = 1e-5  # relative, in float32: a GPU need not add up in the same order twice

_KEPT = (
    "expected that nothing is carried from batch to batch: start each call of forward from zeros, keep no tensor that "
    "it computes (self.h = …) and do not change its input in place (x += …); random numbers come from torch's global "
    "generator"
)
_Found = TypeVar("_Found")


def check_memory(tried: TriedModel) -> None:
    """Let the same weights do the same again: predictions, and steps with predictions between them."""
    learner = tried.build(tried.single)
    placed = learner.place(tried.split)
    first = _seeded(tried, lambda: learner.predict(placed))
    again = _repeated(tried, "predict", lambda: learner.predict(placed))
    if not _close(first, again):
        raise tried.error("predict gives other outputs for the same sequences the second time", _KEPT)

    learner = tried.build(tried.single)
    batch, state = tried.batch(learner), learner.state()

    def step() -> float:
        learner.load_state(state)
        return float(learner.losses([learner.train_step(batch)])[0])

    losses = [_seeded(tried, step), _repeated(tried, "train_step", step)]
    learner.predict(learner.place(tried.split))
    losses.append(_repeated(tried, "train_step after predict", step))
    for other in losses[1:]:
        if not _close(losses[0], other):
            raise tried.error(
                f"a step from the same weights, on the same batch, has the loss {losses[0]:.6g} at first and "
                f"{other:.6g} later",
                _KEPT,
            )


def check_draws(tried: TriedModel, sizes: Sequence[tuple[int, int]], dropout: float) -> None:
    """Random numbers belong in training: a test score that depends on them is not that of the weights.

    dropout: the share that is asked for. It is set where there are layers for it to lie between.
    """
    hidden_size, num_layers = max(sizes, key=lambda size: (size[1], -size[0]))
    share = dropout if num_layers > 1 and "dropout" not in tried.model.ignores else 0.0
    learner = tried.build(tried.single, hidden_size=hidden_size, num_layers=num_layers, dropout=share)
    placed = learner.place(tried.split)
    first = _seeded(tried, lambda: learner.predict(placed))
    tried.fix_draws(1)
    if not _close(first, learner.predict(placed)):
        raise ContractWarning(
            f"model {tried.model.label}: predict draws random numbers, on which its test scores depend: if that is not "
            "meant, let it draw in training alone (in torch nn.Dropout, or functional.dropout(x, p, self.training))"
        )


def _seeded(tried: TriedModel, call: Callable[[], _Found]) -> _Found:
    tried.fix_draws()
    return call()


def _repeated(tried: TriedModel, what: str, call: Callable[[], _Found]) -> _Found:
    """What a call gives that has worked before; where it fails now, it fails by what is left of the calls before it."""
    try:
        return _seeded(tried, call)
    except Exception as error:
        why = str(error).partition("\n")[0].partition(". ")[0]
        raise tried.error(f"{what} works once and then fails ({type(error).__name__}: {why})", _KEPT) from error


def _close(one: Any, other: Any) -> bool:
    scale = float(np.max(np.abs(one), initial=0.0, where=np.isfinite(one)))
    return bool(np.allclose(one, other, rtol=0, atol=TOLERANCE * scale, equal_nan=True))
