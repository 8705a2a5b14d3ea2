"""`bench check`: is training still as good as when the baseline was recorded?"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.stopping import stop_signals

if TYPE_CHECKING:
    from bench.gate.outcome import Outcome


@click.command("check")
@click.argument("folder", metavar="FOLDER")
@click.option("--against", metavar="NAME", help="Compare this finished experiment, and train nothing.")
@click.option("--cells", metavar="TASK/MODEL,…", help="Only these cells; * stands for any: copy/*,*/gru.")
@click.option(
    "--format", "style", metavar="NAME", default="text", help="text, markdown, github, junit or json.  [default: text]"
)
@click.option("--output", metavar="FILE", help="Write the result there instead of printing it.")
@click.option("--workers", metavar="N", help="Trainings at a time. Default: one a core.")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Records go to DIR/check.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the result.")
def check_command(
    folder: str,
    against: str | None,
    cells: str | None,
    style: str,
    output: str | None,
    workers: str | None,
    results: str,
    quiet: bool,
) -> int:
    """Train the cells of the baseline in FOLDER on this code, and compare how fast they converge.

    Exit code 0: as good. 1: something regressed. 3: it can't be compared, and why. 2 is for a mistake in the command.

    \b
    Examples:
      python -m bench check results/baseline
      python -m bench check results/baseline --cells "copy/*"
      python -m bench check results/baseline --format markdown --output comment.md
      python -m bench check results/baseline --against nightly
    """
    from bench.gate.errors import CantCompare
    from bench.gate.formats import FORMATS, write
    from bench.gate.outcome import Outcome
    from bench.tables import write_atomically
    from tasks.errors import unknown

    if style not in FORMATS:
        raise unknown("format", style, FORMATS)
    began = time.monotonic()
    try:
        outcome = _check(folder, against, cells, workers, results, quiet)
    except CantCompare as reason:
        outcome = Outcome(folder, f"experiment {against}" if against else "this code", (), refusal=str(reason))
    text = write(replace(outcome, seconds=time.monotonic() - began), style)
    if output:
        write_atomically(Path(output), text + "\n")
        click.echo(outcome.sentence)
    else:
        click.echo(text)
    return outcome.exit_code


def _check(
    folder: str, against: str | None, cells: str | None, workers: str | None, results: str, quiet: bool
) -> Outcome:
    from bench.gate.baseline import read_baseline
    from bench.gate.check import check
    from bench.gate.finished import Finished
    from bench.gate.selection import select

    baseline = read_baseline(Path(folder))
    only = select(cells, baseline.cells) if cells else None
    if against:
        from bench.results import load

        return check(baseline, Finished(load(against, results)), folder=folder, only=only)

    from bench.cli.progress import observing
    from bench.gate_run.check_code import check_code, experiment_of

    experiment = experiment_of(baseline, {"workers": workers, "results": results}, folder=folder)
    with stop_signals(), observing(quiet) as observer:
        return check_code(baseline, experiment, observer, folder=folder, only=only)
