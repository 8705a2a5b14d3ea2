"""Two mean learning curves as text: what a cell's training looked like in the baseline, and what it looks like now."""

from __future__ import annotations

from collections.abc import Sequence

from bench.gate.mean_curves import MeanCurves

COLUMNS, LINES = 60, 12
BEFORE, NOW, BOTH = "o", "x", "#"


def plot(curves: MeanCurves) -> str:
    """Draw log10 validation loss over steps: `LINES` lines of at most `COLUMNS` characters, an axis and a legend."""
    last = max(curves.step[-1], 1)
    levels = [*curves.before, *curves.now]
    top, bottom = max(levels), min(levels)
    height = (top - bottom) or 1.0
    canvas = [[" "] * COLUMNS for _ in range(LINES)]
    for mark, values in ((BEFORE, curves.before), (NOW, curves.now)):
        for column in range(COLUMNS):
            value = _at(last * column / (COLUMNS - 1), curves.step, values)
            line = round((top - value) / height * (LINES - 1))
            canvas[line][column] = mark if canvas[line][column] in (" ", mark) else BOTH
    labels = {0: f"{top:.2f}", LINES - 1: f"{bottom:.2f}"}
    width = max(map(len, labels.values()))
    drawn = [f"{labels.get(number, ''):>{width}} |{''.join(line)}".rstrip() for number, line in enumerate(canvas)]
    axis = f"{'':{width}} +{'-' * COLUMNS}"
    ends = f"{'':{width}}  0{f'{last:,} steps':>{COLUMNS - 1}}"
    legend = f"mean log10 validation loss: {BEFORE} baseline, {NOW} now, {BOTH} both"
    return "\n".join([legend, *drawn, axis, ends])


def _at(step: float, steps: Sequence[int], values: Sequence[float]) -> float:
    """The value at a step, linear between evaluations."""
    for (first, a), (second, b) in zip(
        zip(steps, values, strict=True), zip(steps[1:], values[1:], strict=True), strict=False
    ):
        if first <= step <= second:
            return a + (b - a) * (step - first) / (second - first)
    return values[-1] if step > steps[0] else values[0]
