"""The flags of `run`: one for each option, under the headings that `bench.config.options` declares.

Values stay text here; `bench.config.resolve` turns flags and TOML values into options and says what is wrong with them,
so that both are read by the same rules.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bench.config.option import Declaration

_OTHER = "Other"


class SectionedCommand(click.Command):
    """A command with the flags of all options, and a help that groups them."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Made when they are asked for: the other commands, and the help of all, start without them."""
        return [*flags(), *super().get_params(ctx)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", _OTHER), []).append(record)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


class Flag(click.Option):
    """The flag of an option, under its older name too. One without a metavar is a switch: given or not."""

    def __init__(self, key: str, name: str, declared: Declaration, default_text: str, *, undecided: bool) -> None:
        """undecided: bench decides where nothing is given, so a switch can be given as --no-… too."""
        aliases = ["--" + declared.alias.replace("_", "-")] if declared.alias else []
        super().__init__(
            [key, name if declared.metavar or not undecided else f"{name}/--no-{name.removeprefix('--')}", *aliases],
            metavar=declared.metavar or None,
            help=declared.help + default_text,
            multiple=declared.repeated,
            is_flag=not declared.metavar,
            default=None,  # not given: a config file decides
        )
        self.section = declared.group


@cache
def flags() -> tuple[Flag, ...]:
    """A flag for each option, in the order in which options are declared."""
    from dataclasses import fields

    from bench.config.options import FROM_BUDGET, OPTIONS, Options, flag

    made = []
    for f in fields(Options):
        text = "  [default: the budget's]" if f.name in FROM_BUDGET else _default_text(f.default)
        made.append(Flag(f.name, flag(f.name), OPTIONS[f.name], text, undecided=f.default is None))
    return tuple(made)


def _default_text(default: Any) -> str:
    if default is None or default is False or default == ():
        return ""
    values = default if isinstance(default, tuple) else (default,)
    return f"  [default: {','.join(f'{value:g}' if isinstance(value, float) else str(value) for value in values)}]"
