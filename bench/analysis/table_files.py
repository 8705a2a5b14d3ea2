"""Tables as CSV files: exact, whole or not there, and harmless in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.analysis.tables import curves_table, summary_table, timings_table, trainings_table
from bench.records.atomic import write_atomically
from bench.records.plain import guarded
from bench.records.schema import Record, unique

if TYPE_CHECKING:
    import pandas as pd


def write_tables(records: Iterable[Record], folder: Path) -> list[Path]:
    """Write the four CSV files beside the records; each appears whole or not at all. Returns their paths."""
    records = unique(records)
    trainings = trainings_table(records)
    tables = {
        "trainings": trainings,
        "curves": curves_table(records, trainings),
        "timings": timings_table(records),
        "summary": summary_table(records, trainings),
    }
    paths = []
    for name, table in tables.items():
        path = folder / f"{name}.csv"
        write_atomically(path, csv_text(table))
        paths.append(path)
    return paths


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV, exact, in which no text cell and no header is a formula for a spreadsheet (`plain.guarded`)."""
    texts = [name for name in table.columns if not _is_number_column(table[name])]
    guard = {name: table[name].map(lambda cell: guarded(cell) if isinstance(cell, str) else cell) for name in texts}
    written: str = table.assign(**guard).rename(columns=guarded).to_csv(index=False, lineterminator="\n")
    return written


def _is_number_column(column: pd.Series[Any]) -> bool:
    return column.dtype.kind in "biuf"
