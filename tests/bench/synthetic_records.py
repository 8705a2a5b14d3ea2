"""Realistic records without any training: curves that fall, replicates that differ, references, timings, failures.

Of both protocols: with one search for all replicates (stages "search" and "confirm"), and with a search in each
replicate (stage "trial"). `gru` and `numpy_gru` are one cell: they begin at the same weights with the same loss.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

METRICS: dict[str, tuple[str, ...]] = {
    "sine": ("rmse",),
    "regression": ("rmse", "r2"),
    "copy": ("recall_accuracy", "string_accuracy"),
    "series": ("mae[ppm]", "rmse[ppm]"),
}
FLOORS = {"sine": 0.02, "regression": 0.9, "copy": 0.45, "series": 0.2}
QUALITY = {"gru": 0.05, "lstm": 0.11, "rnn": 0.4, "numpy_gru": 0.05}


def _rng(*parts: Any) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(json.dumps(parts).encode()).digest()[:8], "little"))


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _named(text: str) -> dict[str, Any]:
    return {"name": text, "label": text, "version": 1, "parameters": {}}


def target(task: str) -> dict[str, Any]:
    """What counts as solved on a synthetic task."""
    if task == "copy":
        return {"metric": "recall_accuracy", "threshold": 0.9, "direction": "above"}
    return {"metric": "loss", "threshold": FLOORS.get(task, 0.5) * 0.1, "direction": "below"}


def training(
    task: str,
    model: str,
    replicate: int,
    *,
    stage: str = "confirm",
    match: str = "tuned",
    trial: int | None = None,
    hidden_size: int = 32,
    num_layers: int = 1,
    learning_rate: float = 3e-3,
    status: str = "ok",
    quality: float | None = None,
    steps: int = 1000,
    evaluations: int = 51,
) -> dict[str, Any]:
    """One training. `quality` is the factor of the floor that its loss ends at."""
    rng = _rng(stage, match, task, model, replicate, trial, hidden_size, num_layers)
    floor = FLOORS.get(task, 0.5)
    end = (
        (QUALITY.get(model, 0.2) if quality is None else quality)
        * (32 / hidden_size) ** 0.5
        * np.exp(rng.normal(0, 0.2))
    )
    if stage in ("search", "trial"):
        end *= 1 + 0.5 * abs(np.log10(learning_rate / 3e-3))
    step = np.linspace(0, steps, evaluations).round().astype(int)
    level = floor * (end + (1.2 - end) * np.exp(-step / steps * rng.uniform(5, 9)))
    valid = level * np.exp(rng.normal(0, 0.05, evaluations))
    start = _rng("start", model.removeprefix("numpy_"), task, replicate, hidden_size, num_layers)
    valid[0] = floor * 1.2 * np.exp(start.normal(0, 0.05))  # twins begin alike
    accuracy = np.clip(1 - level / floor, 0.125, 1)
    solves = target(task)
    metric = accuracy if solves["metric"] != "loss" else valid
    reached = metric >= solves["threshold"] if solves["direction"] == "above" else metric <= solves["threshold"]
    if status != "ok":
        step, valid, level, metric, reached = (values[:7] for values in (step, valid, level, metric, reached))
        reached = np.zeros(7, dtype=bool)
    test_loss = float(valid[-1] * np.exp(rng.normal(0, 0.03)))
    scores = {
        name: float(1 - end) if "accuracy" in name or name == "r2" else float(test_loss**0.5)
        for name in METRICS.get(task, ())
    }
    gates = {"lstm": 4, "rnn": 1}.get(model, 3)
    recurrent, head = gates * hidden_size * (1 + hidden_size + 2) * num_layers, hidden_size + 1
    identity = [stage, match, task, model, replicate, trial, hidden_size, num_layers, learning_rate]
    return {
        "schema": 1,
        "key": hashlib.sha256(json.dumps(identity).encode()).hexdigest(),
        "experiment": "synthetic",
        "stage": stage,
        "match": match,
        "task": _named(task),
        "model": {
            **_named(model),
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "dropout": 0.0,
            "init": "default",
        },
        "training": {"learning_rate": learning_rate, "batch_size": 64, "steps": steps, "budget": "quick", "seed": 0},
        "trial": trial,
        "replicate": replicate,
        "status": status,
        "error": None if status == "ok" else f"loss is not finite at step {int(step[-1])}",
        "command": f"python -m bench run --tasks {task} --models {model} --replicate {replicate}",
        "target": solves,
        "curve": {
            "step": step.tolist(),
            "train_loss": level.tolist(),
            "valid_loss": valid.tolist() if status == "ok" else [*valid[:-1].tolist(), None],
            "valid_metric": metric.tolist(),
        },
        "steps_to_target": float(step[int(reached.argmax())]) if reached.any() else None,
        "test": {"loss": test_loss, "skill": 1 - test_loss / floor, **scores}
        if status == "ok" and stage != "search"
        else None,
        "parameters": {"recurrent": recurrent, "head": head, "total": recurrent + head},
        "wall_seconds": float(rng.uniform(2, 4)),
        "cpu_seconds": float(rng.uniform(2, 4)),
        "peak_bytes": int(rng.integers(200, 300)) * 2**20,
        "kernel": {"lstm": "onednn", "numpy_gru": "numpy"}.get(model, "aten"),
        "environment": "e1",
        "hashes": {
            "weights": _hash("weights", model.removeprefix("numpy_"), replicate, hidden_size, num_layers),
            "first_batch": _hash("batch", task, replicate),
            "data": _hash("data", task, replicate),
        },
    }


def pruned(
    task: str,
    model: str,
    replicate: int,
    *,
    match: str = "tuned",
    trials: int = 6,
    stops: Sequence[int | None] = (118, 354, None),
    steps: int = 1000,
) -> list[dict[str, Any]]:
    """The trials of one replicate of a search with `--prune`: the better third goes on after each of `stops`.

    stops: where a training stops, None for the whole budget; fewer of them are a search that was interrupted.
    """
    records: list[dict[str, Any]] = []
    alive = list(range(trials))
    for stop in stops:
        rung = []
        for trial in alive:
            record = training(
                task,
                model,
                replicate,
                stage="trial",
                match=match,
                trial=trial,
                steps=steps,
                **_choice(trial, replicate),
            )
            if stop is not None:
                record["key"] = _hash(record["key"], stop)
                keep = sum(step <= stop for step in record["curve"]["step"])
                record["curve"] = {name: values[:keep] for name, values in record["curve"].items()}
                record["training"] |= {"steps": stop, "budget_steps": steps}
            rung.append(record)
        records += rung
        ranked = sorted(rung, key=lambda record: float(min(record["curve"]["valid_loss"])))
        alive = [record["trial"] for record in ranked[: -(-len(ranked) // 3)]]
    return records


def timing(
    task: str, model: str, *, match: str = "tuned", kernel: str | None = None, has_warnings: bool = False
) -> dict[str, Any]:
    """One record of the time stage."""
    record = training(task, model, 1, match=match)
    for key in ("curve", "steps_to_target", "test", "target", "trial"):
        record.pop(key)
    step = {"lstm": 1.6e-3, "rnn": 0.9e-3, "numpy_gru": 2.1e-3}.get(model, 2.9e-3)
    record |= {"stage": "time", "replicate": None, "kernel": kernel or record["kernel"]}
    record["timing"] = {
        "forward_seconds": step / 3,
        "step_seconds": step,
        "step_seconds_iqr": step / 20,
        "latency_seconds": step / 8,
        "sequences_per_second": 64 / step,
        "flops_per_step": 1.2e7,
        "threads": 1,
        "has_warnings": has_warnings,
    }
    return record


def reference(task: str, name: str, kind: str, replicate: int, loss: float, how: str = "") -> dict[str, Any]:
    """One record of the reference stage."""
    floor = FLOORS.get(task, 0.5)
    return {
        "schema": 1,
        "key": hashlib.sha256(json.dumps([task, name, replicate]).encode()).hexdigest(),
        "experiment": "synthetic",
        "stage": "reference",
        "match": "tuned",
        "task": _named(task),
        "model": {"name": name, "label": name, "kind": kind, "how": how},
        "replicate": replicate,
        "status": "ok",
        "test": {"loss": loss, "skill": 1 - loss / floor, **dict.fromkeys(METRICS.get(task, ()), loss**0.5)},
    }


def _choice(trial: int, seed: Any) -> dict[str, Any]:
    """What a trial tries."""
    return {
        "hidden_size": (16, 32, 64)[trial % 3],
        "num_layers": 1 + trial // 3 % 2,
        "learning_rate": float(10 ** _rng(trial, seed).uniform(-3.5, -1.5)),
    }


def experiment(
    tasks: Sequence[str] = ("sine", "regression", "copy"),
    models: Sequence[str] = ("gru", "lstm"),
    *,
    seeds: int = 5,
    trials: int = 8,
    matches: Sequence[str] = ("tuned",),
    timed: bool = True,
    confirm: Callable[..., dict[str, Any]] = training,
    protocol: int = 1,
) -> list[dict[str, Any]]:
    """All records of an experiment; `confirm` makes the trainings that results are made of (protocol 2: every trial).

    protocol 1: one search of `trials` trials, then `seeds` trainings. 2: `seeds` replicates of `trials` trials each.
    """
    records: list[dict[str, Any]] = []
    for match in matches:
        for task in tasks:
            floor = FLOORS.get(task, 0.5)
            for replicate in range(1, seeds + 1):
                wobble = float(np.exp(_rng(task, replicate).normal(0, 0.05)))
                records.append(
                    reference(task, "persistence", "floor", replicate, floor * wobble, "the last value again")
                )
                if task == "sine":
                    how = "a linear model of the last two values, fitted by least squares"
                    records.append(reference(task, "linear_ar", "baseline", replicate, 1.3e-30 * wobble, how))
                if task == "regression":
                    records.append(
                        reference(task, "noise", "limit", replicate, floor * 0.02, "the variance of the noise")
                    )
            for model in models:
                if protocol == 2:
                    for replicate in range(1, seeds + 1):
                        records += [
                            confirm(
                                task,
                                model,
                                replicate,
                                stage="trial",
                                match=match,
                                trial=trial,
                                **_choice(trial, replicate),
                            )
                            for trial in range(trials)
                        ]
                else:
                    records += [
                        training(task, model, 0, stage="search", match=match, trial=trial, **_choice(trial, model))
                        for trial in range(trials)
                    ]
                    records += [confirm(task, model, replicate, match=match) for replicate in range(1, seeds + 1)]
                if timed:
                    records.append(timing(task, model, match=match))
    return records


def with_losses(losses: Mapping[str, Sequence[float | None]], task: str = "sine", **more: Any) -> list[dict[str, Any]]:
    """Trainings with given test losses; None is one that failed."""
    records = []
    for model, values in losses.items():
        for replicate, loss in enumerate(values, start=1):
            record = training(task, model, replicate, status="ok" if loss is not None else "diverged", **more)
            if loss is not None:
                record["test"] |= {"loss": loss, "skill": 1 - loss}
            records.append(record)
    return records


def manifest(records: Sequence[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """An `experiment.json` that fits the records."""
    trainings = [record for record in records if record["stage"] in ("trial", "search", "confirm")]
    protocol = {"protocol": 2} if any(record["stage"] == "trial" for record in trainings) else {}
    return {
        "schema": 1,
        **protocol,
        "name": "synthetic",
        "status": "complete",
        "command": "python -m bench run --models gru,lstm --name synthetic",
        "experiment": {
            "tasks": list(dict.fromkeys(r["task"]["label"] for r in trainings)),
            "models": list(dict.fromkeys(r["model"]["label"] for r in trainings)),
            "match": list(dict.fromkeys(r["match"] for r in trainings)),
            "budget": "quick",
            "sampler": "tpe",
            "trials": 8,
            "hidden_sizes": [16, 32, 64],
            "layers": [1, 2],
            "lr_range": [3e-4, 3e-2],
            "seeds": 5,
            "seed": 0,
        },
        "environment": {
            "versions": {"python": "3.11.9", "torch": "2.13.0", "numpy": "2.4.6"},
            "cpu": "Example CPU, 2 cores",
            "gpu": None,
            "threads": 1,
            "kernels": ["aten", "onednn"],
            "commit": "0123456789abcdef",
        },
        "environment_fingerprint": "e1",
        "device": {"picked": "cpu", "reason": "cpu: torch finds no GPU here."},
        "trainings_planned": sum(record["stage"] != "reference" for record in records),
        "seconds": 161.2,
        **changes,
    }


def write(folder: Path, name: str, records: Sequence[dict[str, Any]], **changes: Any) -> Path:
    """Write `folder/name/records.jsonl` and `experiment.json`; returns `folder`."""
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record, allow_nan=False) + "\n" for record in records]
    (home / "records.jsonl").write_text("".join(lines), encoding="utf-8")
    content = manifest(records, **{"name": name, **changes})
    (home / "experiment.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
