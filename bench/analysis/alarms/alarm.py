"""One alarm: its sentence, and what it is about."""

from __future__ import annotations

from typing import NamedTuple


class Alarm(NamedTuple):
    """A whole sentence. task: the label of the task that it is about; None: all of them."""

    text: str
    task: str | None = None
