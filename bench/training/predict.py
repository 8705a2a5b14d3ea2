"""Predict the rows of a CSV file with a checkpoint."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from bench.records.plain import guarded
from bench.training.checkpoint import load_model
from bench.training.checkpoint_file import LARGEST_GIB
from tasks.contract import Array
from tasks.errors import UserError
from tasks.new_rows import read_new_rows


@dataclass(frozen=True, eq=False)
class TablePrediction:
    """Predictions for the rows of a table.

    values: `(n, O)` in the columns' own units. rows: `(n,)`, the data row (1 is the first) of each prediction, with
    several horizons that of the furthest; the last ones lie beyond the table and are forecasts. times: of these rows,
    from the column `time`; () where they are not known.
    """

    names: tuple[str, ...]
    rows: Array
    values: Array
    time: str = ""
    times: tuple[str, ...] = ()

    def to_csv(self) -> str:
        """As CSV: a header, then a line for each row. Numbers have all their digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        known = [self.times] if self.times else []
        writer.writerow(["row", *([guarded(self.time)] if known else []), *map(guarded, self.names)])
        places = zip(self.rows.tolist(), *known, strict=True)
        writer.writerows([*place, *values] for place, values in zip(places, self.values.tolist(), strict=True))
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
    new = read_new_rows(str(table), columns, str(checkpoint))
    outputs = model(new.inputs)
    if model.problem.per_step:
        outputs = outputs[:, -1]
    ahead = new.made_at + columns.horizon
    time = columns.reading.time if columns.reading is not None else None
    if time is None or time == "row":  # its number is there already
        return TablePrediction(columns.outputs, ahead + 1, new.in_units(outputs))
    times = tuple(text for row in ahead.tolist() if (text := new.time_of(row)) is not None)
    known = times if len(times) == len(ahead) else ()
    return TablePrediction(columns.outputs, ahead + 1, new.in_units(outputs), time, known)
