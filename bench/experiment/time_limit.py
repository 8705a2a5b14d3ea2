"""A deadline for code that this process runs itself: what a plug-in does at import, in `generate`, in `references`.

It holds in the main thread, for whatever Python can interrupt (a sleep, a loop, a wait); elsewhere nothing is limited.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from tasks.errors import UserError

START_SECONDS = 120.0  # what is no training may take so long, however small --timeout is: torch may have to be loaded


class OutOfTime(BaseException):
    """The deadline came; no Exception, so that code which catches those does not go on."""


@contextlib.contextmanager
def until(deadline: float | None) -> Iterator[None]:
    """Within, OutOfTime is raised at `deadline` (on `time.monotonic`; None: never)."""
    on_main = threading.current_thread() is threading.main_thread()
    if deadline is None or not on_main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime("it takes longer than --max-time or --timeout allow")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def ready_by(began: float, max_time: float | None, timeout: float | None) -> Iterator[None]:
    """Within, UserError is raised where it takes longer than a run may before its first training."""
    seconds = max_time if max_time is not None else None if timeout is None else max(timeout, START_SECONDS)
    try:
        with until(None if seconds is None else began + seconds):
            yield
    except OutOfTime:
        flag = "--max-time" if max_time is not None else "--timeout"
        raise UserError(
            f"no training could begin within {seconds:g} s ({flag}): give more time, or look at what the plug-ins, the "
            "tasks and the workers do before they train"
        ) from None
