"""Which display suits a stream."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from bench.cli.display.progress import PlainProgress, ProgressLine
from bench.experiment.observer import Observer
from bench.records.plain import plain


@contextmanager
def observing(
    quiet: bool, stream: TextIO | None = None, *, verbose: bool = False, in_place: bool = False
) -> Iterator[Observer]:
    """An observer that suits the stream (stderr), for as long as the experiment runs. verbose wins over quiet.

    in_place: the stream is a notebook's, which knows the carriage return and no other control code.
    """
    stream = stream or sys.stderr
    if verbose:
        from bench.cli.display.epochs import EpochLines

        yield EpochLines(lambda line: print(plain(line), file=stream, flush=True))
    elif quiet:
        yield Observer()
    elif draws(stream):
        from bench.cli.display.live import LiveProgress

        with LiveProgress(stream) as live:
            yield live
    elif in_place:
        line = ProgressLine(lambda text: print(text, end="", file=stream, flush=True))
        try:
            yield line
        finally:
            line.end()
    else:
        lines = PlainProgress(lambda line: print(plain(line), file=stream, flush=True))
        try:
            yield lines
        finally:
            lines.end()


def draws(stream: TextIO) -> bool:
    """Whether a display that redraws itself belongs on the stream: a capable terminal, and nobody's log file."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown") and not os.environ.get("CI")
