"""Figures of what a model costs: parameters, and the time of a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bench.analysis.formatting import seconds, trimmed
from bench.analysis.results import Results
from bench.analysis.selected import selected_rows
from bench.analysis.timing_conditions import condition
from bench.report.figures.axes import colour, name_rows, named, say, told
from bench.report.figures.svg import INK


def _bars(axes: Axes, rows: Sequence[tuple[str, int, float, float, str]], unit: str) -> str:
    """Horizontal bars from zero: for each row name, the model's place, value, half-width of its spread, and label."""
    for row, (_, place, value, spread, text) in enumerate(rows):
        axes.barh(row, value, height=0.56, color=colour(place), alpha=0.85, linewidth=0)
        if spread > 0:
            axes.plot([value - spread, value + spread], [row, row], color=INK, lw=1.1)
        beside: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8.5, "color": INK}
        axes.annotate(text, (value + spread, row), (5, 0), **beside)
    name_rows(axes, [name for name, *_ in rows])
    top = max((value + spread for _, _, value, spread, _ in rows), default=1.0) or 1.0
    axes.set_xlim(0, top * 1.42)
    ticks = [tick for tick in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(0, top) if tick <= top * 1.05]
    axes.set_xticks(ticks, [trimmed(tick, 3) for tick in ticks])
    axes.set_xlabel(unit)
    return told([f"{label} {text}" for label, *_, text in rows])


def parameters(axes: Axes, results: Results, match: str, task: str) -> str:
    """Trainable parameters of each model: the median over replicates."""
    table = selected_rows(results, match, task)
    counts = table[table["parameter_count"].notna()].groupby("model")["parameter_count"].quantile(interpolation="lower")
    rows = [
        (model, place, float(counts[model]), 0.0, f"{counts[model]:,}")
        for place, model in enumerate(results.models)
        if model in counts
    ]
    if not rows:
        return say(axes, f"Parameters on {task}: not recorded.")
    return f"Parameters on {task}: {_bars(axes, rows, 'trainable parameters')}."


def step_times(axes: Axes, results: Results, match: str, task: str) -> str:
    """Median time of an optimiser step alone on the machine, with half its interquartile range, and the kernel."""
    timings = results.rows("timings", match, task)
    timings = timings[timings["step_seconds"].notna()]
    timings = timings.sort_values("model", key=lambda column: column.map(results.models.index), kind="stable")
    rows: list[tuple[str, int, float, float, str]] = []
    for row in timings.to_dict("records"):
        step, iqr = float(row["step_seconds"]), float(row["step_seconds_iqr"])
        spread = 0.0 if math.isnan(iqr) else iqr / 2
        text = " · ".join(filter(None, (seconds(step), named(str(row["kernel"]), 14), condition(row))))
        rows.append((row["model"], results.models.index(row["model"]), step * 1e3, spread * 1e3, text))
    if not rows:
        return say(axes, f"Step time on {task}: not measured.")
    return f"Step time on {task}: {_bars(axes, rows, 'milliseconds per optimiser step')}."
