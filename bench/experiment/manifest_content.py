"""What `experiment.json` says of an experiment, beside the state of its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.config.budgets import FIRST_LOOK
from bench.config.experiment import Experiment
from bench.config.growing import inputs
from bench.experiment.plan import Plan
from bench.records.schema import PROTOCOL, SCHEMA, Record
from tasks.contract import Task

LOSSES = {
    "mse": "mean squared error",
    "cross_entropy": "cross-entropy in nats",
    "binary_cross_entropy": "binary cross-entropy in nats",
}


def manifest_content(plan: Plan, machine: Record, command: str, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """The content of the manifest.

    machine: what a look at it found. command: that the experiment was asked for with. before: the folder's manifest of
    an earlier run.
    """
    experiment = plan.experiment
    each = experiment.options.tune == "each"
    return {
        "schema": SCHEMA,
        "protocol": PROTOCOL,
        "name": experiment.name,
        "command": command,
        "experiment": plan.settings(),
        "inputs": inputs(experiment),
        "comparisons": [matching.label for matching in experiment.matchings],
        **({"matched": matched} if (matched := plan.matched()) else {}),
        "environment": machine["environment"],
        "environment_fingerprint": machine["fingerprint"],
        "device": {"picked": machine["device"], "reason": machine["reason"]},
        "trainings_planned": plan.planned(),
        "asks": {task.label: _asks(task) for task in experiment.tasks},
        "lr_ranges": {task.label: list(experiment.lr_range(task)) for task in experiment.tasks},
        **({"first_look": FIRST_LOOK} if each else {}),
        **({"left_out": left_out} if (left_out := _left_out(experiment, before or {})) else {}),
    }


def _asks(task: Task) -> str:
    """What is to be predicted, in which loss, and what a user should know about the data, in sentences."""
    unit = f"; {task.loss_unit}" if task.loss_unit else ""
    sentences = [task.asks, f"The loss is the {LOSSES[task.loss]}{unit}"]
    sentences += [f"The data: {'; '.join(task.notes)}"] if task.notes else []
    return " ".join(f"{sentence}." for sentence in sentences)


def _left_out(experiment: Experiment, before: Mapping[str, Any]) -> dict[str, str]:
    """Tasks of the recipe that could not be made, now or when the experiment was begun, and still are not there."""
    there = set(experiment.options.tasks or ())
    both = {**(before.get("left_out") or {}), **experiment.left_out}
    return {task: why for task, why in both.items() if task not in there}
