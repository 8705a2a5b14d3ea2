"""What an experiment tells while it runs. The command line draws it; the default says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.schema import Record


class Observer:
    """Called from the experiment's own thread; a slot is one place where trainings run (a worker).

    follows: whether `evaluated` is to be called.
    """

    follows: bool = False

    def planned(self, trainings: int) -> None:
        """How many trainings, timings and references there will be; may be called again with a better number."""

    def started(self, slot: int, label: str, steps: int) -> None:
        """A training begins in a slot: `label` names task, model and configuration."""

    def progress(self, slot: int, step: int, loss: float) -> None:
        """The training in a slot has reached `step` with this validation loss (NaN: not known yet)."""

    def evaluated(self, slot: int, evaluation: Sequence[float | int | None], epoch_steps: int | None) -> None:
        """The training in a slot was evaluated: the columns of a record's curve, and seconds since the first time.

        epoch_steps: optimiser steps of an epoch.
        """

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        """A record was written, or found among those written before (`reused`, then without a slot)."""

    def note(self, text: str) -> None:
        """A sentence that a person should read: the device that was picked, say."""


class Relay(Observer):
    """Passes everything on to another observer; what is to happen on the way is a method of a subclass."""

    def __init__(self, inner: Observer) -> None:
        self._inner = inner
        self.follows = inner.follows

    def planned(self, trainings: int) -> None:
        self._inner.planned(trainings)

    def started(self, slot: int, label: str, steps: int) -> None:
        self._inner.started(slot, label, steps)

    def progress(self, slot: int, step: int, loss: float) -> None:
        self._inner.progress(slot, step, loss)

    def evaluated(self, slot: int, evaluation: Sequence[float | int | None], epoch_steps: int | None) -> None:
        self._inner.evaluated(slot, evaluation, epoch_steps)

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        self._inner.finished(slot, record, reused)

    def note(self, text: str) -> None:
        self._inner.note(text)
