"""The predictors without a net that an experiment was compared with, fitted again as they were in the run.

A run keeps their scores alone. They are quick to fit and nothing of them is random, so they are fitted from the
experiment's own table when a forecast asks for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench.analysis.results import Results
from bench.analysis.saved_models import references_of_tables, saved_models
from bench.config.references import require_references
from bench.experiment import boosting, kernel_ridge
from bench.models.contract import Problem
from bench.records.schema import Record, label
from bench.training import validation_rows
from bench.training.checkpoint_file import LARGEST_GIB
from bench.training.kept import best_models, table_task
from bench.training.paths import TableModel
from tasks.contract import Array, Columns, Dataset, Task
from tasks.errors import UserError
from tasks.losses import mean_loss, split_loss
from tasks.registry import TASKS
from tasks.series import Series
from tasks.series_predictors import SeriesPredictor, series_predictor, with_first_rows
from tasks.spec import Spec
from tasks.table import table_path

AS_RECORDED = 1e-4  # relative difference of validation losses: other machines round otherwise


@dataclass(frozen=True, eq=False)
class RefittedReference:
    """A `bench.training.paths.TableModel` without a net. path: what messages call it."""

    path: str
    about: Mapping[str, Any]
    problem: Problem
    columns: Columns
    predict: Callable[[Array], Array]


def forecasters(
    results: Results,
    *,
    model: str | None = None,
    task: str | None = None,
    ensemble: bool = False,
    plugins: Sequence[str] = (),
    largest_gib: float = LARGEST_GIB,
) -> Sequence[TableModel]:
    """The nets of `bench.training.kept.best_models`, or the predictor without a net that `model` names."""
    nets = {one.model for one in saved_models(results)}
    records = [record for record in references_of_tables(results) if record["model"]["label"] == model]
    if model is not None and model not in nets and records:
        found = table_task(results, {label(record["task"]) for record in records}, task)
        return refitted(results, model, found, ensemble=ensemble)
    return best_models(results, model=model, task=task, ensemble=ensemble, plugins=plugins, largest_gib=largest_gib)


def refitted(results: Results, name: str, task: str, *, ensemble: bool = False) -> list[RefittedReference]:
    """A reference of a task at the newest forecast origin, or at all of them (`ensemble`), the newest first.

    UserError where the experiment's table is gone, or has changed so that the fit gives another validation loss than
    the recorded one. Rows that were added at its end are left out.
    """
    records = sorted(
        (record for record in references_of_tables(results, task) if record["model"]["label"] == name),
        key=lambda record: (-record["origin"]["block"], record["replicate"]),
    )
    made = _task(results, records[0])
    series = getattr(made, "series", made)
    if not isinstance(series, Series):
        raise UserError(f"{name} cannot be fitted again on {task}: --model takes a net there")
    series = with_first_rows(series, _rows(series, records[0]))
    return [_refitted(results, record, series) for record in (records if ensemble else records[:1])]


def _task(results: Results, record: Record) -> Task:
    """The task of a record, made again from the experiment's table."""
    name, parameters, data = record["task"]["name"], record["task"]["parameters"], results.settings.get("data")
    if name != "series":
        own = {key: value for key, value in parameters.items() if key != "sha256"}
        return TASKS.create(Spec(name, own))
    known = {f.name for f in fields(Series) if f.init}
    path = table_path(str(data or parameters["data"]))
    if not Path(path).is_file():
        raise UserError(
            f"{record['model']['label']} is fitted again from the table of {results.name}, and {path} does not exist: "
            "put it back, or forecast with a net, whose weights are kept: give --model with its name"
        )
    return TASKS.create(Spec(name, {**{k: v for k, v in parameters.items() if k in known}, "data": path}))


def _rows(series: Series, record: Record) -> int:
    """The rows that the series had in the run."""
    if rows := record["origin"].get("rows"):
        return int(rows)
    if "splits" not in record:  # of an older bench
        return series.rows
    # up to the end of the last test block
    origin, valid = record["origin"], record["splits"]["valid"] + series.furthest - 1
    return int(origin["train_rows"] + valid + (origin["blocks"] - origin["block"]) * origin["test_rows"])


def _refitted(results: Results, record: Record, series: Series) -> RefittedReference:
    name = record["model"]["label"]
    changed = UserError(
        f"{name} is fitted again from the table of {results.name}, and {series.data} has changed since then: put back "
        "the file as it was, or run it again with another --name"
    )
    try:
        here = series.at(record["replicate"])
        dataset = here.generate(0)
        found = _predictor(here, name, dataset)
    except UserError as error:
        raise changed from error
    if found is None:
        raise UserError(
            f"this bench has no predictor {name}, which {results.name} was compared with: give a net's name"
        )
    outputs = found.predict(found.valid.inputs)
    # a bench of before scored what was filled in, too
    losses = split_loss(here.loss, outputs, found.valid), mean_loss(here.loss, outputs, found.valid.targets)
    if not any(math.isclose(loss, record["valid_loss"], rel_tol=AS_RECORDED, abs_tol=1e-12) for loss in losses):
        raise changed
    about = {
        "task": record["task"],
        "reference": name,
        "replicate": record["replicate"],
        "validation": validation_rows.pack(found.valid),
    }
    return RefittedReference(name, about, Problem.of(here, dataset.train), found.columns, found.predict)


def _predictor(task: Series, name: str, dataset: Dataset) -> SeriesPredictor | None:
    if name == boosting.NAME:
        require_references([name], [task])
        return SeriesPredictor(task.columns, boosting.fit(dataset), dataset.valid)
    if name == kernel_ridge.NAME:
        return SeriesPredictor(task.columns, kernel_ridge.choose(dataset.train, dataset.valid).predict, dataset.valid)
    return series_predictor(task, name, dataset)
