"""`bench rerun`: repeat one recorded training in this process, and compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bench.records.schema import Record

_FAILED = 1


@click.command("rerun", short_help="Repeat one recorded training, and compare.")
@click.argument("name")
@click.argument("key")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where DIR/NAME has the records.")
def rerun_command(name: str, key: str, results: str) -> int:
    """Repeat one recorded training of experiment NAME; KEY is its key, or the beginning of it.

    Shows the recorded result beside the new one, with the traceback if the training fails. Writes nothing. Exit code 0
    if the training succeeds and gives the recorded losses, else 1.
    """
    from bench.experiment.rerun import rerun
    from bench.records.plain import plain

    before, now = rerun(name, key, results)
    agree = _losses(before) == _losses(now)
    for line in comparison(before, now, agree):
        click.echo(plain(line))
    return 0 if agree and now["status"] == "ok" else _FAILED


def comparison(before: Record, now: Record, agree: bool) -> list[str]:
    """Lines that set the recorded training beside the one of now."""
    from bench.cli.display.progress import describe

    lines = [f"recorded  {describe(before)}", f"now       {describe({**before, **now})}"]
    ends = ("step", "train_loss", "valid_loss", "valid_metric")
    lines += [f"  last {key:<13} {_last(before, key):>24} {_last(now, key):>24}" for key in ends]
    lines.append("the losses agree to the last digit" if agree else "the losses differ")
    if now.get("traceback"):
        lines.append(now["traceback"].rstrip())
    return lines


def _losses(record: Record) -> list[Any]:
    curve = record.get("curve") or {}
    return [curve.get("train_loss"), curve.get("valid_loss"), (record.get("test") or {}).get("loss")]


def _last(record: Record, key: str) -> str:
    values = (record.get("curve") or {}).get(key) or [None]
    return "–" if values[-1] is None else repr(values[-1])
