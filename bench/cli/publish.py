"""`bench publish`: an experiment as a small folder for a repository, or to send."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("publish", short_help="Write an experiment as a small folder for others.")
@click.argument("name")
@click.option("--to", "folder", metavar="FOLDER", required=True, help="Where the files go, as results/study.")
@click.option("--add", is_flag=True, help="Add NAME's tasks to those that FOLDER has, instead of replacing them.")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where DIR/NAME has the records.")
def publish_command(name: str, folder: str, add: bool, results: str) -> int:
    """Write experiment NAME as a folder for a repository, or to send.

    FOLDER gets experiment.json, summary.csv, pairs.csv, trainings.csv.gz and records.jsonl.xz, the records without what
    no report needs. `report`, `compare`, `claims`, `doctor` and bench.load read it as any other, on a machine where
    nothing was trained. Publishing into it again replaces it; with --add it keeps its tasks, and gets those of NAME,
    which may have been run on another machine, but with the same settings.

    \b
    Example:
      python -m bench publish my-study --to results/study
      python -m bench publish other-tasks --to results/study --add
      python -m bench report results/study
    """
    from bench.analysis.publish import publish, tasks_to_go
    from bench.analysis.results import load
    from bench.cli.writable import refuse_unwritable
    from bench.records.plain import plain

    loaded = load(name, results)
    refuse_unwritable(Path(folder), "--to", folder=True)
    gone = [] if add else tasks_to_go(loaded, Path(folder))
    paths = publish(loaded, Path(folder), add=add)
    status = str(loaded.manifest.get("status") or "complete")
    if status != "complete":
        done, planned = loaded.progress
        click.echo(plain(f"not complete ({status}): {done} of {planned or '?'} trainings and measurements"))
    if gone:
        click.echo(plain(f"no longer in {folder}: {', '.join(gone)} (--add keeps what is there)"))
    for path in paths:
        click.echo(plain(f"written  {path}  {path.stat().st_size:,} bytes"))
    click.echo(plain(f"{sum(path.stat().st_size for path in paths) / 1e6:.2f} MB in all"))
    return 0
