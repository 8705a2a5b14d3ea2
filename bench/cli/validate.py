"""`bench validate`: check the tasks and models of a plug-in file, one line a promise."""

from __future__ import annotations

import click

_BROKEN = 1


@click.command("validate", short_help="Check the tasks and models of a plug-in file.")
@click.argument("file", metavar="FILE.py")
@click.argument("entries", metavar="[NAME[key=value]]...", nargs=-1)
@click.option("--tasks", metavar="A,B", help="Check models on these tasks, not on small problems of every kind.")
def validate_command(file: str, entries: tuple[str, ...], tasks: str | None) -> int:
    """Check the contract of every task and model that FILE.py defines, or of those that are named.

    A name may have parameters: "copy[delay=50]". Trains nothing. Exit code 0: every promise is kept. 1: one is broken.
    2: a mistake in the command, or FILE.py ended the process that checks it.

    \b
    Examples:
      python -m bench validate majority.py
      python -m bench validate leaky.py "leaky[leak=0.2]" --tasks sine
    """
    from bench.experiment.validation_process import findings_apart
    from bench.records.plain import plain
    from tasks.spec import split_specs

    broken = doubtful = 0
    subject = None
    for name, finding in findings_apart(file, entries, split_specs(tasks) if tasks else ()):
        if name != subject:
            click.echo(name)
            subject = name
        mark = {"kept": "ok", "not applicable": "–", "doubtful": "WARNING", "broken": "BROKEN"}[finding.verdict]
        text = f": {finding.text}" if finding.text else ""
        click.echo(plain(f"  {mark:<7} {finding.check}{text}"))
        broken += finding.verdict == "broken"
        doubtful += finding.verdict == "doubtful"
    warnings = f", {doubtful} warning{'s' * (doubtful > 1)}" if doubtful else ""
    click.echo((f"{broken} broken" if broken else "every promise is kept") + warnings)
    return _BROKEN if broken else 0
