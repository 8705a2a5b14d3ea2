"""What each task of an experiment asks a model to predict."""

from __future__ import annotations

import re

from bench.analysis.results import Results
from tasks.registry import TASKS

OWN_DATA = "series"  # who gave the file knows what is in it
LOSSES = {
    "mse": "mean squared error",
    "cross_entropy": "cross-entropy, in nats a step",
    "binary_cross_entropy": "binary cross-entropy, in nats a step",
}


def task_lines(results: Results) -> list[str]:
    """A line a kind of task; none for a user's own file and for tasks of plug-ins that are not loaded."""
    known = TASKS.entries()
    names = dict.fromkeys(label.partition("[")[0] for label in results.tasks)
    return [_line(name, known[name].summary, known[name].loss) for name in names if name in known and name != OWN_DATA]


def _line(name: str, summary: str, loss: str) -> str:
    asks = re.sub(r" \(extra: \w+\)", "", summary)
    measured = "" if name == "cogscale" else f" The loss is the {LOSSES[loss]}."  # each of its tasks has its own
    return f"{name}: {asks}.{measured}"
