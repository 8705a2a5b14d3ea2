"""Small problems of every kind that a task can pose, for checking models without a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.models.contract import Problem
from tasks.contract import Array, Split


def problems() -> dict[str, Callable[[], tuple[Problem, Split]]]:
    """Problems and their sequences, by what is special: inputs, losses, one prediction or many, with padding."""
    return {
        "one prediction a sequence": lambda: _problem("mse", per_step=False),
        "a prediction every step": lambda: _problem("mse", per_step=True),
        "padded sequences": lambda: _problem("cross_entropy", per_step=False, padded=True),
        "padded, masked tokens": lambda: _problem("cross_entropy", per_step=True, tokens=True, padded=True),
        "several labels": lambda: _problem("binary_cross_entropy", per_step=False),
    }


def _problem(loss: Any, *, per_step: bool, tokens: bool = False, padded: bool = False) -> tuple[Problem, Split]:
    count, steps, inputs, outputs, rng = 6, 7, 3, 2, np.random.default_rng(0)
    values = rng.standard_normal((count, steps, inputs)).astype(np.float32)
    leading = (count, steps) if per_step else (count,)
    targets: Array
    if loss == "cross_entropy":
        targets = rng.integers(0, outputs, leading)
    else:
        targets = rng.standard_normal((*leading, outputs)).astype(np.float32)
        targets = (targets > 0).astype(np.float32) if loss == "binary_cross_entropy" else targets
    lengths = np.array([2, 7, 3, 6, 4, 5]) if padded else None
    mask = np.arange(steps) < lengths[:, None] if lengths is not None and per_step else None
    split = Split(rng.integers(0, inputs, (count, steps)) if tokens else values, targets, mask, lengths)
    return Problem(inputs, outputs, loss, per_step, tokens, steps), split
