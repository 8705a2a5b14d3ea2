"""`bench compare`: the answers of two or more experiments side by side, their replicates paired where possible."""

from __future__ import annotations

import click


@click.command("compare", short_help="Compare finished experiments with each other.")
@click.argument("names", nargs=-1, metavar="A B [C…]")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where DIR/NAME has the records.")
@click.option("--reports", metavar="DIR", default="reports", show_default=True, help="The page goes to DIR/A-and-B.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
def compare_command(names: tuple[str, ...], results: str, reports: str, open_page: bool) -> int:
    """Compare experiments B, C, … with experiment A: another machine, another commit or other settings.

    A name may be the path of a folder with records, as results/study.

    The page says whether they come to the same answers. Replicates are paired if their data were the same;
    with another --seed all are compared with all. Times are compared only if they were measured in the same
    environment. Trains nothing and needs no torch.
    """
    from bench.analysis.compare_experiments import compare
    from bench.records.plain import plain
    from bench.report.compare_page import comparison_document, render_comparison
    from bench.report.document import Findings

    found = compare(names, results)
    paths = render_comparison(found, reports)
    for section in comparison_document(found).sections[:1]:
        for block in section.blocks:
            for item in block.items if isinstance(block, Findings) else ():
                click.echo(plain(" ".join((item.headline, *item.notes))))
    if not found.same_machine:
        click.echo("Timed in different environments: the report shows the times and does not compare them.")
    click.echo("")
    for path in paths:
        click.echo(plain(f"report  {path}"))
    if open_page:
        click.launch(str(paths[0].resolve()))
    return 0
