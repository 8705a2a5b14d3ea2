"""The measurements of one training that the gate compares, from a record or from rows of a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.gate.slow_down import LossCurve, loss_curve
from bench.records.curves import steps_to_target
from bench.records.schema import Record
from tasks.contract import Target

HASH_DIGITS = 12  # of a SHA-256: two that differ by accident and agree here are one in 10^14
_FIRST = "train_loss_step_"


class CellName(NamedTuple):
    """The name of a cell: the labels of its task and its model."""

    task: str
    model: str

    def __str__(self) -> str:
        return f"{self.task} × {self.model}"

    @property
    def id(self) -> str:
        """Its identifier, as `--cells` takes it."""
        return f"{self.task}/{self.model}"


@dataclass(frozen=True)
class CellTraining:
    """One training of a cell.

    steps: the budget. steps_to_target: None if the target was not reached within it. mean_log10_valid_loss: mean over
    the evaluations of the whole budget; after the target was reached, the loss that reached it is repeated.
    first_losses: training loss by step, for some of the first 50. weights, first_batch, data: beginnings of SHA-256
    hashes. curve: its validation losses until it reached its target; None if it has none, as one that failed, or one in
    a baseline of schema 1 or 2. error: of a training that failed in this check, in one line; baselines keep none.
    """

    number: int
    status: str
    steps: int
    steps_to_target: float | None
    mean_log10_valid_loss: float | None
    first_losses: Mapping[int, float]
    recurrent_parameters: int | None
    head_parameters: int | None
    weights: str
    first_batch: str
    data: str
    curve: LossCurve | None = None
    error: str = ""

    @classmethod
    def of(cls, record: Record) -> CellTraining:
        """Read a record of the confirm stage. Evaluations after the target was reached are ignored."""
        hashes, parameters = record.get("hashes") or {}, record.get("parameters") or {}
        first = record.get("first_losses") or {"step": [], "train_loss": []}
        losses = zip(first["step"], first["train_loss"], strict=True)
        budget = record["training"].get("budget_steps") or record["training"]["steps"]
        target = Target(**record["target"])
        solved, mean = _convergence(record.get("curve"), target, budget)
        return cls(
            record["replicate"],
            record["status"],
            budget,
            solved,
            mean if record["status"] == "ok" else None,
            {step: loss for step, loss in losses if loss is not None},
            parameters.get("recurrent"),
            parameters.get("head"),
            *_shortened(hashes),
            _curve(record.get("curve"), target, budget),
            " ".join(str(record.get("error") or "").split()),
        )

    @property
    def missed(self) -> bool:
        """Whether it did not reach its target."""
        return self.steps_to_target is None

    @property
    def is_finite(self) -> bool:
        """Whether the training ran to its end with finite losses."""
        return self.status == "ok"

    def rows(self) -> dict[str, str]:
        """Metrics and values, without the curve, as text that reads back exactly; unknown values are empty."""
        values: dict[str, Any] = {
            "status": self.status,
            "steps": self.steps,
            "steps_to_target": self.steps_to_target,
            "mean_log10_valid_loss": self.mean_log10_valid_loss,
            **{f"{_FIRST}{step:02}": loss for step, loss in self.first_losses.items()},
            "recurrent_parameters": self.recurrent_parameters,
            "head_parameters": self.head_parameters,
            "weights": self.weights,
            "first_batch": self.first_batch,
            "data": self.data,
        }
        return {name: "" if value is None else str(value) for name, value in values.items()}

    @classmethod
    def from_rows(cls, number: int, rows: Mapping[str, str]) -> CellTraining:
        """The inverse of `rows`. Raises KeyError or ValueError for missing or malformed rows."""
        return cls(
            number,
            rows["status"],
            int(rows["steps"]),
            _float(rows["steps_to_target"]),
            _float(rows["mean_log10_valid_loss"]),
            {int(name.removeprefix(_FIRST)): float(value) for name, value in rows.items() if name.startswith(_FIRST)},
            _int(rows["recurrent_parameters"]),
            _int(rows["head_parameters"]),
            rows["weights"],
            rows["first_batch"],
            rows["data"],
        )


def _convergence(
    curve: Mapping[str, Sequence[Any]] | None, target: Target, budget: int
) -> tuple[float | None, float | None]:
    """Return the steps to target and the mean log10 validation loss over the budget."""
    if not curve or not curve["step"]:
        return None, None
    steps, losses = curve["step"], curve["valid_loss"]
    values = losses if target.metric == "loss" else curve["valid_metric"]
    reached = [value is not None and target.reached(value) for value in values]
    end = reached.index(True) + 1 if any(reached) else len(steps)
    logs = [math.log10(loss) for loss in losses[:end] if loss is not None and loss > 0]
    if not logs:
        return steps_to_target(steps, values, target), None
    interval = steps[1] - steps[0] if len(steps) > 1 else budget
    missing = max(0, math.ceil((budget - steps[end - 1]) / interval)) if any(reached) else 0
    mean = math.fsum([*logs, *[logs[-1]] * missing]) / (len(logs) + missing)
    return steps_to_target(steps, values, target), mean


def _curve(curve: Mapping[str, Sequence[Any]] | None, target: Target, budget: int) -> LossCurve | None:
    if not curve:
        return None
    values = curve["valid_loss"] if target.metric == "loss" else curve["valid_metric"]
    return loss_curve(curve["step"], curve["valid_loss"], values, target, budget)


def _shortened(hashes: Mapping[str, str | None]) -> tuple[str, str, str]:
    """Of weights, first batch and data; empty if unknown."""
    weights, first_batch, data = ((hashes.get(name) or "")[:HASH_DIGITS] for name in ("weights", "first_batch", "data"))
    return weights, first_batch, data


def _float(text: str) -> float | None:
    return float(text) if text else None


def _int(text: str) -> int | None:
    return int(text) if text else None
