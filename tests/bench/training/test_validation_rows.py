"""How many windows a training was validated with, of which a checkpoint keeps the newest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.training.validation_rows import MOST, pack, sequences
from tasks.contract import Split


def test_all_windows_are_counted_and_the_newest_kept() -> None:
    rows = np.arange(MOST + 103, dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(rows, 4)[..., None]
    packed = pack(Split(windows, rows[3:, None]))
    assert packed is not None
    assert len(packed["targets"]) == MOST
    assert packed["rows"][-1] == [MOST + 102]
    assert sequences(packed) == MOST + 100


@pytest.mark.parametrize(
    ("packed", "count"),
    [
        ({"targets": [[1], [2]]}, 2),
        ({"sequences": 7, "targets": [[1]]}, 7),
        (None, 1),
        ({}, 1),
        ({"sequences": "x"}, 1),
    ],
)
def test_older_and_damaged_checkpoints_tell_what_they_hold(packed: Any, count: int) -> None:
    assert sequences(packed) == count
