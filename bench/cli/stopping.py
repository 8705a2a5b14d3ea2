"""How `run` stops when it is told to: SIGTERM and SIGHUP like Ctrl-C, and a second one at once.

And how it does not stop: `os._exit(0)` in the code of a plug-in would look as if all were well, with nothing recorded.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import click

from tasks.errors import Stopped

# Ctrl-C; what batch systems and shutdowns send; a terminal that was closed (unless nohup has it ignored)
_SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]

_leave = os._exit


def _set_exit(function: Callable[..., object]) -> None:
    vars(os)["_exit"] = function


if hasattr(os, "register_at_fork"):  # a process that is forked from this one does leave by os._exit
    os.register_at_fork(after_in_child=lambda: _set_exit(_leave))


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """Within, each of `_SIGNALS` raises `Stopped`, a KeyboardInterrupt; and `os._exit` raises SystemExit."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Stopped

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    _set_exit(sys.exit)
    try:
        yield
    finally:
        _set_exit(_leave)
        for number, handler in before.items():
            signal.signal(number, handler)


def partial_result(show: Callable[[], None], again: str) -> None:
    """Show what there is; who is interrupted a second time gets no report, and no traceback either.

    again: the command that writes the report later.
    """
    try:
        with stop_signals():
            show()
    except KeyboardInterrupt:
        click.echo(f"interrupted again: no report was written; to write it: {again}", err=True)
