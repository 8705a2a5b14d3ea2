"""The group of all sub-commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import errno
import io
import sys
from typing import Any

import click

from bench import __version__
from tasks.errors import UserError, nearest, unknown

USER_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, what shells expect

# what a disk or its owner may say no with; any other OSError is a fault of ours and keeps its traceback
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENOTDIR, errno.ENAMETOOLONG)


class Group(click.Group):
    """A sub-command returns its exit code (None: 0). Mistakes of the user are one line on stderr and exit code 2."""

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__(name, invoke_without_command=True, callback=_help_unless_command, **settings)
        self.params.append(_version_option())

    def main(self, *args: Any, **settings: Any) -> Any:
        """Parse and call, then leave the interpreter with the exit code. Arguments are click's own."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without × or − shows ?, not a traceback
        try:
            code = super().main(*args, **{**settings, "standalone_mode": False})
        except UserError as error:
            code = _fail(str(error))
        except click.UsageError as error:
            code = _fail(_usage_message(error))
        except click.Abort:
            click.echo("interrupted", err=True)
            code = INTERRUPTED
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise
            code = _fail(f"{error.filename or 'a file'}: {error.strerror}")
        sys.exit(code)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown("command", args[0], self.commands)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people need them."""
        return list(self.commands)


@click.pass_context
def _help_unless_command(ctx: click.Context) -> int:
    """Without a sub-command, `python -m bench` shows the help, and its exit code is 0."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    return 0


def _version_option() -> click.Option:
    def show(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted and not ctx.resilient_parsing:
            click.echo(f"bench {__version__}")
            ctx.exit(0)

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show, help="Show the version."
    )


def _fail(message: str) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return USER_ERROR


def _usage_message(error: click.UsageError) -> str:
    """What click has to say in one line, with the nearest option where one was misspelt.

    Not click's own suggestion: it counts the dashes as letters, and so finds --time near --optimizer.
    """
    where = f"{error.ctx.command_path} --help" if error.ctx else "--help"
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        message = error.format_message().rstrip(".")
        return f"{message[:1].lower()}{message[1:]}: see {where}"
    flags = [name for param in error.ctx.command.get_params(error.ctx) for name in param.opts if name.startswith("--")]
    near = nearest(error.option_name.lstrip("-"), [flag.removeprefix("--") for flag in flags])
    hint = f"did you mean '--{near}'? " if near else ""
    return f"unknown option '{error.option_name}': {hint}All options: {where}"
