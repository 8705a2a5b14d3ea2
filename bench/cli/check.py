"""`bench check`: does training converge as well as when the baseline was recorded?"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.stopping import stop_signals
from bench.records.plain import plain

if TYPE_CHECKING:
    from bench.gate.outcome import CheckOutcome


@click.command("check", short_help="Test whether training still converges as well.")
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--against", metavar="NAME", help="Compare the recorded trainings of an earlier check, and train nothing."
)
@click.option("--cells", metavar="TASK/MODEL,…", help="Only these cells; * matches any text: copy/*,*/gru.")
@click.option(
    "--format", "style", metavar="NAME", default="text", help="text, markdown, github, junit or json.  [default: text]"
)
@click.option("--output", metavar="FILE", help="Write the result there instead of printing it.")
@click.option(
    "--gate-time",
    metavar="COMMIT",
    help="Only compare how long a training step takes with this code and with that commit's, in turn on this machine. "
    "Nothing is trained, and convergence is not checked.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Compare the first steps in float64 alone: seconds, for a pre-commit hook. Nothing is recorded.",
)
@click.option("--workers", metavar="N", help="Trainings at a time. Default: one for each core.")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Records go to DIR/check.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the result.")
def check_command(
    folder: str,
    against: str | None,
    cells: str | None,
    style: str,
    output: str | None,
    gate_time: str | None,
    quick: bool,
    workers: str | None,
    results: str,
    quiet: bool,
) -> int:
    """Train the cells of the baseline in FOLDER on this code, and compare how fast they converge.

    Exit code 0: as good. 1: a cell regressed, or computes something else. 3: a cell is not comparable, and why. 2: a
    mistake in the command.

    \b
    Examples:
      python -m bench check results/baseline
      python -m bench check results/baseline --quick
      python -m bench check results/baseline --cells "copy/*"
      python -m bench check results/baseline --format markdown --output comment.md
      python -m bench check results/baseline --against check
      python -m bench check results/baseline --gate-time origin/main
    """
    from bench.cli.writable import refuse_unwritable
    from bench.gate.errors import NotComparable
    from bench.gate.formats import FORMATS, write
    from bench.gate.outcome import CheckOutcome
    from bench.records.atomic import write_atomically
    from tasks.errors import UserError, unknown

    if style not in FORMATS:
        raise unknown("format", style, FORMATS)
    for flag, value in {"--against": against, "--workers": workers}.items():
        if gate_time and value:
            raise UserError(f"--gate-time and {flag} exclude each other: steps of this code are timed, one at a time")
    for flag, value in {"--gate-time": gate_time, "--against": against}.items():
        if quick and value:
            raise UserError(f"--quick and {flag} exclude each other: --quick runs the first steps of this code")
    if output:
        refuse_unwritable(Path(output), "--output")
    began = time.monotonic()
    try:
        outcome = _check(folder, against, cells, gate_time, quick, workers, results, quiet)
    except NotComparable as reason:
        outcome = CheckOutcome(folder, f"experiment {against}" if against else "this code", (), refusal=str(reason))
    outcome = replace(outcome, seconds=time.monotonic() - began)
    painted = style == "text" and not output and _takes_colour()
    text = _painted(outcome) if painted else plain(write(outcome, style))
    if output:
        write_atomically(Path(output), text + "\n")
        click.echo(plain(outcome.sentence))
    else:
        click.echo(text)
    return outcome.exit_code


def is_terminal() -> bool:
    return sys.stdout.isatty()


def _takes_colour() -> bool:
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _painted(outcome: CheckOutcome) -> str:
    from bench.gate.formats import text

    styles: dict[str | None, dict[str, Any]] = {
        None: {"bold": True},
        "regressed": {"fg": "red"},
        "not_comparable": {"fg": "yellow"},
        "changed": {"fg": "red"},
        "better": {"fg": "green"},
        "as_good": {},
        "skipped": {"dim": True},
    }
    return text.write(
        outcome, lambda line, state: click.style(plain(line), **styles[state]) if styles[state] else plain(line)
    )


def _check(
    folder: str,
    against: str | None,
    cells: str | None,
    gate_time: str | None,
    quick: bool,
    workers: str | None,
    results: str,
    quiet: bool,
) -> CheckOutcome:
    from bench.gate.baseline_files import read_baseline
    from bench.gate.check import check
    from bench.gate.finished import Finished
    from bench.gate.selection import select

    baseline = read_baseline(Path(folder))
    only = select(cells, baseline.cells) if cells else None
    if against:
        from bench.analysis.results import load

        return check(baseline, Finished(load(against, results)), folder=folder, only=only)

    from bench.cli.display.observing import observing
    from bench.gate.this_code.check_code import check_code, check_time, experiment_of

    experiment = experiment_of(baseline, {"workers": workers, "results": results}, folder=folder)
    with stop_signals(), observing(quiet) as observer:
        if gate_time:
            return check_time(baseline, experiment, observer, commit=gate_time, only=only)
        return check_code(baseline, experiment, observer, folder=folder, only=only, quick=quick)
