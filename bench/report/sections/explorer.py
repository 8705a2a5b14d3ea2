"""The learning curves as compact data for the page's explorer, which recomputes time to target for any target.

The page computes what `bench.records.curves` and `bench.analysis.stats` compute, from the same numbers: exact float64
where the page stays small, float32 (7 digits) in a large experiment.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.analysis.results import Results
from bench.analysis.selected import target_of
from bench.records.schema import Record

EXACT = 60_000  # values: more are embedded as float32
FEW = 300_000  # values: beyond, only the series that the target is about
LARGEST = 600_000  # values: tasks beyond it cannot be explored on the page


def explorer_data(results: Results) -> dict[str, Any]:
    """{"bits", "steps": [[step, …], …], "tasks": […]}; {} where there is no curve and target to explore.

    A task: "match", "task", "metric", "below" (whether lower is better), "models". A model: "name",
    "place" (its colour), "step_seconds" (alone on the machine; null: not timed), "batch", "horizon" (the budget in
    steps), "runs". A run: "seed", "ok", "target" (its own threshold: forecast origins differ), "at" (which list of
    steps), "loss" and "metric" (base64 of little-endian floats, NaN for a gap; "metric" null where the target is one of
    the loss).
    """
    kept = results.training_records
    confirmed = results.selected
    total = sum(len((kept[i].get("curve") or {}).get("step") or []) for i in confirmed.index)
    bits, both = (64 if 2 * total <= EXACT else 32), total <= FEW
    steps: dict[tuple[int, ...], int] = {}
    tasks: list[dict[str, Any]] = []
    used = 0
    for (match, task), rows in confirmed.groupby(["match", "task"], sort=False):
        goal = target_of(results, str(task))
        used += sum(len((kept[i].get("curve") or {}).get("step") or []) for i in rows.index)
        if goal and used <= LARGEST:
            models = [
                _model(results, str(match), str(task), model, list(own.index), kept, goal, steps, bits, both)
                for model in results.models
                if len(own := rows[rows["model"] == model])
            ]
            about = {"match": match, "task": task, "metric": goal["metric"], "below": goal["direction"] == "below"}
            tasks.append({**about, "models": models})
    if not any(run["at"] is not None for task in tasks for model in task["models"] for run in model["runs"]):
        return {}
    tasks.sort(key=lambda entry: (results.matches.index(entry["match"]), results.tasks.index(entry["task"])))
    return {"bits": bits, "steps": [list(of_run) for of_run in steps], "tasks": tasks}


def _model(
    results: Results,
    match: str,
    task: str,
    model: str,
    places: Sequence[int],
    kept: Sequence[Record],
    goal: dict[str, Any],
    steps: dict[tuple[int, ...], int],
    bits: int,
    both: bool,
) -> dict[str, Any]:
    summary = results.rows("summary", match, task)
    row = summary[summary["model"] == model]
    seconds = row["step_seconds"].dropna()
    runs, settings = [], [kept[i].get("training") or {} for i in places]
    for i in places:
        record = kept[i]
        curve, status = record.get("curve") or {}, record.get("status", "ok")
        at = tuple(curve.get("step") or ())
        of_loss = goal["metric"] == "loss"
        runs.append(
            {
                "seed": record.get("replicate"),
                "ok": status == "ok",
                "target": (record.get("target") or goal)["threshold"],
                "at": steps.setdefault(at, len(steps)) if at else None,
                "loss": encode(curve.get("valid_loss"), len(at), bits) if of_loss or both else None,
                "metric": None if of_loss else encode(curve.get("valid_metric"), len(at), bits),
            }
        )
    return {
        "name": model,
        "place": results.models.index(model),
        "step_seconds": float(seconds.iloc[0]) if len(seconds) else None,
        "batch": next((s["batch_size"] for s in settings if isinstance(s.get("batch_size"), int)), None),
        "horizon": float(max((s.get("steps") or 0 for s in settings), default=0)),
        "runs": runs,
    }


def encode(values: Sequence[float | None] | None, length: int, bits: int) -> str:
    """`length` numbers as base64 of little-endian floats; a missing one is NaN."""
    known = [np.nan if value is None else value for value in (values or [None] * length)]
    return base64.b64encode(np.array(known, dtype=f"<f{bits // 8}").tobytes()).decode("ascii")
