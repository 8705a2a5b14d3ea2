"""Small problems that every model can be tried on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench.models.contract import Problem
from tasks.contract import Split


@pytest.fixture
def make_split() -> Callable[..., Split]:
    """`make_split(problem, sequences=12, seed=0, mask=False, lengths=False)`: learnable data of a problem's shape."""

    def make(problem: Problem, sequences: int = 12, seed: int = 0, mask: bool = False, lengths: bool = False) -> Split:
        rng = np.random.default_rng(seed)
        T, O = problem.sequence_length, problem.output_size  # noqa: E741
        if problem.tokens:
            inputs = rng.integers(0, problem.input_size, (sequences, T))
        else:
            inputs = rng.normal(size=(sequences, T, problem.input_size)).astype(np.float32)
        shape = (sequences, T) if problem.per_step else (sequences,)
        if problem.loss == "cross_entropy":
            targets = rng.integers(0, O, shape)
        elif problem.loss == "mse":
            targets = rng.normal(size=(*shape, O)).astype(np.float32)
        else:
            targets = rng.integers(0, 2, (*shape, O)).astype(np.float32)
        steps = None
        if mask:
            steps = rng.random((sequences, T)) < 0.6
            steps[:, 0] = True
            steps[:, -1] = False
        return Split(inputs, targets, steps, rng.integers(1, T + 1, sequences) if lengths else None)

    return make
