"""The sections of a report with their figures, drawn by two processes where there are two processors.

The second process is a copy of this one. It makes the sections from the last one on and sends their figures, while this
one makes all sections, and draws from the first one on, until those that are left have come. This one waits for
nothing, so a copy that is killed, or that hangs on a lock which a thread of this process held, costs time and never a
figure. A figure depends on its records alone, so it has the same bytes whoever draws it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Thread

from bench.report.document import Section, pictures
from bench.report.picture import Drawing

Makers = Sequence[Callable[[], Section]]


def with_figures(makers: Makers) -> list[Section]:
    """What the makers make, all figures drawn: their `alt` and `svg` cost nothing any more. Their names differ."""
    with _second_process(makers) as come:
        sections = [make() for make in makers]
        for picture in pictures(sections):
            picture.drawing = come.get(picture.name) or picture.drawing
    return sections


def _may_copy() -> bool:
    """Whether there is a second processor, and a copy of this process is cheap and sound.

    macOS and Windows would start Python and import everything again, which takes as long as drawing. A process of a
    pool leaves it to its pool to use the processors.
    """
    if sys.platform != "linux" or multiprocessing.parent_process() is not None:
        return False
    return len(os.sched_getaffinity(0)) > 1


@contextmanager
def _second_process(makers: Makers) -> Iterator[Mapping[str, Drawing]]:
    """What another process has drawn so far, by the figure's name; it draws until the block ends."""
    come: dict[str, Drawing] = {}
    if not _may_copy():
        yield come
        return
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_draw_and_send, args=(makers, receiving, sending))
    with warnings.catch_warnings():
        # Python warns of locks that other threads hold: see above.
        warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
        process.start()
    sending.close()
    reader = Thread(target=_collect, args=(receiving, come), daemon=True)
    reader.start()
    try:
        yield come
    finally:
        process.kill()
        process.join()
        reader.join()
        receiving.close()


def _collect(receiving: Connection, come: dict[str, Drawing]) -> None:
    while True:
        try:
            name, drawing = receiving.recv()
        except (EOFError, OSError):  # it has sent everything, or was killed
            return
        come[name] = drawing


def _draw_and_send(makers: Makers, receiving: Connection, sending: Connection) -> None:
    """What the second process does. It says nothing of errors: the other one meets them too, and raises them."""
    receiving.close()  # so that it ends when the other process does
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        for make in reversed(makers):
            for picture in reversed(pictures([make()])):
                sending.send((picture.name, picture.drawing))
    except BaseException:
        os._exit(1)
