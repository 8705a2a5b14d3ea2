"""`bench doctor`: what is whole and what is damaged in an experiment's records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from bench.records.plain import plain

_DAMAGED = 1
_SHOWN = 20
_EXCERPT = 60


@click.command("doctor", short_help="Find damaged records, and repair them.")
@click.argument("name")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where DIR/NAME has the records.")
@click.option(
    "--repair",
    "wanted",
    is_flag=True,
    help="Leave out the damaged lines and accept the rest as it is; the file as it was is kept beside.",
)
def doctor_command(name: str, results: str, wanted: bool) -> int:
    """Check the records of experiment NAME: which are whole, which lines are damaged, and what has changed.

    NAME may be the path of a folder with records, as one that was published or sent; the tables of such a folder are
    derived from its records again, and compared.

    Every record has a checksum, and experiment.json has those of the finished files. Changes nothing without --repair.
    What a damaged line had measured is measured again by the next run. Exit code 0 if all is whole (or was repaired),
    else 1.
    """
    from bench.records.doctor import diagnose, repair
    from bench.records.folder import command_name
    from bench.records.manifest import is_published

    found = diagnose(name, results)
    click.echo(f"{plain(str(found.path))}: {sum(found.kept.values())} whole records")
    for (stage, status), count in sorted(found.kept.items()):
        click.echo(plain(f"  {count:>7} {stage} {status}"))
    if found.unprotected:
        click.echo(f"  {found.unprotected:>7} of these are unprotected: an earlier bench wrote them without a checksum")
    for line in found.newer[:1]:
        click.echo(f"  {len(found.newer):>7} {line.problem}: install a newer bench to read them")
    click.echo(f"  {len(found.damaged):>7} damaged")
    _show([f"{found.path}:{line.number}: {line.problem}: {_excerpt(line.raw)}" for line in found.damaged])
    _show(found.changed)
    _show(found.files)
    if found.is_sound:
        return _tables(found.path.parent) if is_published(found.path.parent) else 0
    if not (found.damaged or found.changed):
        return _DAMAGED
    if not wanted:
        where = command_name(Path(results))
        what = "leave out the damaged lines" if found.damaged else "accept the records as they are"
        click.echo(f"to {what}: python -m bench doctor{where} {name} --repair")
        return _DAMAGED
    click.echo(f"repaired; the file as it was: {repair(found)}")
    return 0 if not found.newer and not found.files else _DAMAGED


def _tables(folder: Path) -> int:
    """The exit code for the tables of a publication, which are derived again."""
    from bench.analysis.published_tables import table_differences

    different = table_differences(folder)
    _show(different)
    return _DAMAGED if different else 0


def _show(sentences: Sequence[str]) -> None:
    for sentence in sentences[:_SHOWN]:
        click.echo(plain(sentence))
    if len(sentences) > _SHOWN:
        click.echo(f"and {len(sentences) - _SHOWN} more")


def _excerpt(raw: bytes) -> str:
    return repr(raw[:_EXCERPT].decode("utf-8", errors="replace").rstrip("\n"))
