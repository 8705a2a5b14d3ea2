"""What the tasks share that make a series of their own, cut it in order of time, and predict its next value."""

from __future__ import annotations

from typing import ClassVar

from tasks import windows
from tasks.baselines import forecast_references, naive_forecasts, noise_limit
from tasks.contract import Array, Columns, Dataset, Reference, Task
from tasks.errors import UserError
from tasks.metrics import error_metrics


class MadeSeries(Task):
    """Base of a task with `points` rows, cut into chronological parts and then into windows of `window` rows."""

    window: int
    points: int
    noise: float = 0.0  # standard deviation of Gaussian noise on inputs and targets, for tasks that have it

    variables: ClassVar[tuple[str, ...]] = ("value",)  # the names of the inputs; the outputs are the first of them

    loss = "mse"

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise UserError(f"{self.name}[noise={self.noise}]: noise is a standard deviation, expected 0 or more")
        if self.window < 1:
            raise UserError(f"{self.name}[window={self.window}]: expected 1 or more")
        needed = windows.rows_needed(self.window)
        if self.points < needed:
            raise UserError(f"{self.name}[points={self.points}]: window {self.window} needs at least {needed} points")

    @property
    def columns(self) -> Columns:
        """In the units of the data itself: made data have no other."""
        return Columns(self.variables, self.variables[: self.output_size], self.window)

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        return error_metrics(outputs, targets, mask)

    def references(self, dataset: Dataset) -> list[Reference]:
        found = forecast_references(self, dataset, naive_forecasts(self, dataset))
        return [*found, noise_limit(self.noise)] if self.noise else found
