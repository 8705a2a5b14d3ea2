"""The CSV tables of a baseline: text that a reviewer reads in a diff, sorted, and exact when it is read again.

baseline.csv    one row a cell, replicate and metric; no times
float64.csv     one row a cell, replicate and quantity of the traces (`trace`); schema 1 has none
curves.csv      one row a training: steps and validation losses until its target (`slow_down`); schemas 1, 2 have none
initial.csv     one row a training and what it starts from: sketches (`sketch`); schemas 1 and 2 have none
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from bench.gate.replicates import CellName, CellTraining
from bench.gate.sketch import PROJECTIONS, Sketch
from bench.gate.slow_down import LossCurve
from bench.gate.trace import Trace

COLUMNS = ("task", "model", "replicate", "metric", "value")
TRACE_COLUMNS = ("task", "model", "replicate", "quantity", "value")
CURVE_COLUMNS = ("task", "model", "replicate", "step", "valid_loss")
SKETCH_COLUMNS = (
    *("task", "model", "replicate", "quantity", "size", "norm"),
    *(f"projection_{number}" for number in range(1, PROJECTIONS + 1)),
)

T = TypeVar("T")

Row = dict[str, str]
Trainings = Mapping[int, CellTraining]
Sketches = Mapping[str, Sketch]  # quantity ("weights", "first_batch" or "data") -> sketch


class DamagedTableError(ValueError):
    """A table cannot be read; the message says which row or why."""


def write_trainings(cells: Mapping[CellName, Trainings]) -> str:
    return _text(
        COLUMNS,
        (
            (*name, number, metric, value)
            for name, number, training in _each(cells)
            for metric, value in sorted(training.rows().items())
        ),
    )


def read_trainings(table: str) -> dict[CellName, dict[int, CellTraining]]:
    rows: dict[tuple[CellName, int], Row] = {}
    for name, number, row in _rows(table, COLUMNS):
        metrics = rows.setdefault((name, number), {})
        if row["metric"] in metrics:
            raise DamagedTableError(f"{name}, replicate {number} has {row['metric']} twice")
        metrics[row["metric"]] = row["value"]
    found: dict[CellName, dict[int, CellTraining]] = {}
    for (name, number), metrics in rows.items():
        try:
            found.setdefault(name, {})[number] = CellTraining.from_rows(number, metrics)
        except KeyError as missing:
            raise DamagedTableError(f"{name}, replicate {number} has no {missing.args[0]}") from None
        except ValueError as error:
            raise DamagedTableError(f"{name}, replicate {number}: {error}") from None
    return found


def write_traces(cells: Mapping[CellName, Mapping[int, Trace]]) -> str:
    return _text(
        TRACE_COLUMNS,
        (
            (*name, number, quantity, repr(value))
            for name, number, trace in _each(cells)
            for quantity, value in sorted(trace.items())
        ),
    )


def read_traces(table: str) -> dict[CellName, dict[int, dict[str, float]]]:
    found: dict[CellName, dict[int, dict[str, float]]] = {}
    for name, number, row in _rows(table, TRACE_COLUMNS):
        found.setdefault(name, {}).setdefault(number, {})[row["quantity"]] = _number(row["value"])
    return found


def write_curves(cells: Mapping[CellName, Trainings]) -> str:
    return _text(
        CURVE_COLUMNS,
        (
            (*name, number, _joined(training.curve.step), _joined(training.curve.valid_loss))
            for name, number, training in _each(cells)
            if training.curve is not None
        ),
    )


def with_curves(cells: Mapping[CellName, Trainings], table: str) -> dict[CellName, dict[int, CellTraining]]:
    """The trainings with their curves, which other columns complete: whether it was solved, and its budget."""
    found = {name: dict(trainings) for name, trainings in cells.items()}
    for name, number, row in _rows(table, CURVE_COLUMNS):
        training = found.get(name, {}).get(number)
        if training is None:
            raise DamagedTableError(f"{name}, replicate {number} has a curve, but no other values")
        steps = tuple(int(_number(text)) for text in row["step"].split())
        losses = tuple(_number(text) for text in row["valid_loss"].split())
        if len(steps) != len(losses) or not steps:
            raise DamagedTableError(f"{name}, replicate {number} has {len(steps)} steps and {len(losses)} losses")
        curve = LossCurve(steps, losses, not training.missed, training.steps)
        found[name][number] = replace(training, curve=curve)
    return found


def write_sketches(cells: Mapping[CellName, Mapping[int, Sketches]]) -> str:
    return _text(
        SKETCH_COLUMNS,
        (
            (*name, number, quantity, sketch.size, sketch.norm, *sketch.projections)
            for name, number, sketches in _each(cells)
            for quantity, sketch in sorted((name, sketch.rounded()) for name, sketch in sketches.items())
        ),
    )


def read_sketches(table: str) -> dict[CellName, dict[int, dict[str, Sketch]]]:
    found: dict[CellName, dict[int, dict[str, Sketch]]] = {}
    for name, number, row in _rows(table, SKETCH_COLUMNS):
        norm, *projections = (_number(row[column]) for column in SKETCH_COLUMNS[5:])
        sketch = Sketch(int(_number(row["size"])), norm, tuple(projections))
        found.setdefault(name, {}).setdefault(number, {})[row["quantity"]] = sketch
    return found


def _each(cells: Mapping[CellName, Mapping[int, T]]) -> Iterator[tuple[CellName, int, T]]:
    for name, values in sorted(cells.items()):
        for number, value in sorted(values.items()):
            yield name, number, value


def _joined(values: Iterable[float]) -> str:
    return " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def _text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _rows(table: str, columns: Sequence[str]) -> Iterator[tuple[CellName, int, Row]]:
    reader = csv.DictReader(io.StringIO(table))
    if tuple(reader.fieldnames or ()) != tuple(columns):
        raise DamagedTableError(f"its first line is not {','.join(columns)}")
    for row in reader:
        if None in row or None in row.values() or not row["replicate"].isdigit():
            raise DamagedTableError(f"line {reader.line_num} is not a row of {len(columns)} values")
        yield CellName(row["task"], row["model"]), int(row["replicate"]), row


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DamagedTableError(f"'{text}' is not a number") from None
