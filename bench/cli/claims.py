"""`bench claims`: what textbooks say, and what these results say of it."""

from __future__ import annotations

import shutil
import textwrap

import click


@click.command("claims", short_help="Judge textbook claims by the results of experiments.")
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where DIR/NAME has the records.")
def claims_command(names: tuple[str, ...], results: str) -> int:
    """Say of each textbook claim whether experiment NAME supports it, refutes it, does not settle it or does not test
    it.

    Several experiments are read together, and with NAME those called NAME.… too, which `run --recipe claims` makes.
    Trains nothing and needs no torch.

    \b
    Examples:
      python -m bench run --recipe claims
      python -m bench claims claims
    """
    from bench.analysis.claims import RULE, WORDS, caveat, claims
    from bench.analysis.claims.members import members
    from bench.analysis.results import load
    from bench.records.plain import plain

    width = min(shutil.get_terminal_size().columns, 110)

    def say(text: str, first: str = "    ", others: str = "    ") -> None:
        click.echo(
            textwrap.fill(plain(text), width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
        )

    found = members(names, results)
    loaded = [load(name, results) for name in found]
    judgements = claims(loaded)
    for judgement in judgements:
        claim = judgement.claim
        click.echo(f"{claim.number:>2}. {claim.statement}  [{WORDS[judgement.shown]}]")
        if judgement.shown == "not_tested":
            say(f"to test it: {claim.how_to_test}", "    - ", "      ")
            continue
        for part in judgement.parts:
            state = "no data" if part.state == "not_tested" else WORDS[part.state or "not_settled"]
            say(f"{state}: {part.sentence}", "    - ", "      ")
        if claim.note:
            say(claim.note)
    states = [judgement.shown for judgement in judgements]
    counts = ", ".join(f"{states.count(state)} {WORDS[state]}" for state in dict.fromkeys(states))
    click.echo(plain(f"\n{counts}; from {', '.join(found)}"))
    say(" ".join(filter(None, (RULE, caveat(loaded)))), "", "")
    return 0
