"""`bench baseline`: record how training converges now, and explain how two such records differ."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.group import Group
from bench.cli.stopping import stop_signals


@click.command("record", short_help="Train every model on every task, and record how it converges.")
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--recipe",
    metavar="NAME",
    help="A recipe with one configuration a cell. Default: the experiment of the baseline in FOLDER, else gate.",
)
@click.option("--config", metavar="FILE", help="Instead of a recipe: a TOML file, with tasks and models of your own.")
@click.option("--models", metavar="A,B", help="Use these models instead of those of the recipe or file.")
@click.option("--tasks", metavar="A,B", help="Use these tasks instead of those of the recipe or file.")
@click.option("--plugin", "plugins", metavar="FILE.py", multiple=True, help="A file that defines tasks or models.")
@click.option("--accept", metavar="WHY", help="Record the baseline in FOLDER again, and record this reason in it.")
@click.option("--drop-cells", is_flag=True, help="Drop the cells that the baseline has and the new experiment has not.")
@click.option("--workers", metavar="N", help="Trainings at a time. Default: one for each core.")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Records go to DIR/baseline-run.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the result.")
def record_command(
    folder: str,
    recipe: str | None,
    config: str | None,
    models: str | None,
    tasks: str | None,
    plugins: tuple[str, ...],
    accept: str | None,
    drop_cells: bool,
    workers: str | None,
    results: str,
    quiet: bool,
) -> int:
    """Train 24 replicates of every cell (a model on a task), and write FOLDER: text files to commit and review.

    \b
    Examples:
      python -m bench baseline record results/baseline
      python -m bench baseline record results/baseline --accept "a better learning rate schedule"
      python -m bench baseline record ci/baseline --config ci/experiment.toml --plugin my_cell.py
    """
    from bench.analysis.formatting import counted
    from bench.cli.display.observing import observing
    from bench.cli.writable import refuse_unwritable
    from bench.config.files import read_config, read_recipe
    from bench.config.resolve import resolve
    from bench.gate.baseline_files import is_baseline
    from bench.gate.this_code.config_file import ConfigFile
    from bench.gate.this_code.located import refuse_missing_files
    from bench.gate.this_code.record_baseline import (
        file_of,
        history_for,
        record_baseline,
        refuse_lost_cells,
        settings_of,
    )
    from bench.gate.worth import worth
    from bench.records.plain import plain
    from tasks.errors import UserError

    if config and recipe:
        raise UserError("--config and --recipe are two places to read from: give one of them")
    path = Path(folder)
    refuse_unwritable(path, "FOLDER", folder=True)
    history_for(path, accept)  # before anything slow
    flags = {"models": models, "tasks": tasks, "plugins": plugins or None}
    given, file = [name for name, value in flags.items() if value], None
    if config:
        values, file = read_config(config), ConfigFile.read(config, given)
    elif recipe or not is_baseline(path):
        values = read_recipe(recipe or "gate")
    else:
        values = settings_of(path)
        refuse_missing_files(
            path,
            values | ({"plugins": plugins} if plugins else {}),
            f'python -m bench baseline record {{}} --accept "{accept}"',
        )
        file = file_of(path, given)
    experiment = resolve({**flags, "workers": workers, "results": results, "name": "baseline-run"}, values)
    refuse_lost_cells(path, experiment, drop_cells=drop_cells)
    with stop_signals(), observing(quiet) as observer:
        baseline = record_baseline(path, experiment, observer, accepted=accept, drop_cells=drop_cells, config=file)
    click.echo(
        f"baseline  {path}: {counted(len(baseline.cells), 'cell')}, {counted(baseline.recorded, 'replicate')} each"
    )
    for sentence in worth(baseline):
        click.echo(plain(f"target    {sentence}"))
    click.echo(f"check     python -m bench check {path}")
    return 0


@click.command("diff", short_help="Explain how two baselines differ.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
def diff_command(before: str, after: str) -> int:
    """Explain how baseline B differs from baseline A: cells, configurations, speed of convergence, environment."""
    from bench.gate.baseline_files import read_baseline
    from bench.gate.changes import changes, write_changes

    click.echo(write_changes(changes(read_baseline(Path(before)), read_baseline(Path(after)))))
    return 0


baseline_command = Group(
    "baseline",
    short_help="Record how training converges, for check to compare with.",
    help="""Record how training converges on this code, for `bench check` to compare with.

    \b
    Examples:
      python -m bench baseline record results/baseline
      python -m bench baseline diff old/baseline results/baseline
    """,
    commands=[record_command, diff_command],
)
