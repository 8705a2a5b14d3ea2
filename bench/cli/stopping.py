"""How `run` stops when it is told to: SIGTERM like Ctrl-C, and a second one at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import click


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """Within, SIGTERM raises KeyboardInterrupt, as Ctrl-C does: batch systems and shutdowns send it."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def partial_result(show: Callable[[], None]) -> None:
    """Show what there is; who is interrupted a second time gets no report, and no traceback either."""
    try:
        with stop_signals():
            show()
    except KeyboardInterrupt:
        click.echo("interrupted again: no report was written; `python -m bench report` writes it", err=True)
