"""The report's section on single trainings: prediction against truth, errors, losses, and the network itself."""

from __future__ import annotations

from bench.analysis.results import Results
from bench.records.predictions import load_predictions
from bench.records.schema import trainings as trainings_of
from bench.records.schema import unique
from bench.report.document import Block, Gallery, Picture, Section, Text
from bench.report.figures.prediction import training_pictures

SHOWN = 12  # trainings on the page: each brings five figures
CAPTION = (
    "One training of each model and task: its first replicate. Losses: training and validation, on a logarithmic axis. "
    "Prediction and truth: test data in its order, in the task's own units; for classes, how often each true class "
    "(row) was taken for which (column). Errors in time and error sizes: of the same test data. Network: what "
    "flows through it, with shapes and parameters, drawn from its own weights."
)


def predictions_section(results: Results) -> Section:
    """Figures of the first result of each model on each task; empty where no predictions were kept."""
    kept = list(trainings_of(unique(results.records)))
    table = results.selected
    table = table[(table["match"] == results.matches[0]) & (table["status"] == "ok")] if results.matches else table
    pictures: list[Picture] = []
    shown = skipped = 0
    for t, task in enumerate(results.tasks):
        for place, model in enumerate(results.models):
            rows = table[(table["task"] == task) & (table["model"] == model)].sort_values("replicate", kind="stable")
            if results.folder is None or not len(rows):
                continue
            record = kept[int(rows.index[0])]
            predictions = load_predictions(results.folder, str(record.get("key")))
            if predictions is None:
                continue
            if shown == SHOWN:
                skipped += 1
                continue
            shown += 1
            name, title = f"training-{t + 1}-{place + 1}", f"{model} on {task}"
            pictures += training_pictures(name, title, predictions, record["curve"], place)
    if not pictures:
        return Section("predictions", "Predictions and networks", [])
    blocks: list[Block] = [Gallery(pictures, CAPTION)]
    if skipped:
        blocks.append(Text(f"{skipped} more models on tasks are left out here, to keep the page small."))
    return Section("predictions", "Predictions and networks", blocks)
