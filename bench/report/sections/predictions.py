"""The report's section on single trainings: forecasts and truth, errors, losses, and the networks themselves."""

from __future__ import annotations

from functools import partial

from bench.analysis.forecasts import forecasts
from bench.analysis.results import Results
from bench.records.predictions import load_predictions
from bench.report.document import Block, Gallery, Section, Text
from bench.report.figures import forecast as forecast_figure
from bench.report.figures.axes import picture
from bench.report.figures.prediction import Shown, task_pictures
from bench.report.picture import Picture

TASKS, MODELS, COLUMNS = 6, 6, 3  # of which there are pictures: each of them brings some
FORECASTS = (
    "Forecasts over the newest test blocks, each made at its own origin: truth, the models (the median, and a band "
    "where several replicates are tested on the same rows), and in grey the predictors without a recurrent net. In the "
    "column's own units; at most the newest 300 rows."
)
CAPTION = (
    "One training of each model: its first replicate. Losses: validation solid, training dotted, on a logarithmic "
    "axis. Predictions, errors in order and error sizes: of the test data, in the task's own units; for classes the "
    "share of wrong answers, how many a sequence has, and how often each true class (row) was taken for which "
    "(column). Network: what flows through it, with shapes and parameters, drawn from its own weights."
)


def predictions_section(results: Results) -> Section:
    """Forecasts of series, and figures of the first result of each model on each task; empty without predictions."""
    ahead: list[Picture] = []
    pictures: list[Picture] = []
    skipped = 0
    for t, task in enumerate(results.tasks if results.matches else ()):
        shown = _shown(results, task)
        if t >= TASKS or len(shown) > MODELS:
            skipped += len(shown[MODELS:]) if t < TASKS else len(shown)
        if not shown or t >= TASKS:
            continue
        found = forecasts(results, results.matches[0], task)
        for c, column in enumerate(found[:COLUMNS]):
            title = f"{task}: forecasts of {column.name}"
            draw = partial(forecast_figure.draw, found=column, results=results)
            ahead.append(picture(f"forecast-{t + 1}-{c + 1}", title, draw, 3.0))
        pictures += task_pictures(f"training-{t + 1}", task, shown[:MODELS], truth=not found)
    blocks: list[Block] = [Gallery(ahead, FORECASTS)] if ahead else []
    blocks += [Gallery(pictures, CAPTION)] if pictures else []
    if skipped:
        blocks.append(Text(f"{skipped} more models on tasks are left out here, to keep the page small."))
    return Section("predictions", "Predictions and networks", blocks)


def _shown(results: Results, task: str) -> list[Shown]:
    """The first replicate of each model of the first comparison that ended well and kept its predictions."""
    table = results.rows("selected", results.matches[0], task)
    table = table[table["status"] == "ok"]
    found = []
    for place, model in enumerate(results.models):
        rows = table[table["model"] == model].sort_values("replicate", kind="stable")
        if results.folder is None or not len(rows):
            continue
        record = results.training_records[int(rows.index[0])]
        predictions = load_predictions(results.folder, str(record.get("key")))
        if predictions is not None:
            found.append(Shown(model, place, predictions, record["curve"]))
    return found
