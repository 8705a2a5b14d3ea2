"""All that decides the outcome of one training: a request, and its key."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench.models.contract import Model, Settings
from bench.records.schema import SCHEMA, Record, digest
from bench.training.evaluations import EVALUATIONS
from tasks.contract import Task
from tasks.registry import code_hash


@dataclass(frozen=True)
class Training:
    """All that decides the outcome of one training."""

    task: Task
    model: Model
    settings: Settings
    batch_size: int
    steps: int
    replicate: int
    seed: int = 0
    plateau_patience: int | None = None
    on_test_data: bool = True  # False in the search, which never sees test data
    evaluation_interval: int | None = None  # steps; None: at most `EVALUATIONS` in all
    stop_after: int | None = None  # stop there on purpose: the whole training's curve up to this evaluation
    stop_at_target: bool = False  # stop at the evaluation that finds the target reached
    schedule: Literal["constant", "cosine"] = "constant"  # of the learning rate, see `bench.training.schedule`
    warmup: int = 0  # steps in which the learning rate rises

    def __post_init__(self) -> None:
        """The task is the replicate's own: of a series, its units, metrics and target are those of its origin."""
        object.__setattr__(self, "task", self.task.at(self.replicate))

    @property
    def last_step(self) -> int:
        """The optimiser step it ends with."""
        return self.stop_after or self.steps

    @property
    def interval(self) -> int:
        """Optimiser steps between evaluations."""
        return self.evaluation_interval or max(1, math.ceil(self.steps / EVALUATIONS))

    @property
    def rate_changes_each_step(self) -> bool:
        """Whether the learning rate of a step differs from the last one's, and not after evaluations alone."""
        return self.schedule != "constant" or self.warmup > 0

    def key(self) -> str:
        """SHA-256 of everything that decides the record, the versions of code and schema included."""
        return digest(
            [
                SCHEMA,
                [self.task.name, self.task.version, self.task.identity(), code_hash(type(self.task))],
                [self.model.name, self.model.version, self.model.identity(), code_hash(type(self.model))],
                self.settings.identity(),
                [self.batch_size, self.steps, self.plateau_patience, self.evaluation_interval],
                [self.seed, self.replicate, self.on_test_data],
                *([["stop after", self.stop_after]] if self.stop_after else []),
                *([["stop at target"]] if self.stop_at_target else []),
                *([["schedule", self.schedule, self.warmup]] if self.rate_changes_each_step else []),
            ]
        )

    def describe(self) -> Record:
        """The identity part of the record."""
        settings = self.settings.as_recorded()
        size = {key: settings.pop(key) for key in ("hidden_size", "num_layers", "dropout", "init")}
        plan = {
            "batch_size": self.batch_size,
            "steps": self.last_step,
            "plateau_patience": self.plateau_patience,
            "evaluation_interval": self.evaluation_interval,
            **({"budget_steps": self.steps} if self.stop_after else {}),
            **({"stop_at_target": True} if self.stop_at_target else {}),
            **({"schedule": self.schedule} if self.schedule != "constant" else {}),
            **({"warmup": self.warmup} if self.warmup else {}),
        }
        return {
            "schema": SCHEMA,
            "key": self.key(),
            "task": describe_entry(self.task),
            "model": {**describe_entry(self.model), "group": self.model.group, **size},
            "training": {**settings, **plan, "seed": self.seed},
            "replicate": self.replicate,
            "target": asdict(self.task.target),
            **origin_of(self.task),
        }

    def label(self) -> str:
        """For progress: task, model and configuration in a few words."""
        s = self.settings
        layers = f"{s.num_layers} layer" + ("s" if s.num_layers > 1 else "")
        init = "" if s.init == "default" else f" {s.init}"
        return f"{self.task.label} {self.model.label}{init} h{s.hidden_size} {layers} lr {s.learning_rate:.2g}"


def origin_of(task: Task) -> Record:
    """The part of a record that says where this replicate cuts a series; empty for a task that draws its data."""
    return {} if task.origin is None else {"origin": asdict(task.origin)}


def describe_entry(entry: Task | Model) -> dict[str, Any]:
    """Name, label, version and parameters of a task or model, as records keep them; of a plug-in's its code too."""
    code = code_hash(type(entry))
    about = {"name": entry.name, "label": entry.label, "version": entry.version, "parameters": entry.identity()}
    cites = {"cites": list(entry.cites)} if entry.cites else {}
    return {**about, **cites, **({} if code is None else {"code_sha256": code})}
