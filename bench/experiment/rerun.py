"""Repeat one recorded training or timing in this process: to see a failure's traceback, or to check a result."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from bench.config.budgets import BUDGETS
from bench.config.experiment import Experiment
from bench.config.files import read_config, with_kept_plugins
from bench.config.resolve import resolve
from bench.config.searched import OWN
from bench.executors.inline import InlineExecutor
from bench.experiment.cell import TIMING_ROUNDS
from bench.models.contract import Model, Settings
from bench.models.search_twin import is_tested
from bench.records.folder import MANIFEST, RECORDS, command_name
from bench.records.jsonl import read_records
from bench.records.schema import TRAININGS, Record, digest
from bench.records.selection import is_for_search_only
from bench.training.examine import ExamineJob
from bench.training.jobs import Job, TimingJob, TrainingJob
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
    experiment = resolve(with_kept_plugins(read_config(folder / MANIFEST), folder, changed=True))
    training = recorded_training(experiment, before)
    job = next((job for job in _candidates(before, training, experiment) if job.key() == before["key"]), None)
    if job is None:
        raise UserError(
            f"{key_prefix} of {folder} was made from other data or by another version of {training.task.label} or "
            f"{training.model.label}: it can't be trained again with this code"
        )
    return before, InlineExecutor(experiment.options.plugins).submit(job, 0).result()


def recorded_training(experiment: Experiment, before: Record) -> Training:
    """The training that a record of an experiment is of; UserError where its task or model is another by now."""
    model, settings = _model(experiment, before), Settings(**_settings(before))
    tested = before["stage"] != "search"
    if is_for_search_only(before):
        model = experiment.search_twin(model, settings.device) or model
        tested = tested and is_tested(settings.device)
    return Training(
        _named(experiment.tasks, before["task"]),
        model,
        settings,
        batch_size=before["training"]["batch_size"],
        steps=before["training"].get("budget_steps") or before["training"]["steps"],
        stop_after=before["training"]["steps"] if before["training"].get("budget_steps") else None,
        replicate=1 if before["replicate"] is None else before["replicate"],
        seed=before["training"]["seed"],
        plateau_patience=before["training"]["plateau_patience"],
        evaluation_interval=before["training"]["evaluation_interval"],
        on_test_data=tested,
        schedule=before["training"].get("schedule", "constant"),
        warmup=before["training"].get("warmup", 0),
    )


def _candidates(before: Record, training: Training, experiment: Experiment) -> Iterator[Job]:
    """The jobs of which one may have made the record. That of a timing does not name its replicate and its kernel."""
    if before["stage"] == "examine":
        yield ExamineJob(training)
    elif before["stage"] != "time":
        yield TrainingJob(training)
    else:
        options = experiment.options
        rounds = TIMING_ROUNDS if options.tune == "each" else 1
        seconds = BUDGETS[options.budget].timing_seconds / rounds
        most = max(options.replicates or 1, options.max_replicates if options.until_settled else 1)
        for replicate, onednn in itertools.product(range(1, most + 1), (True, False)):
            timed = replace(training, task=training.task.at(replicate), replicate=replicate)
            yield TimingJob(timed, seconds, before["environment"], onednn, before.get("round") or 0)


def _find(folder: Path, key_prefix: str) -> Record:
    path = folder / RECORDS
    if not path.exists():
        raise UserError(f"{folder} holds no records: see python -m bench list experiments{command_name(folder.parent)}")
    jobs = (record for record in read_records(path) if record["stage"] in (*TRAININGS, "examine", "time"))
    found = {record["key"]: record for record in jobs if record["key"].startswith(key_prefix)}
    if len(found) != 1:
        problem = "no training or measurement" if not found else f"{len(found)} trainings and measurements"
        raise UserError(f"{path} has {problem} whose key begins with '{key_prefix}': copy a key from the report")
    return next(iter(found.values()))


def _model(experiment: Experiment, record: Record) -> Model:
    """The model that a record describes, with the hyper-parameters of its own that a search chose."""
    own = {name: value for name, value in (record.get("searched") or {}).items() if name.startswith(OWN)}
    values = {name.removeprefix(OWN): value for name, value in own.items()}
    name = record["model"]["name"]
    models = [model.with_values(values) if model.name == name else model for model in experiment.models]
    return _named(models, record["model"])


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
    absent = {"precision": "float32", "optimizer": "adam"}  # in older records, and where it is this
    more = {key: record["training"].get(key, value) for key, value in absent.items()}
    return {**model, **{key: record["training"][key] for key in names}, **more}
