"""A/A: the same model twice under two names. How often does the whole pipeline, from records to verdicts, find one
better? At most in 5 % of experiments, over all models, tasks and comparisons together."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from types import ModuleType

import numpy as np

from bench.analysis.results import Results

EXPERIMENTS = 240


def test_equal_models_are_told_apart_in_at_most_one_experiment_in_twenty(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    rng, found = np.random.default_rng(5), 0
    names = product(("a", "b"), ("x", "y", "z"), range(1, 6))
    templates = {name: synthetic.training(*name) for name in names}
    for _ in range(EXPERIMENTS):
        # skewed losses: what a replicate's data make of it, and what each model's own chance does
        difficulty = {(t, r): rng.gamma(4, 0.1) for t in ("a", "b") for r in range(1, 6)}
        records = [
            {**record, "test": {**record["test"], "loss": difficulty[t, r] * rng.gamma(2, 0.5)}}
            for (t, _, r), record in templates.items()
        ]
        found += any(verdict.settled for verdict in results_of(records).verdicts)
    assert found / EXPERIMENTS <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / EXPERIMENTS)
