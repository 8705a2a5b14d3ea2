"""The models that were kept, and how to use them."""

from __future__ import annotations

from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.analysis.saved_models import ranked, saved_models
from bench.report.document import Row, Section, Table, TableCell

CAPTION = (
    "Validation losses of different replicates are of different data. Files lie in the results folder; "
    "`bench.load_model(path)` loads one, and trainings.csv names them in its column checkpoint."
)


def models_section(results: Results) -> Section:
    """One row a kept model, the best model of each task first; empty where none was kept."""
    kept = saved_models(results)
    if not kept:
        return Section("models", "Trained models", [])
    rows = []
    for name in results.tasks:
        for group in ranked(tuple(model for model in kept if model.task == name)):
            for model in group:
                place = results.models.index(model.model) if model.model in results.models else None
                cells = [
                    TableCell(name),
                    TableCell(model.model),
                    TableCell(model.file),
                    TableCell(str(model.replicate), "", model.replicate),
                    TableCell(number(model.valid_loss), "", model.valid_loss),
                ]
                rows.append(Row(cells, "model", place))
    header = ("Task", "Model", "File", "Replicate", "Validation loss")
    return Section("models", "Trained models", [Table("Kept models", header, rows, CAPTION, texts=3, folded=True)])
