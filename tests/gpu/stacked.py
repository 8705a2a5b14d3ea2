"""Trainings of one shape in stacks, in a cohort of graphs and in an eager loop: the same curves? How many a second?

    python tests/gpu/stacked.py

Of gru, lstm and rnn at hidden size 32 and 128 on `sine`, and at 64 on `copy`: the largest relative difference of the
losses of the first 50 steps from those of the model itself, trained eagerly; and trainings a second, with captures,
evaluations and all. It exits with 1 where a difference is above 1e-4.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
from gpu_cohort import eagerly, in_cohort, stacked

LIMIT = 1e-4
STEPS, EAGER = 1000, 4  # steps of a training; how many are trained eagerly
MEMBERS = tuple(int(size) for size in os.environ.get("BENCH_STACKS", "16,64,128").split(","))


def trainings(model: str, task: str, hidden_size: int, count: int, **changes: Any) -> list[Any]:
    """So many of one shape, each with a learning rate of its own, on data of eight replicates."""
    from bench.models.contract import Settings
    from bench.models.registry import MODELS
    from bench.training.request import Training
    from tasks.registry import TASKS

    made = []
    for number in range(count):
        settings = Settings(hidden_size, learning_rate=1e-3 * (1 + number / 100), device="cuda")
        training = Training(TASKS.create(task), MODELS.create(model), settings, 64, STEPS, 1 + number % 8)
        made.append(replace(training, on_test_data=False, **changes))
    return made


def largest_difference(found: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> float:
    """Relative, of the recorded losses of the first 50 steps, over all trainings (in any order)."""
    import numpy as np

    def by_rate(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(records, key=lambda record: float(record["training"]["learning_rate"]))

    largest = 0.0
    for one, other in zip(by_rate(found), by_rate(expected), strict=True):
        losses, wanted = (np.array(record["first_losses"]["train_loss"], dtype=float) for record in (one, other))
        largest = max(largest, float(np.max(np.abs(losses / wanted - 1))))
    return largest


def compare(few: Sequence[Any], size: int) -> tuple[float, float, set[str]]:
    """Largest differences from eager curves (of stacks, of a cohort of graphs), and the kernels of the stacks."""
    expected, in_stacks = eagerly(few), in_cohort(size)(stacked(few))
    differences = (largest_difference(records, expected) for records in (in_stacks, in_cohort(size)(few)))
    return (*differences, {record["kernel"] for record in in_stacks})  # type: ignore[return-value]


def rate(train_all: Any, many: Sequence[Any]) -> float:
    """Trainings a second."""
    began = time.perf_counter()
    records = train_all(many)
    assert {record["status"] for record in records} == {"ok"}, {record["error"] for record in records}
    return len(many) / (time.perf_counter() - began)


def main() -> int:
    import torch

    if not torch.cuda.is_available():
        print("no GPU: not measured")
        return 0
    too_large = False
    for model in ("gru", "lstm", "rnn"):
        for task, hidden_size in (("sine", 32), ("sine", 128), ("copy", 64)):
            few = trainings(model, task, hidden_size, EAGER, stop_after=50, evaluation_interval=10)
            by_stacks, by_graphs, kernels = compare(few, EAGER)
            too_large |= by_stacks > LIMIT
            named = ", ".join(sorted(kernels))
            print(f"{model} {task} h{hidden_size}: differs by {by_stacks:.1e} ({named}), graphs by {by_graphs:.1e}")
            eager = rate(eagerly, trainings(model, task, hidden_size, 1))
            line = [f"eager {eager:.2f}/s"]
            for members in MEMBERS:
                many = trainings(model, task, hidden_size, members)
                stacks, graphs = rate(in_cohort(members), stacked(many)), rate(in_cohort(members), many)
                line.append(f"{members}: stacks {stacks:.1f}/s, graphs {graphs:.1f}/s")
            print("  " + "; ".join(line), flush=True)
    return int(too_large)


if __name__ == "__main__":
    sys.exit(main())
