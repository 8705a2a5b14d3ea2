"""The models that were kept, and how to use them."""

from __future__ import annotations

import shlex

from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.analysis.saved_models import ahead_on_test_data, ranked, saved_models, table_tasks
from bench.report.document import Block, Code, Row, Section, Table, TableCell, Text

CAPTION = (
    "Validation losses of different replicates are of different data. Files lie in the results folder; "
    "`bench.load_model(path)` loads one, and trainings.csv names them in its column checkpoint."
)


def models_section(results: Results) -> Section:
    """One row a kept model, the best model of each task first; empty where none was kept."""
    kept = saved_models(results)
    if not kept:
        return Section("models", "Trained models", [])
    blocks: list[Block] = []
    tables = [task for task in table_tasks(results) if any(model.task == task for model in kept)]
    if tables:
        task = ["--task", tables[0]] if len(tables) > 1 else []
        best = ranked(tuple(model for model in kept if model.task == tables[0]))[0][0]
        why = f" ({said})" if (said := ahead_on_test_data(results, best)) else ""
        what = f"To forecast with {best.model}, the best model by validation{why}"
        blocks.append(Text(f"{what}, or to take it along as plain PyTorch:"))
        command = ["python", "-m", "bench"]
        lines = [
            shlex.join([*command, "predict", results.name, "new.csv", *task]),
            shlex.join([*command, "export", results.name, *task, "--to", "FOLDER"]),
        ]
        blocks.append(Code("\n".join(lines)))
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
    return Section(
        "models", "Trained models", [*blocks, Table("Kept models", header, rows, CAPTION, texts=3, folded=True)]
    )
