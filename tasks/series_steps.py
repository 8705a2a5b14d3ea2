"""How long a series is trained when nobody says: batches and steps that follow from its number of rows.

Everything here is a function of the file's rows and the window alone, so the same table always gets the same trainings.
"""

from __future__ import annotations

import math

from tasks.contract import Defaults

STEPS = {"smoke": 25, "quick": 500, "standard": 2000, "full": 8000}  # at least, where there are rows for them
EPOCHS = {"smoke": 25, "quick": 60, "standard": 200, "full": 600}  # on few rows, more epochs only memorise them
PASSES = {"smoke": 0, "quick": 16, "standard": 32, "full": 64}  # a curve of fewer is still falling
MOST_STEPS = {"smoke": 25, "quick": 3000, "standard": 12_000, "full": 48_000}  # so that a training ends in time
LONG_WINDOW = 96  # rows; a step on longer windows takes longer in proportion, so there are fewer at most
LEARNING_RATES = (1e-3, 3e-2)


def series_defaults(train_count: int, window: int) -> Defaults:
    """Defaults for `train_count` training windows.

    On few windows: smaller batches, so that a pass has about eight steps or more, and not too many passes. On many: as
    many steps as `PASSES` take, up to `MOST_STEPS`.
    """
    batch_size = min(64, train_count, 2 ** max(2, int(math.log2(max(train_count / 8, 1)))))
    per_epoch = math.ceil(train_count / batch_size)
    steps = {}
    for budget, least in STEPS.items():
        most = max(least, MOST_STEPS[budget] * LONG_WINDOW // max(window, LONG_WINDOW))
        steps[budget] = min(max(least, PASSES[budget] * per_epoch), most, EPOCHS[budget] * per_epoch)
    return Defaults(batch_size=batch_size, steps=steps, learning_rate=LEARNING_RATES)
