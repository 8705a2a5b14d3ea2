"""Ticks are few, round and told apart; labels beside an axis keep their distance."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from bench.report.figures.ticks import apart, log_ticks, round_values, texts

positive = st.floats(-14, 6).map(lambda power: 10**power)


@given(positive, st.floats(1e-6, 14), st.sampled_from([3, 5, 7]))
@settings(derandomize=True, max_examples=300, deadline=None)
def test_ticks_are_few_and_no_two_have_one_text(low: float, decades: float, most: int) -> None:
    high = low * 10**decades
    found = round_values(low, high, most)
    assert 2 <= len(found) <= most
    assert len(set(texts(found))) == len(set(found)) == len(found)
    assert all(low <= value <= high * (1 + 1e-9) for value in found)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.9, 1100, ["1", "10", "100", "1,000"]),
        (2.77e-6, 2.83e-6, ["2.78×10⁻⁶", "2.8×10⁻⁶", "2.82×10⁻⁶"]),  # a Pareto axis had one text seven times
        (0.02, 0.6, ["0.02", "0.05", "0.1", "0.2", "0.5"]),
    ],
)
def test_ticks_as_a_person_writes_them(low: float, high: float, said: list[str]) -> None:
    assert texts(round_values(low, high, 5)) == said


def test_an_axis_shows_them() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.set_yscale("log")
    axes.plot([0, 1], [2.77e-6, 2.83e-6])
    log_ticks(axes.yaxis)
    figure.canvas.draw()
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert len(shown) == len(set(shown)) >= 2


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.3))
@settings(derandomize=True, max_examples=300, deadline=None)
def test_labels_keep_their_distance_and_their_order(places: list[float], gap: float) -> None:
    moved = apart(places, gap)
    gap = min(gap, 1 / len(places))
    ordered = [place for _, place in sorted(zip(places, moved, strict=True))]
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(ordered))
    assert min(moved) >= -1e-9
    assert max(moved) <= 1 + 1e-9


def test_labels_that_have_room_stay() -> None:
    assert apart([0.1, 0.9, 0.5], 0.1) == [0.1, 0.9, 0.5]
