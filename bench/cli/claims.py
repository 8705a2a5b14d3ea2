"""`bench claims`: what textbooks say, and what these results say of it."""

from __future__ import annotations

import shutil
import textwrap

import click


@click.command("claims", short_help="Judge textbook claims by the results of experiments.")
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where DIR/NAME has the records.")
def claims_command(names: tuple[str, ...], results: str) -> int:
    """Say of each textbook claim whether experiment NAME supports it, refutes it, or does not settle it.

    Several experiments are read together, and with NAME those called NAME.… too, which `run --recipe claims` makes.
    Trains nothing and needs no torch.

    \b
    Examples:
      python -m bench run --recipe claims
      python -m bench claims claims
    """
    from bench.analysis.claims import claims
    from bench.analysis.claims.members import members
    from bench.analysis.results import load

    width = min(shutil.get_terminal_size().columns, 110)
    found = members(names, results)
    verdicts = claims([load(name, results) for name in found])
    for verdict in verdicts:
        click.echo(f"{verdict.claim.number:>2}. {verdict.claim.statement}  [{verdict.state}]")
        for part in verdict.parts:
            said = "; ".join(filter(None, (part.numbers, part.why)))
            text = f"{part.state}: {part.name}" + (f": {said}" if said else "")
            click.echo(textwrap.fill(text, width, initial_indent="    - ", subsequent_indent="      "))
        if verdict.claim.note:
            click.echo(textwrap.fill(verdict.claim.note, width, initial_indent="    ", subsequent_indent="    "))
    counts = {state: sum(v.state == state for v in verdicts) for state in dict.fromkeys(v.state for v in verdicts)}
    click.echo(f"\n{', '.join(f'{n} {state}' for state, n in counts.items())}; from {', '.join(found)}")
    return 0
