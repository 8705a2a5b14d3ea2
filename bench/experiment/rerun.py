"""Train one recorded training again, in this process: to see a failure's traceback, or to check a result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.models.contract import Model, Settings
from bench.models.search_twin import is_tested, search_twin
from bench.records.folder import MANIFEST, RECORDS, command_name
from bench.records.jsonl import read_records
from bench.records.schema import TRAININGS, Record, digest
from bench.records.selection import is_for_search_only
from bench.training.examine import ExamineJob
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from tasks.contract import Task
from tasks.errors import UserError

Made = TypeVar("Made", Task, Model)


def rerun(name: str, key_prefix: str, results: str | Path = "results") -> tuple[Record, Record]:
    """The record that was written, and the one that training it again gives now.

    A failure of the training is in the second record's status, error and traceback. Raises UserError where there is
    no such record, or more than one, or where the code or the data have changed so that it can't be trained again.
    """
    folder = Path(results) / name
    before = _find(folder, key_prefix)
    experiment = resolve(read_config(folder / MANIFEST))
    model, settings = _named(experiment.models, before["model"]), Settings(**_settings(before))
    tested = before["stage"] != "search"
    if is_for_search_only(before):
        device, dropout, precision = settings.device, settings.dropout, settings.precision
        model = search_twin(model, device=device, dropout=dropout, precision=precision) or model
        tested = tested and is_tested(device)
    training = Training(
        _named(experiment.tasks, before["task"]),
        model,
        settings,
        batch_size=before["training"]["batch_size"],
        steps=before["training"].get("budget_steps") or before["training"]["steps"],
        stop_after=before["training"]["steps"] if before["training"].get("budget_steps") else None,
        replicate=before["replicate"],
        seed=before["training"]["seed"],
        plateau_patience=before["training"]["plateau_patience"],
        evaluation_interval=before["training"]["evaluation_interval"],
        on_test_data=tested,
    )
    job = ExamineJob(training) if before["stage"] == "examine" else TrainingJob(training)
    if job.key() != before["key"]:
        raise UserError(
            f"{key_prefix} of {folder} was made from other data or by another version of {training.task.label} or "
            f"{training.model.label}: it can't be trained again with this code"
        )
    return before, InlineExecutor(experiment.options.plugins).submit(job, 0).result()


def _find(folder: Path, key_prefix: str) -> Record:
    path = folder / RECORDS
    if not path.exists():
        raise UserError(f"{folder} holds no records: see python -m bench list experiments{command_name(folder.parent)}")
    jobs = (record for record in read_records(path) if record["stage"] in (*TRAININGS, "examine"))
    found = {record["key"]: record for record in jobs if record["key"].startswith(key_prefix)}
    if len(found) != 1:
        problem = "no training" if not found else f"{len(found)} trainings"
        raise UserError(f"{path} has {problem} whose key begins with '{key_prefix}': copy a key from the report")
    return next(iter(found.values()))


def _named(made: Sequence[Made], described: Record) -> Made:
    """The task or model that a record describes, of those of the experiment."""
    wanted = digest([described["name"], described["parameters"]])
    found = next((entry for entry in made if digest([entry.name, entry.identity()]) == wanted), None)
    if found is None:
        raise UserError(
            f"{described['label']} was made from other data or by another version: it can't be trained again"
        )
    return found


def _settings(record: Record) -> dict[str, Any]:
    model = {key: record["model"][key] for key in ("hidden_size", "num_layers", "dropout", "init")}
    names = ("learning_rate", "weight_decay", "clip_norm", "device", "dtype")
    precision = {"precision": record["training"].get("precision", "float32")}  # older records name none
    return {**model, **{key: record["training"][key] for key in names}, **precision}
