"""`bench run`: train, time, and report."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.flags import SectionedCommand
from bench.cli.group import INTERRUPTED
from bench.records.secrets import masked

if TYPE_CHECKING:
    from bench.config.experiment import Experiment

_NOT_ALL_WELL = 1


@click.command("run", cls=SectionedCommand, options_metavar="[OPTIONS]")
@click.option(
    "--config",
    metavar="FILE",
    help="Read options from a TOML file, or from a run's experiment.json.",
)
@click.option("--recipe", metavar="NAME", help="Read options from a recipe that comes with bench. See: list recipes.")
@click.option(
    "--fresh", is_flag=True, help="Delete what the results folder holds, and reuse no training of another experiment."
)
@click.option("--retry-failed", is_flag=True, help="Repeat what failed, timed out or ran out of memory.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the result.")
@click.option("-v", "--verbose", is_flag=True, help="Show a line for each evaluation of each training as it runs.")
@click.pass_context
def run_command(
    ctx: click.Context,
    /,
    config: str | None,
    recipe: str | None,
    fresh: bool,
    retry_failed: bool,
    quiet: bool,
    verbose: bool,
    **flags: Any,
) -> int:
    """Train models on tasks, time them, and write a report.

    Flags override --config and --recipe, and these override the budget. The same command again continues where an
    earlier one stopped. Trainings that another experiment in the results folder has done are not repeated. Exit code 0:
    all is well. 1: a training failed or diverged (the report says which), or --max-time left some undone. 2: a mistake
    in the command.

    \b
    Examples:
      python -m bench run --models gru,lstm
      python -m bench run --tasks "copy[delay=50]" --hidden-sizes 64,128 --trials 12
      python -m bench run --recipe sine-gru16 --models gru,lstm,rnn
      python -m bench run --data sales.csv --target revenue --time date --models gru,lstm
    """
    from bench.cli.stopping import stop_signals
    from bench.config.files import read_config, read_recipe, recipe_parts
    from bench.config.resolve import resolve
    from bench.experiment.time_limit import ready_by
    from tasks.errors import UserError

    if config and recipe:
        raise UserError("--config and --recipe are two places to read from: give one of them")
    flags = {key: None if value == () else value for key, value in flags.items()}  # a repeated flag, not given
    experiments: list[Experiment] = []
    for part in recipe_parts(recipe) if recipe else [None]:
        values = read_recipe(part) if part else read_config(config) if config else None
        name = flags["name"] and part and recipe and flags["name"] + part.removeprefix(recipe)
        limits = [_seconds(key, flags[key] or (values or {}).get(key)) for key in ("max_time", "timeout")]
        with stop_signals(), ready_by(time.monotonic(), *limits):
            experiments.append(resolve({**flags, "name": name or flags["name"]}, values, recipe=part))
    code = 0
    for experiment in experiments:
        code = max(code, _run_one(ctx, experiment, fresh, retry_failed, quiet, verbose))
        if code == INTERRUPTED:
            break
    if len(experiments) > 1 and code != INTERRUPTED:
        click.echo(f"\nto read all of them together: python -m bench claims {_shown(experiments[0])}")
    return code


def _seconds(key: str, value: Any) -> float | None:
    """A time limit before options are checked: None where there is none, or where it is no duration."""
    from bench.config.given import convert_option
    from tasks.errors import UserError

    try:
        seconds = convert_option(key, value)
    except UserError:
        return None
    return seconds if seconds is not None and seconds > 0 else None


def _run_one(
    ctx: click.Context, experiment: Experiment, fresh: bool, retry_failed: bool, quiet: bool, verbose: bool
) -> int:
    """Run one experiment and show its result; the exit code."""
    from bench.cli.display.observing import observing
    from bench.cli.display.refresh import refreshing
    from bench.cli.display.result import show_result
    from bench.cli.stopping import partial_result, stop_signals
    from bench.cli.writable import refuse_unwritable
    from bench.experiment.run import run

    refuse_unwritable(experiment.reports_folder, "--reports", folder=True)
    command = command_line(ctx)
    name, options = experiment.name, experiment.options
    try:
        with (
            stop_signals(),
            observing(quiet, verbose=verbose) as shown,
            refreshing(shown, name, options.results, options.reports) as observer,
        ):
            outcome = run(experiment, fresh=fresh, retry_failed=retry_failed, command=command, observer=observer)
    except KeyboardInterrupt:
        click.echo(f"interrupted: what is done is kept; to go on, run again: {_to_go_on(command)}", err=True)
        partial_result(
            lambda: show_result(name, options.results, options.reports, partial=True),
            _report_command(name, experiment),
        )
        return INTERRUPTED
    try:
        with stop_signals():
            show_result(name, options.results, options.reports, unchanged=outcome.unchanged)
    except KeyboardInterrupt:
        done = f"all that was trained is recorded in {outcome.results_folder}, and the report is not written"
        click.echo(f"interrupted: {done}; to write it: {_report_command(name, experiment)}", err=True)
        return INTERRUPTED
    if outcome.missing:
        left = f"out of time: {outcome.missing} trainings and measurements are missing"
        click.echo(f"{left}; to go on, run again: {_to_go_on(command)}", err=True)
    return _NOT_ALL_WELL if outcome.failures or outcome.missing else 0


def _shown(experiment: Experiment) -> str:
    """The experiment as other commands take it."""
    from bench.records.folder import command_name

    return f"{shlex.quote(experiment.name)}{command_name(Path(experiment.options.results))}"


def _report_command(name: str, experiment: Experiment) -> str:
    """How to render the report of an experiment."""
    words = ["python", "-m", "bench", "report", name]
    for folder in ("results", "reports"):
        chosen = getattr(experiment.options, folder)
        words += [f"--{folder}", chosen] if chosen != folder else []
    return shlex.join(words)


def command_line(ctx: click.Context) -> str:
    """The command as a person types it, made from what was parsed (so it is right however `bench` was started)."""
    words = ["python", "-m", "bench", "run"]
    for param in ctx.command.get_params(ctx):
        value = ctx.params.get(param.name or "")
        flag = next((name for name in param.opts if name.startswith("--")), "")
        if value is True:
            words.append(flag)
        elif value is False and param.secondary_opts:
            words.append(param.secondary_opts[0])
        elif isinstance(value, tuple):
            words += [word for entry in value for word in (flag, entry)]
        elif value not in (None, False):
            words += [flag, masked(str(value)) if param.name == "storage" else str(value)]
    return shlex.join(words)


def _to_go_on(command: str) -> str:
    """The command without what would begin again, or try the same failures again."""
    return shlex.join(word for word in shlex.split(command) if word not in ("--fresh", "--retry-failed"))
