"""Which of the models that an experiment kept to use, loaded."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from bench.analysis.results import Results
from bench.analysis.saved_models import ranked, references_of_tables, saved_models, table_tasks
from bench.records.kept_models import restoring_command
from bench.training.checkpoint import LoadedModel, load_model
from bench.training.checkpoint_file import LARGEST_GIB
from bench.training.paths import TableModel
from tasks.errors import UserError, unknown
from tasks.registry import TASKS
from tasks.spec import Spec
from tasks.table import table_path


def best_models(
    results: Results,
    *,
    model: str | None = None,
    task: str | None = None,
    ensemble: bool = False,
    plugins: Sequence[str] = (),
    largest_gib: float = LARGEST_GIB,
) -> list[LoadedModel]:
    """The model that was best on validation data, or all replicates of it (`ensemble`).

    model: the best one of this name. task: its label, where the experiment forecasts several tables. UserError for
    names that are not there, and where no model was kept.
    """
    assert results.folder is not None
    kept = saved_models(results)
    if not kept:
        again = restoring_command(results.folder) or "run it again with --save-models"
        raise UserError(f"{results.folder} holds no trained models: this command makes them again: {again}")
    task = table_task(results, {one.task for one in kept}, task)
    kept = tuple(one for one in kept if one.task == task)
    names = list(dict.fromkeys(one.model for one in kept))
    if model is not None and model not in names:
        _refuse(results, model, task, names)
    groups = ranked(tuple(one for one in kept if model in (None, one.model)))
    chosen = groups[0] if ensemble else groups[0][:1]
    plugins = (*(results.settings.get("plugins") or ()), *plugins)
    loaded = [load_model(results.folder / one.file, plugins, largest_gib=largest_gib) for one in chosen]
    for found in loaded:
        if found.about.get("key") != Path(found.path).stem:
            raise UserError(
                f"{found.path} holds the model of another training: restore the file, or delete it and make it again: "
                + (restoring_command(results.folder) or "run the experiment again with --save-models")
            )
    return loaded


def trained_on(results: Results, model: TableModel) -> str:
    """The file that a model of the experiment was trained on; UserError where it is not known any more."""
    described, data = model.about["task"], results.settings.get("data")
    if described["name"] == "series" and data:
        return table_path(str(data))
    parameters = {key: value for key, value in described["parameters"].items() if key != "sha256"}
    series = getattr(TASKS.create(Spec(described["name"], parameters)), "series", None)
    if series is None:
        raise UserError("give the file whose next rows are to be forecast")
    return table_path(str(series.data))


def _refuse(results: Results, model: str, task: str, names: Sequence[str]) -> None:
    references = {str(record["model"]["label"]) for record in references_of_tables(results, task)}
    if model in references:
        command = ["python", "-m", "bench", "predict", results.name, "--model", model]
        raise UserError(
            f"{model} is a predictor without a net, of which no model is kept: give one of {', '.join(names)}; "
            f"{shlex.join(command)} fits it again, and forecasts with it"
        )
    raise unknown("model", model, [*names, *references])


def table_task(results: Results, possible: Collection[str], task: str | None) -> str:
    """The label of the task that is asked for, or of the only possible one that forecasts a table."""
    tables = [name for name in table_tasks(results) if name in possible]
    if not tables:
        raise UserError(
            f"{results.name} forecasts no table, as its tasks make their own sequences: use bench.load_model(path) in "
            f"Python with a file of {Path(str(results.folder)) / 'models'}"
        )
    if task is None and len(tables) == 1:
        return tables[0]
    if task not in tables:
        raise (
            unknown("task", task, tables)
            if task
            else UserError(f"{results.name} forecasts several tables: give --task with one of {', '.join(tables)}")
        )
    return task


def rows_trained_on(results: Results, model: LoadedModel) -> int:
    """Rows of the training part of the forecast origin at which a model was trained."""
    key = model.about["key"]
    return next(int(record["origin"]["train_rows"]) for record in results.records if record["key"] == key)
