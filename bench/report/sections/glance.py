"""The few numbers of every model and reference that most readers want, in at most six columns."""

from __future__ import annotations

from typing import Any

from bench.analysis import stats
from bench.analysis.formatting import MISSING, estimated, is_missing, seconds, whole
from bench.analysis.results import Results
from bench.analysis.selected import tasks_in
from bench.analysis.standing import Standing
from bench.analysis.timing_conditions import explained, kernel_and_condition
from bench.report.document import Row, Table, TableCell
from bench.report.figures.standing import rows_of

HEADER = ("Task", "Model", "Test loss", "Solved", "Parameters", "Step time")
CAPTION = (
    "Test loss: geometric mean over replicates with its 95 % t interval; a failed replicate counts as the worst loss "
    "on the task. Solved: replicates that reached the target on validation data. Step time: alone on the machine, with "
    "the kernel that ran. Rows in italics are predictors without a recurrent net."
)
MOST_ROWS = 24  # beyond, the table is shown when it is asked for


def glance_table(results: Results, match: str) -> Table:
    """A row a task and model or reference, the lowest loss first; without the task's column where there is one task."""
    tasks = tasks_in(results, match)
    rows = [_row(results, match, task, each) for task in tasks for each in rows_of(results, match, task)]
    header: tuple[str, ...] = HEADER
    if len(tasks) == 1:
        header = HEADER[1:]
        rows = [Row(row.cells[1:], row.kind, row.colour) for row in rows]
    texts = len(header) - len(HEADER) + 2
    caption = CAPTION + explained(results.timings)
    return Table("The numbers", header, rows, caption, texts=texts, folded=len(rows) > MOST_ROWS)


def _row(results: Results, match: str, task: str, each: Standing) -> Row:
    text, bounds = estimated(each.loss, each.low, each.high)
    loss = TableCell(text, bounds, _exact(each.loss))
    if each.kind != "model":
        return Row([TableCell(task), TableCell(each.name, each.kind), loss, *[TableCell(MISSING)] * 3], each.kind)
    failed = f"{each.failed} of {each.n} failed" if each.failed else ""
    about = ", ".join(filter(None, (f"group {each.letters}" if each.letters else "", failed)))
    cells = [TableCell(task), TableCell(each.name, about), loss, *_measured(results, match, task, each)]
    return Row(cells, "model", results.models.index(each.name))


def _measured(results: Results, match: str, task: str, each: Standing) -> list[TableCell]:
    """Solved replicates, parameters and step time."""
    table = results.rows("summary", match, task)
    row: dict[Any, Any] = table[(table["kind"] == "model") & (table["model"] == each.name)].iloc[0].to_dict()
    solved = TableCell(MISSING)  # a target that an untrained net meets is none
    if not is_missing(row["solve_rate"]):
        count = round(row["solve_rate"] * each.n)
        solved = TableCell(f"{count} of {each.n}", "", stats.solve_rate(count, each.n).value)
    return [
        solved,
        TableCell(whole(row["parameter_count"]), "", _exact(row["parameter_count"])),
        TableCell(seconds(row["step_seconds"]), kernel_and_condition(row), _exact(row["step_seconds"])),
    ]


def _exact(value: Any) -> float | int | None:
    return None if is_missing(value) else (int(value) if isinstance(value, int) else float(value))
