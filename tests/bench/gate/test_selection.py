"""Cells by patterns."""

from __future__ import annotations

import pytest

from bench.gate.replicates import CellName
from bench.gate.selection import select
from tasks.errors import UserError

CELLS = [
    CellName("sine", "gru"),
    CellName("copy[delay=5,length=2]", "gru"),
    CellName("copy[delay=5,length=2]", "leaky[a=1]"),
    CellName("copy[delay=10,length=2]", "gru"),
]


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("*", [0, 1, 2, 3]),
        ("copy/*", [1, 2, 3]),
        ("copy*", [1, 2, 3]),
        ("copy/leaky", [2]),
        ("copy[delay=5,length=2]/gru", [1]),
        ("copy[delay=5*/*", [1, 2]),
        ("sine/gru,*/leaky", [0, 2]),
        ("*/gru", [0, 1, 3]),
    ],
)
def test_a_pattern_may_leave_out_parameters(pattern: str, places: list[int]) -> None:
    assert select(pattern, CELLS) == [CELLS[place] for place in places]


@pytest.mark.parametrize("pattern", ["copy", "gru", "cop/*", "copy[delay=6,length=2]/gru"])
def test_a_pattern_that_matches_nothing_is_named(pattern: str) -> None:
    with pytest.raises(UserError, match="no cell is called"):
        select(pattern, CELLS)
