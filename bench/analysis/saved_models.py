"""The models that an experiment kept: one for each replicate of each model, and which of them to use."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.analysis.recorded import Recorded
from bench.records.folder import command_name
from bench.records.kept_models import LARGEST_UNASKED, lost_models, restoring_command, too_large
from bench.records.schema import Record, label, trainings

if TYPE_CHECKING:
    from bench.analysis.results import Results


@dataclass(frozen=True)
class SavedModel:
    """A trained model in a file. `file`: within the results folder; `block`: of a series' forecast origin, else -1."""

    match: str
    task: str
    model: str
    replicate: int
    block: int
    valid_loss: float
    file: str


def saved_models(results: Recorded) -> tuple[SavedModel, ...]:
    """The models of the selected trainings whose files are there, as trainings are ordered."""
    table = results.selected
    table = table[table["checkpoint"].notna() & (table["status"] == "ok") & table["replicate"].notna()]
    return tuple(
        SavedModel(
            str(row["match"]),
            str(row["task"]),
            str(row["model"]),
            int(row["replicate"]),
            -1 if row["block"] != row["block"] or row["block"] is None else int(row["block"]),
            float(row["valid_loss"]),
            str(row["checkpoint"]),
        )
        for row in table.astype({"block": "float"}).to_dict("records")
        if results.folder is not None and (results.folder / str(row["checkpoint"])).is_file()
    )


def ranked(models: tuple[SavedModel, ...]) -> list[list[SavedModel]]:
    """The models of one task, a list for each comparison and model, best first.

    Models are ordered by the geometric mean of their validation losses, which are comparable between models alone:
    each replicate has other validation data. Of one model, the replicate with the newest forecast origin comes first
    (it is trained on the most rows), of equal ones the one with the lowest validation loss.
    """
    groups: dict[tuple[str, str], list[SavedModel]] = {}
    for model in models:
        groups.setdefault((model.match, model.model), []).append(model)

    def typical(group: list[SavedModel]) -> float:
        return sum(math.log(max(model.valid_loss, 1e-300)) for model in group) / len(group)

    return [sorted(group, key=lambda m: (-m.block, m.valid_loss)) for group in sorted(groups.values(), key=typical)]


def ahead_on_test_data(results: Results, model: SavedModel) -> str:
    """What speaks for another than the best model by validation: a net with a lower test loss, or a predictor without
    one; empty where nothing does."""
    first, (without, sentence) = _first_by_test_loss(results, model), not_beaten(results, model)
    net = "" if first == model.model else f"chosen on validation data, as it must be; {first} has the lower test loss"
    hint = f"{sentence}: predict --model {without} forecasts with it" if without else ""
    return "; ".join(filter(None, (net, hint)))


def not_beaten(results: Results, model: SavedModel) -> tuple[str, str]:
    """The best predictor without a net, if no net is known to beat it or its test loss is lower than the model's, and
    a sentence that says so; else ("", ""), as for a task that forecasts no table."""
    if not references_of_tables(results, model.task):
        return "", ""
    verdict = next((v for v in results.verdicts if (v.match, v.task) == (model.match, model.task)), None)
    if verdict is None or verdict.need.reference is None:
        return "", ""
    name = verdict.need.reference.name
    if verdict.need.state in ("no", "can't tell yet"):
        return name, f"no net is known to beat {name}, a predictor without a net"
    table = results.summary[results.summary["task"] == model.task]
    losses = table[table["match"].isna() | (table["match"] == model.match)].set_index("model")["test_loss"]
    if name in losses.index and losses[name].min() < losses[model.model].min():
        return name, f"{name}, a predictor without a net, has a lower test loss"
    return "", ""


def which_model(results: Results, about: Mapping[str, Any], *, asked: bool, ensemble: bool = False) -> list[str]:
    """Lines for a person: which model forecasts, why this one, and what speaks for another.

    about: the model's description of itself. asked: whether it was asked for by name.
    """
    what = "all replicates" if ensemble else f"replicate {about.get('replicate')}"
    if "reference" in about:
        return [f"model  {about['reference']}, {what}, fitted again on the experiment's table"]
    model = next((one for one in saved_models(results) if Path(one.file).stem == about.get("key")), None)
    if model is None:
        return []
    first, (without, sentence) = _first_by_test_loss(results, model), not_beaten(results, model)
    why = "" if asked else ", the best model by validation"
    better = f"; --model {first} has the lower test loss" if first != model.model else ""
    warning = [f"{sentence}: --model {without} forecasts with it"] if without else []
    return [f"model  {model.model}, {what}{why}{better}", *_lost(results), *warning]


def _lost(results: Results) -> list[str]:
    """A line where the file of a model is gone or damaged, which may have been the best one."""
    if results.folder is None or not (lost := len(lost_models(results.folder, results.records))):
        return []
    what, them = ("model of this experiment is", "it") if lost == 1 else ("models of this experiment are", "them")
    return [f"{lost} {what} lost or damaged; this makes {them} again: {restoring_command(results.folder)}"]


def _first_by_test_loss(results: Results, model: SavedModel) -> str:
    """The first net of the leaderboard that the model stands in."""
    table = results.rows("summary", model.match, model.task)
    first = table[table["kind"] == "model"].sort_values("test_loss", kind="stable", na_position="last")["model"]
    return str(first.iloc[0]) if len(first) else model.model


def references_of_tables(results: Recorded, task: str | None = None) -> list[Record]:
    """The records of predictors without a net on a task (None: on any) that forecasts a table; of limits none."""
    found = (r for r in results.records if r["stage"] == "reference" and r.get("origin") and r["replicate"])
    return [r for r in found if r["model"].get("kind") != "limit" and task in (None, label(r["task"]))]


def table_tasks(results: Recorded) -> list[str]:
    """Labels of the tasks that forecast a table: their records say where each replicate cuts it."""
    return list(dict.fromkeys(label(r.get("task")) for r in trainings(results.records) if r.get("origin")))


def not_kept(results: Recorded) -> int:
    """Selected trainings whose models were too large to be kept unasked."""
    table = results.selected
    rows = table[table["checkpoint"].isna() & (table["status"] == "ok")]
    return sum(too_large(results.training_records[int(index)]) for index in rows.index)


def predict_command(results: Recorded) -> str | None:
    """A command that forecasts with the best model as it stands; None where no kept model reads a table.

    Where columns are known in advance (`--known`) the file must go on after the training data, so it is another one.
    """
    tasks = [task for task in table_tasks(results) if any(model.task == task for model in saved_models(results))]
    if not tasks:
        return None
    words = ["python", "-m", "bench", "predict", results.name]
    known = results.settings.get("known")
    data = "new.csv" if known else results.settings.get("data")
    words += [str(data)] if data and tasks[0].startswith("series[") else []
    words += ["--task", tasks[0]] if len(tasks) > 1 else []
    return shlex.join(words) + command_name(Path(results.folder or "results").parent)


def too_large_sentence(count: int) -> str:
    """How to keep the models that were too large."""
    what = "model was" if count == 1 else "models were"
    return f"{count} {what} not kept, being larger than {LARGEST_UNASKED >> 20} MiB: --save-models keeps any"
