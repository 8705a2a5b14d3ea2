"""The tables of a published folder, and whether they are those that its records give."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pandas as pd

from bench.analysis.results import Results, load
from bench.analysis.table_files import csv_text
from bench.records.manifest import PUBLISHED_TABLES

TOLERANCE = 1e-6  # relative: another version of NumPy or SciPy may round the last digits otherwise


def published_tables(results: Results) -> dict[str, bytes]:
    """The content of each of `PUBLISHED_TABLES`, derived from the records."""
    tables = (results.summary, results.conclusions.pair_table, results.trainings)
    texts = [csv_text(table).encode() for table in tables]
    return {
        name: gzip.compress(text, mtime=0) if name.endswith(".gz") else text
        for name, text in zip(PUBLISHED_TABLES, texts, strict=True)
    }


def table_differences(folder: Path) -> list[str]:
    """Sentences on tables of a published folder that are not what this bench derives from its records.

    UserError where the folder can't be read.
    """
    derived = published_tables(load(folder.name, folder.parent))
    return [
        f"{folder / name} is not what this bench derives from the records: it was edited, or another bench wrote it"
        for name, content in derived.items()
        if not _is_same(content, (folder / name).read_bytes())
    ]


def _is_same(first: bytes, second: bytes) -> bool:
    """Whether two tables have the same cells, numbers to within `TOLERANCE`."""
    if first == second:
        return True
    try:
        pd.testing.assert_frame_equal(_table(first), _table(second), rtol=TOLERANCE, atol=0.0, check_dtype=False)
    except (AssertionError, ValueError, OSError):
        return False
    return True


def _table(content: bytes) -> pd.DataFrame:
    """ValueError or OSError for what is no table."""
    text = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    return pd.read_csv(io.BytesIO(text))
