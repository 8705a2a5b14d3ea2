"""`run -v`: a line an evaluation, which is an epoch where epochs were asked, as trainings go; and what came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.analysis.formatting import MISSING, number
from bench.cli.display.progress import PlainProgress
from bench.records.schema import Record

_TITLES = ("worker", "epoch", "step", "train loss", "valid loss", "learning rate", "seconds")
_CURVE = ("step", "train_loss", "valid_loss", "learning_rate")


class EpochLines(PlainProgress):
    """Plain lines, also in a terminal: nothing that redraws itself could stand among them.

    Trainings that run side by side mix: each line begins with its worker, which said before what it trains.
    """

    follows = True

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(write)
        self._told: dict[int, int] = {}  # by worker: the lines that it has of its training

    def started(self, slot: int, label: str, steps: int) -> None:
        self._told[slot] = 0
        self._write(f"worker {slot + 1}: {label}")

    def evaluated(self, slot: int, evaluation: Sequence[float | int | None], epoch_steps: int | None) -> None:
        step, train_loss, valid_loss, _, rate, seconds = evaluation
        self._line(slot, epoch_steps, int(step or 0), (train_loss, valid_loss, rate), seconds)

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        if slot is not None and record.get("curve"):
            self._rest(slot, record)
        super().finished(slot, record, reused)

    def _rest(self, slot: int, record: Record) -> None:
        """What was not told as it went: a worker far away tells late, and nobody keeps more than so many lines."""
        curve, told = record["curve"], self._told.get(slot, 0)
        sequences = record.get("train_sequences")  # not known of one that was ended
        epoch_steps = -(-sequences // record["training"]["batch_size"]) if sequences else None
        seconds = record.get("evaluation_seconds") or [None] * len(curve["step"])
        for i, step in enumerate(curve["step"][told:], start=told):
            values = [curve[key][i] for key in _CURVE[1:]]
            self._line(slot, epoch_steps, step, values, seconds[i])

    def _line(
        self,
        slot: int,
        epoch_steps: int | None,
        step: int,
        values: Sequence[float | int | None],
        seconds: float | int | None,
    ) -> None:
        if not self._told[slot]:
            self._write(_row(_TITLES))
        self._told[slot] += 1
        epoch = MISSING if not epoch_steps else f"{step / epoch_steps:.2f}".removesuffix(".00")
        taken = MISSING if seconds is None else f"{seconds:.2f}"
        self._write(_row((str(slot + 1), epoch, str(step), *map(number, values), taken)))


def _row(cells: Sequence[str]) -> str:
    return "  ".join(f"{cell:>{max(len(title), 10)}}" for cell, title in zip(cells, _TITLES, strict=True))
