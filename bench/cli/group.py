"""The group of all sub-commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import time
import traceback
from typing import Any

import click

from bench import __version__
from bench.records.disk import advice, reason
from bench.records.plain import plain
from tasks.errors import UserError, nearest, unasked_end, unknown

USER_ERROR = 2
_LAST_SECONDS = 2.0  # for threads to end by themselves
_UNREAD = 1  # the output went to a program that has ended
INTERRUPTED = 130  # 128 + SIGINT, what shells expect


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
        except SystemExit as error:
            code = _UNREAD if _is_from_click(error) else _fail(str(unasked_end(error)))
        except OSError as error:
            code = _refused(error)
        except MemoryError:
            code = _fail("the memory that this process may use did not suffice: end other programs, or raise ulimit -v")
        code = _flush(code)
        if not args and settings.get("args") is None:  # the process's own command line
            _leave_threads_behind(code or 0)
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


def _is_from_click(error: BaseException) -> bool:
    """Whether click itself ended the program: it does where nobody reads the output any more."""
    last = next(reversed(traceback.extract_tb(error.__traceback__)), None)
    return last is not None and last.filename == click.core.__file__


def _refused(error: OSError) -> int:
    """Say what the system refused; any error that it has no advice for is a fault of ours and keeps its traceback."""
    what = advice(error)
    if what is None:
        raise error
    if error.filename is None:
        return _fail(f"the system refused to write the output, or to start a process: {error.strerror}: {what}")
    return _fail(f"{error.filename}: {reason(str(error.filename), error)}: {what}")


def _flush(code: Any) -> Any:
    """The exit code, unless what was printed could not be written (`> /dev/full`), of which one line is enough."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.close()  # or the interpreter would try again, and say so in its own words
        if isinstance(error, BrokenPipeError):
            return _UNREAD
        return code if code == USER_ERROR else _fail(f"standard output can't be written: {error}")
    return code


def _leave_threads_behind(code: int) -> None:
    """End the process, though threads that a task or model started would keep it alive."""
    deadline = time.monotonic() + _LAST_SECONDS
    threads = [t for t in threading.enumerate() if t is not threading.current_thread() and not t.daemon]
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    if any(thread.is_alive() for thread in threads):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


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
    with contextlib.suppress(OSError, ValueError):  # a closed stderr hears nothing, and the exit code says it all
        click.echo(f"error: {plain(' '.join(message.split()))}", err=True)
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
