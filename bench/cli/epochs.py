"""`run -v`: what was measured, and under each training a line an evaluation, which is an epoch where epochs were asked.

The lines of a training are written together when it ends: several run at a time, and theirs would mix.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.cli.progress import PlainProgress
from bench.formatting import number
from bench.records import Record

_COLUMNS = ("epoch", "step", "train loss", "valid loss", "learning rate", "seconds")


class EpochLines(PlainProgress):
    """Plain lines, also in a terminal: nothing that redraws itself could stand among them."""

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        super().finished(slot, record, reused)
        if not reused:
            for line in epoch_lines(record):
                self._write(line)


def epoch_lines(record: Record) -> Iterator[str]:
    """A header and a line for each evaluation of a training; nothing for other records."""
    curve = record.get("curve")
    if not curve:
        return
    per_epoch = -(-record["train_sequences"] // record["training"]["batch_size"])
    yield "  " + " ".join(f"{name:>13}" for name in _COLUMNS)
    seconds = record.get("evaluation_seconds") or [None] * len(curve["step"])
    for i, step in enumerate(curve["step"]):
        cells = (
            f"{step / per_epoch:g}" if per_epoch and step % per_epoch == 0 else _fraction(step, per_epoch),
            str(step),
            *(number(curve[key][i]) for key in ("train_loss", "valid_loss", "learning_rate")),
            "–" if seconds[i] is None else f"{seconds[i]:.2f}",
        )
        yield "  " + " ".join(f"{cell:>13}" for cell in cells)


def _fraction(step: int, per_epoch: int | None) -> str:
    return f"{step / per_epoch:.2f}" if per_epoch else "–"
