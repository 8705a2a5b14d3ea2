"""The report of an experiment: `reports/NAME/index.html`, and `report.md` with its figures beside it.

    results -> sections (a document: plain data) -> page (HTML) and markdown

Rendering reads records only. It imports neither torch nor a task, and the same records give the same bytes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import unknown

if TYPE_CHECKING:
    from bench.analysis.results import Results

FORMATS = ("html", "markdown", "latex", "csv", "parquet")
FIGURES = ("svg", "png", "pdf")
USUAL = ("html", "markdown")
WRITERS = 8  # figures that are written at once: each waits for the disk


def render(
    name: str,
    results_dir: str | Path = "results",
    reports_dir: str | Path = "reports",
    formats: Sequence[str] = USUAL,
    figures: Sequence[str] = (),
) -> list[Path]:
    """Read experiment `name` and write its report, as `render_results` does; an unknown name raises UserError."""
    from bench.analysis.results import load

    with no_collection():
        return render_results(load(name, results_dir), reports_dir, formats, figures)


def render_results(
    results: Results,
    reports_dir: str | Path = "reports",
    formats: Sequence[str] = USUAL,
    figures: Sequence[str] = (),
) -> list[Path]:
    """Write the report of an experiment in the given formats; returns the paths of its main files.

    "html": `index.html`. "markdown": `report.md`, its `figures/*.svg` and `summary.md`. "latex": `report.tex`, and
    `references.bib` with what it cites. "csv", "parquet": the tables, beside the page. figures: kinds of files to write
    every figure as, at publication size, to `figures/`; they are the last in the list that is returned. Each file
    appears whole or not at all. An unknown format, or Parquet without pyarrow, raises UserError before anything is
    written.
    """
    for what, wanted, valid in (("report format", formats, FORMATS), ("figure format", figures, FIGURES)):
        for word in wanted:
            if word not in valid:
                raise unknown(what, word, valid)

    with no_collection():
        return _rendered(results, Path(reports_dir), formats, figures)


@contextmanager
def no_collection() -> Iterator[None]:
    """Do not look for garbage meanwhile: records and figures are hundreds of thousands of objects."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # with the next line: all objects count as old, or enabling would at once look through them
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _rendered(results: Results, reports_dir: Path, formats: Sequence[str], figures: Sequence[str]) -> list[Path]:
    from bench.records.atomic import write_atomically
    from bench.report.bibliography import bibliography
    from bench.report.content import document
    from bench.report.crowds import without_crowds
    from bench.report.document import pictures
    from bench.report.exports import export_tables, linked_tables, require_parquet, save_figures
    from bench.report.latex import latex
    from bench.report.markdown import markdown, summary
    from bench.report.page import page

    if "parquet" in formats:
        require_parquet()
    folder, paths = reports_dir / results.name, []
    tables = [path for kind in ("csv", "parquet") if kind in formats for path in export_tables(results, folder, kind)]
    drawn_for = {"html", "markdown", "latex"} & set(formats)
    if drawn_for or figures:
        content = document(results, linked_tables(results, folder, tables), crowds=bool(figures))
        all_drawings = pictures(content.sections)
        content = replace(content, sections=[without_crowds(section, results) for section in content.sections])
        drawings = pictures(content.sections)
    if "html" in formats:
        paths.append(folder / "index.html")
        write_atomically(paths[-1], page(content))
    if "latex" in formats:
        paths += [folder / "report.tex", folder / "references.bib"]
        write_atomically(paths[-2], latex(content))
        write_atomically(paths[-1], bibliography(results))
    if "markdown" in formats:
        drawn = {f"{picture.name}.svg": picture.svg for picture in drawings}
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda file: write_atomically(folder / "figures" / file, drawn[file]), drawn))
        for stale in (path for path in (folder / "figures").glob("*.*") if path.stem + ".svg" not in drawn):
            stale.unlink()  # of an earlier rendering, with more tasks than there are now
        paths.append(folder / "report.md")
        write_atomically(paths[-1], markdown(content))
        write_atomically(folder / "summary.md", summary(results, content))
        paths.append(folder / "summary.md")
    return [*paths, *tables, *(save_figures(all_drawings, folder / "figures", figures) if figures else [])]
