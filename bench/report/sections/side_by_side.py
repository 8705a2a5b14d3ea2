"""An experiment's comparisons (tuned, equal hidden size, equal parameters, …) beside each other, in one table."""

from __future__ import annotations

from typing import Any

from bench.analysis.formatting import MISSING, change, change_between, is_missing, number, whole
from bench.analysis.labels import words
from bench.analysis.results import Results
from bench.analysis.verdict import Verdict
from bench.report.document import Row, Table, TableCell

MOST = 6  # comparisons: more columns cannot be read
CAPTION = (
    "The same models under each rule of fairness: first the verdict, and of a model that wins how its loss compares "
    "with the nearest one's (95 % interval); then each model's geometric mean test loss, the size chosen most often "
    "and the median of its parameters over replicates. A lead that is there at equal hidden size and not at equal "
    "parameters may be one of size."
)


def side_by_side(results: Results) -> Table | None:
    """A row a task and model, a column a comparison; None where there is one comparison, or more than `MOST`."""
    if not 2 <= len(results.matches) <= MOST:
        return None
    summary = results.summary[results.summary["kind"] == "model"]
    found = {(row["task"], row["model"], row["match"]): row for row in summary.to_dict("records")}
    said = {(verdict.task, verdict.match): verdict for verdict in results.verdicts}
    rows = []
    for task in results.tasks:
        models = [model for model in results.models if any((task, model, match) in found for match in results.matches)]
        if len(models) > 1:
            answers = [_verdict(said.get((task, match))) for match in results.matches]
            rows.append(Row([TableCell(task), TableCell("verdict"), *answers], "model"))
        for model in models:
            cells = [_configured(found.get((task, model, match))) for match in results.matches]
            rows.append(Row([TableCell(task), TableCell(model), *cells], "model", results.models.index(model)))
    header = ("Task", "Model", *(words(match).heading for match in results.matches))
    return Table("Comparisons side by side", header, rows, CAPTION, texts=2, folded=len(rows) > 24) if rows else None


def _verdict(verdict: Verdict | None) -> TableCell:
    if verdict is None:
        return TableCell(MISSING)
    if verdict.answer != verdict.winner:
        return TableCell(verdict.answer)
    return TableCell(
        verdict.answer, f"{change(verdict.effect)} than the nearest, {change_between(verdict.low, verdict.high)}"
    )


def _configured(row: dict[Any, Any] | None) -> TableCell:
    if row is None:
        return TableCell(MISSING)
    size = f"{whole(row['hidden_size'])} × {whole(row['num_layers'])}"
    note = f"{size}, {whole(row['parameter_count'])} parameters"
    return TableCell(number(row["test_loss"]), note, None if is_missing(row["test_loss"]) else float(row["test_loss"]))
