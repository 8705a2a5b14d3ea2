"""`bench report`: render the report of an experiment again, from its records alone."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report", short_help="Write the report of an experiment again.")
@click.argument("name")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where DIR/NAME has the records.")
@click.option("--reports", metavar="DIR", default="reports", show_default=True, help="The report goes to DIR/NAME.")
@click.option(
    "--format",
    "formats",
    metavar="A,B",
    default="html,markdown",
    show_default=True,
    help="One or more of html, markdown, latex (for papers, with references.bib), csv and parquet (which needs the "
    "extra bench[parquet]).",
)
@click.option(
    "--figures", metavar="A,B", default="", help="Also save every figure as svg, png or pdf, at publication size."
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def report_command(
    name: str, results: str, reports: str, formats: str, figures: str, open_page: bool, quiet: bool
) -> int:
    """Render the report of experiment NAME again from its records.

    Trains nothing and needs no torch. `list experiments` shows the names. NAME may be the path of a folder with
    records, as results/study.

    \b
    Examples:
      python -m bench report gru-lstm-quick --open
      python -m bench report gru-lstm-quick --format html,markdown,csv --figures png,pdf
    """
    from tasks.errors import UserError

    wanted = _words(formats)
    if not wanted and not _words(figures):
        raise UserError("--format is empty: give one or more of html, markdown, latex, csv and parquet")
    if open_page and "html" not in wanted:
        raise UserError("--open shows the page, so --format must have html in it")

    from bench.report import no_collection

    with no_collection():
        from bench.analysis.results import load
        from bench.cli.display.result import show_result
        from bench.cli.writable import refuse_unwritable
        from bench.records.folder import located
        from bench.report import render_results

        name, folder = located(name, results)
        results = str(folder)
        refuse_unwritable(Path(reports) / name, "--reports", folder=True)
        loaded = load(name, results)
        paths = render_results(loaded, reports, wanted, _words(figures))
        drawn = [path for path in paths if path.parent.name == "figures"]
        if not quiet:
            show_result(name, results, reports, rendered=(loaded, [path for path in paths if path not in drawn]))
            if drawn:
                click.echo(f"figures {drawn[0].parent}/ ({len(drawn)} files)")
    if open_page:
        click.launch(str(next(path for path in paths if path.suffix == ".html").resolve()))
    return 0


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
