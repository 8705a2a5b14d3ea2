"""What the tasks share that make a series of their own, cut it in order of time, and predict its next value."""

from __future__ import annotations

from tasks import windows
from tasks.contract import Array, Task
from tasks.errors import UserError
from tasks.metrics import error_metrics


class MadeSeries(Task):
    """Base of a task with `points` rows, cut into chronological parts and then into windows of `window` rows."""

    window: int
    points: int

    loss = "mse"

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UserError(f"{self.name}[window={self.window}]: expected 1 or more")
        needed = windows.rows_needed(self.window)
        if self.points < needed:
            raise UserError(f"{self.name}[points={self.points}]: window {self.window} needs at least {needed} points")

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        return error_metrics(outputs, targets, mask)
