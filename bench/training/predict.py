"""Predict the rows of a CSV file with a checkpoint."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.records.plain import guarded
from bench.training.checkpoint import load_model
from bench.training.checkpoint_file import LARGEST_GIB
from tasks.contract import Array, Columns
from tasks.csv_table import CsvTable, read_table
from tasks.errors import UserError
from tasks.prepared_series import growth_percent


@dataclass(frozen=True, eq=False)
class TablePrediction:
    """Predictions for the rows of a table.

    values: `(n, O)` in the columns' own units. rows: `(n,)`, the data row (1 is the first) of each prediction; the last
    ones lie beyond the table and are forecasts.
    """

    names: tuple[str, ...]
    rows: Array
    values: Array

    def to_csv(self) -> str:
        """As CSV: a header, then a line for each row. Numbers have all their digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["row", *map(guarded, self.names)])
        writer.writerows([row, *values] for row, values in zip(self.rows.tolist(), self.values.tolist(), strict=True))
        return text.getvalue()


def predict_table(
    checkpoint: str | Path, table: str | Path, plugins: tuple[str, ...] = (), *, largest_gib: float = LARGEST_GIB
) -> TablePrediction:
    """Predict every row of a CSV file that has a whole window before it, and the rows after the last one.

    UserError for a checkpoint that cannot be loaded or whose task reads no table, and for a table without the columns
    or the number of rows that the model needs.
    """
    model = load_model(checkpoint, plugins, largest_gib=largest_gib)
    columns = model.columns
    if columns is None:
        name = model.about["task"]["name"]
        raise UserError(
            f"{checkpoint} was trained on task {name}, whose sequences are not rows of a table: use "
            "bench.load_model(path) in Python, with inputs as that task makes them"
        )
    read = read_table(table)
    values = _values(read, columns, str(checkpoint))
    windows = np.lib.stride_tricks.sliding_window_view(values, columns.window, axis=0).swapaxes(1, 2)
    outputs = model(windows)
    if model.problem.per_step:
        outputs = outputs[:, -1]
    first = columns.window + columns.horizon + int(columns.growth)
    return TablePrediction(columns.outputs, first + np.arange(len(outputs)), outputs)


def _values(table: CsvTable, columns: Columns, checkpoint: str) -> Array:
    """Return the input columns `(rows, I)`, converted to growth if the model was trained on growth."""
    missing = [name for name in columns.inputs if name not in table.names]
    if missing:
        raise UserError(
            f"{table.path} has no column {', '.join(map(repr, missing))}: {checkpoint} was trained on the columns "
            f"{', '.join(columns.inputs)}; the file has {', '.join(table.names)}"
        )
    values = np.stack([table.numbers(name) for name in columns.inputs], axis=1)
    for row, column in np.argwhere(np.isnan(values))[:1]:
        raise UserError(
            f"{table.path}: column '{columns.inputs[column]}' has no value in line {table.lines[row]}: fill it in"
        )
    needed = columns.window + int(columns.growth)
    if len(values) < needed:
        raise UserError(
            f"{table.path} has {len(values)} rows, but {checkpoint} looks back at {needed}: give at least as many"
        )
    return growth_percent(table.path, columns.inputs, values) if columns.growth else values
