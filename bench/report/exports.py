"""What a report writes for other programs: the tables as CSV or Parquet, and every figure as a file of its own."""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context

from bench.analysis.results import Results
from bench.analysis.table_files import csv_text
from bench.records.atomic import write_atomically, write_bytes_atomically
from bench.records.manifest import PUBLISHED_TABLES
from bench.report.figures.svg import style
from bench.report.picture import Picture
from tasks.errors import UserError

TABLES = ("summary", "trainings", "curves", "timings")  # those that a run leaves beside its records, too
DOTS_PER_INCH = 300


def require_parquet() -> None:
    """Raise UserError where no Parquet can be written."""
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(
            "--format parquet needs pyarrow, which is not installed: run `pip install 'bench[parquet]'`, "
            "or take --format csv, which holds the same numbers exactly"
        )


def export_tables(results: Results, folder: Path, kind: str) -> list[Path]:
    """Write the four tables, pairs and verdicts as `kind` ("csv" or "parquet") into a folder; returns their paths."""
    paths = []
    for name, table in [
        *((name, getattr(results, name)) for name in TABLES),
        ("pairs", results.conclusions.pair_table),
        ("verdicts", results.conclusions.decisions),
    ]:
        path = folder / f"{name}.{kind}"
        if kind == "csv":
            write_atomically(path, csv_text(table))
        else:
            buffer = io.BytesIO()
            table.to_parquet(buffer, index=False, engine="pyarrow")
            write_bytes_atomically(path, buffer.getvalue())
        paths.append(path)
    return paths


def linked_tables(results: Results, folder: Path, exported: Sequence[Path]) -> dict[str, str]:
    """Addresses of the tables as seen from the page: those beside it, else those beside the records; by file name."""
    if exported:
        return {path.name: path.name for path in exported}
    if results.folder is None:
        return {}
    try:
        way = Path(os.path.relpath(results.folder, folder)).as_posix()
    except ValueError:  # on another drive
        return {}
    possible = dict.fromkeys([*(f"{name}.csv" for name in TABLES), *PUBLISHED_TABLES])
    files = [name for name in possible if (results.folder / name).is_file()]
    return {name: f"{way}/{name}" for name in files}


def save_figures(pictures: Sequence[Picture], folder: Path, kinds: Sequence[str]) -> list[Path]:
    """Every figure as SVG, PNG (300 dots an inch) or PDF with its fonts inside, without dates; returns the paths.

    They are 4.5 inches (114 mm) wide, one and a half columns of most journals (those of the verdicts 3.7 inches), with
    text of 8 to 9 points.
    """
    paths = []
    for picture in pictures:
        for kind in kinds:
            path = folder / f"{picture.name}.{kind}"
            write_bytes_atomically(path, picture.svg.encode() if kind == "svg" else printed(picture, kind))
            paths.append(path)
    return paths


def printed(picture: Picture, kind: str) -> bytes:
    """A figure as a PNG or PDF file, always the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    buffer = io.BytesIO()
    with style(), rc_context({"pdf.fonttype": 42}):  # TrueType: journals refuse the default, Type 3
        figure, _ = picture.paint()
        if kind == "pdf":
            nothing = {"CreationDate": None, "Producer": None, "Creator": None}
            FigureCanvasPdf(figure).print_pdf(buffer, metadata=nothing)  # type: ignore[no-untyped-call]
        else:
            figure.set_dpi(DOTS_PER_INCH)
            FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()
