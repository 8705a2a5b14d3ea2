"""The value that was last seen at the same place of a period: the predictor without a net for gaps in a pattern."""

from __future__ import annotations

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.losses import mean_loss


def last_seen(task: Task, dataset: Dataset, hidden: float) -> Reference:
    """The score of the period that does best on training data.

    The task asks, at each step, for the value of its one feature, which stands as `hidden` where it is to be found.
    """
    train = dataset.train
    mean = float(train.targets[train.mask].mean())
    periods = range(1, train.inputs.shape[1])
    errors = [
        mean_loss(task.loss, carried(train.inputs, period, hidden, mean), train.targets, train.mask)
        for period in periods
    ]
    period = periods[int(np.argmin(errors))]

    def predict(split: Split) -> Array:
        return carried(split.inputs, period, hidden, mean)

    how = f"the last value seen {period} steps earlier or a multiple of that; before there is one, the mean"
    return score(task, "last_seen", "baseline", predict, dataset, how)


def carried(inputs: Array, period: int, hidden: float, unknown: float) -> Array:
    """Inputs `(N, T, 1)` as float64 with each hidden value replaced by that of `period` steps before; at first by
    `unknown`."""
    values = np.where(inputs == np.float32(hidden), np.nan, inputs.astype(np.float64))
    for step in range(values.shape[1]):
        before = values[:, step - period] if step >= period else unknown
        values[:, step] = np.where(np.isnan(values[:, step]), before, values[:, step])
    return values
