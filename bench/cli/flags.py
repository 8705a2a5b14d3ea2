"""The flags of `run`: one for each option, under the headings that `bench.config.options` declares.

Values stay text here; `bench.config.resolve` turns flags and TOML values into options and says what is wrong with them,
so that both are read by the same rules.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from bench.config.options import FROM_BUDGET, OPTIONS, Options, flag

_OTHER = "Other"


class Flag(click.Option):
    """The flag of an option. One without a metavar is a switch: given or not."""

    def __init__(self, key: str, default: Any) -> None:
        declared = OPTIONS[key]
        aliases = ["--" + declared.alias.replace("_", "-")] if declared.alias else []
        super().__init__(
            [key, flag(key), *aliases],
            metavar=declared.metavar or None,
            help=declared.help + _default_text(key, default),
            multiple=declared.repeated,
            is_flag=not declared.metavar,
            default=None,  # not given: a config file decides
        )
        self.section = declared.group


def _default_text(key: str, default: Any) -> str:
    if key in FROM_BUDGET:
        return "  [default: the budget's]"
    if default is None or default is False or default == ():
        return ""
    values = default if isinstance(default, tuple) else (default,)
    return f"  [default: {','.join(f'{value:g}' if isinstance(value, float) else str(value) for value in values)}]"


class SectionedCommand(click.Command):
    """A command whose help groups its flags."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", _OTHER), []).append(record)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


FLAGS: list[click.Parameter] = [Flag(f.name, f.default) for f in fields(Options)]
