"""`bench doctor`: what is whole and what is damaged in an experiment's records."""

from __future__ import annotations

from pathlib import Path

import click

_DAMAGED = 1
_SHOWN = 20
_EXCERPT = 60


@click.command("doctor", short_help="Find damaged records, and repair them.")
@click.argument("name")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where DIR/NAME has the records.")
@click.option(
    "--repair", "wanted", is_flag=True, help="Leave out the damaged lines; the file as it was is kept beside."
)
def doctor_command(name: str, results: str, wanted: bool) -> int:
    """Look at the records of experiment NAME: what can be kept, and which lines are damaged.

    Changes nothing without --repair. What a damaged line had measured is measured again by the next run. Exit code 0
    where all is whole (or was repaired), else 1.
    """
    from bench.records.doctor import diagnose, repair
    from bench.records.folder import command_name

    found = diagnose(name, results)
    click.echo(f"{found.path}: {sum(found.kept.values())} whole records")
    for (stage, status), count in sorted(found.kept.items()):
        click.echo(f"  {count:>7} {stage} {status}")
    for line in found.newer[:1]:
        click.echo(f"  {len(found.newer):>7} {line.problem}: install a newer bench to read them")
    click.echo(f"  {len(found.damaged):>7} damaged")
    for line in found.damaged[:_SHOWN]:
        excerpt = line.raw[:_EXCERPT].decode("utf-8", errors="replace").rstrip("\n")
        click.echo(f"{found.path}:{line.number}: {line.problem}: {excerpt!r}")
    if len(found.damaged) > _SHOWN:
        click.echo(f"and {len(found.damaged) - _SHOWN} more")
    if not found.damaged:
        return 0 if found.is_sound else _DAMAGED
    if not wanted:
        where = command_name(Path(results))
        click.echo(f"to leave out the damaged lines: python -m bench doctor{where} {name} --repair")
        return _DAMAGED
    click.echo(f"repaired; the file as it was: {repair(found)}")
    return 0 if not found.newer else _DAMAGED
