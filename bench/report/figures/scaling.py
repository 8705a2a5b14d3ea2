"""Figures of size: what a larger network gives, and what it costs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bench.analysis.formatting import listed, number, seconds, whole
from bench.analysis.labels import words
from bench.analysis.results import Results
from bench.analysis.search_trials import trials
from bench.analysis.selected import models_in
from bench.report.figures.axes import MARKERS, SMALLEST, colour, dashes, named, say, told
from bench.report.figures.heatmap import heatmap
from bench.report.figures.svg import INK, MUTED, PAPER
from bench.report.figures.ticks import log_ticks


def search_map(axes: Axes, results: Results, match: str, task: str) -> str:
    """Hidden size × layers: the lowest validation loss that the search found in each cell, and its number of trials."""
    ok = trials(results, match, task)
    cells: dict[tuple[str, int, int], tuple[float, int]] = {}
    for row in ok[["model", "num_layers", "hidden_size", "valid_loss"]].dropna().to_dict("records"):
        where = str(row["model"]), int(row["num_layers"]), int(row["hidden_size"])
        lowest, n = cells.get(where, (np.inf, 0))
        cells[where] = min(lowest, float(row["valid_loss"])), n + 1
    present = [model for model in results.models if any(model == m for m, _, _ in cells)]
    sizes = sorted({size for _, _, size in cells})
    rows = [(m, n) for m in present for n in sorted({layers for model, layers, _ in cells if model == m})]
    grid = np.full((len(rows), len(sizes)), np.nan)
    notes = np.full(grid.shape, "", dtype=object)
    for (model, layers, size), (lowest, n) in cells.items():
        cell = rows.index((model, layers)), sizes.index(size)
        grid[cell] = np.log10(max(lowest, SMALLEST))
        notes[cell] = f"{number(lowest, 2)}\nn = {n}"
    heatmap(axes, grid, notes, "low is dark")
    said = []
    for model in present:
        own = [i for i, (m, _) in enumerate(rows) if m == model]
        best, column = divmod(int(np.nanargmin(grid[own])), len(sizes))
        for edge, width in (("#10131a", 3.2), ("#ffffff", 1.4)):  # seen on dark and on pale cells
            axes.add_patch(_frame(column, own[best], edge, width))
        said.append(f"{model} {number(10 ** float(grid[own[best], column]))} at hidden size {sizes[column]}")
        if own[0]:
            axes.axhline(own[0], color=PAPER, lw=5)
    axes.set_xticks(np.arange(len(sizes)) + 0.5, [f"{size:,}" for size in sizes])
    layered = [f"{named(m, 18)} · {n} layer{'s' if n > 1 else ''}" for m, n in rows]
    axes.set_yticks(np.arange(len(rows)) + 0.5, layered, rotation=0)
    axes.set_xlabel("hidden size")
    axes.set_ylabel("")
    return f"Lowest validation loss of the search on {task}: {told(said)}."


def _frame(column: int, row: int, edge: str, width: float) -> Rectangle:
    """A frame around a cell: the best of its model."""
    return Rectangle(
        (column + 0.05, row + 0.07), 0.9, 0.86, fill=False, edgecolor=edge, linewidth=width, snap=False, zorder=5
    )


def loss_against_parameters(axes: Axes, results: Results, match: str, task: str) -> str:
    """Test loss (geometric mean) against parameters (median): a point a model and comparison, over all its replicates.

    The Pareto front is joined: no other point is both smaller and better. All comparisons of the experiment are drawn,
    since each adds sizes; those of `match` are filled.
    """
    points = sizes_and_losses(results, task)
    if not points:
        return say(axes, f"Loss against parameters on {task}: there are no results.")
    shown = {point.model for point in points}
    for model in (model for model in results.models if model in shown):  # the legend: without the rings of some points
        axes.plot([], [], label=named(model, 18), **_mark(results, model))
    axes.set_xscale("log")
    axes.set_yscale("log")
    front = pareto([(point.size, point.loss) for point in points])
    axes.plot(*zip(*front, strict=True), color=MUTED, lw=1.1, linestyle=(0, (4, 2)), drawstyle="steps-post", zorder=1)
    on: dict[tuple[str, str], list[str]] = {}  # the comparisons that share a point
    for point in points:
        look = _mark(results, point.model) | {"mew": 1.0}
        if (point.size, point.loss) in front:
            look |= {"mec": INK, "mew": 1.5}
            on.setdefault((point.model, f"{whole(point.size)}, {number(point.loss)}"), []).append(point.match)
        filled = "full" if point.match == match else "none"
        axes.plot([point.size], [max(point.loss, SMALLEST)], alpha=0.9, fillstyle=filled, **look)
    log_ticks(axes.xaxis)
    log_ticks(axes.yaxis)
    axes.margins(0.12)
    axes.set_xlabel("trainable parameters (log)")
    axes.set_ylabel("test loss (log)")
    said = [
        f"{model} ({values}{f'; {listed([words(m).heading for m in own])}' if len(results.matches) > 1 else ''})"
        for (model, values), own in on.items()
    ]
    return f"Test loss against parameters on {task}. On the Pareto front: {told(said)}."


class SizeAndLoss(NamedTuple):
    """A model's median parameters and typical test loss in one comparison."""

    size: int
    loss: float
    model: str
    match: str


def sizes_and_losses(results: Results, task: str) -> list[SizeAndLoss]:
    """Every model in every comparison on a task, by size.

    Each is over all replicates, whatever sizes they chose: those that chose one size may have had the easier data.
    Where some have fewer replicates so far than others, they are left out.
    """
    table = results.summary
    table = table[(table["task"] == task) & (table["kind"] == "model")].dropna(subset=["parameter_count", "test_loss"])
    replicates = table["n"] + table["n_failed"]
    found = [
        SizeAndLoss(int(row["parameter_count"]), float(row["test_loss"]), str(row["model"]), str(row["match"]))
        for row in table[replicates == replicates.max()].to_dict("records")
    ]
    return sorted(found, key=lambda p: (p.size, p.loss, results.models.index(p.model), results.matches.index(p.match)))


def _mark(results: Results, model: str) -> dict[str, Any]:
    """The marker of a model."""
    place = results.models.index(model)
    return {"color": colour(place), "marker": MARKERS[place % len(MARKERS)], "ms": 7, "linestyle": "none"}


def pareto(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The points (size, loss) that no other point beats in one respect without losing in the other; by size."""
    front: list[tuple[int, float]] = []
    for size, loss in sorted(set(points)):
        if not front or loss < front[-1][1]:
            front.append((size, loss))
    return front


def step_time_against_size(axes: Axes, results: Results, task: str) -> str:
    """Median step time against hidden size, a line a model and number of layers (×2); all comparisons together."""
    table = results.timings
    table = table[(table["task"] == task) & table["step_seconds"].notna() & table["hidden_size"].notna()]
    if not len(table):
        return say(axes, f"Step time against hidden size on {task}: not measured.")
    axes.set_yscale("log")
    said = []
    for model in models_in(table, results):
        place, own = results.models.index(model), table[table["model"] == model]
        for layers in sorted({int(layers) for layers in own["num_layers"].dropna()}):
            rows = own[own["num_layers"] == layers]
            line = rows.groupby("hidden_size")["step_seconds"].median().sort_index()
            label = f"{named(model, 12)} ×{layers}"
            look: dict[str, Any] = {"color": colour(place), "linestyle": dashes(layers - 1)}
            marker = MARKERS[place % len(MARKERS)]
            axes.plot(line.index.to_numpy(float), line * 1e3, marker=marker, ms=6, lw=1.6, label=label, **look)
        largest = own.sort_values("hidden_size").iloc[-1]
        said.append(f"{model} {seconds(largest['step_seconds'])} at hidden size {whole(largest['hidden_size'])}")
    sizes = sorted({int(size) for size in table["hidden_size"]})
    axes.set_xticks(sizes if len(sizes) <= 8 else sizes[:: -(-len(sizes) // 8)])
    axes.margins(x=0.1)
    log_ticks(axes.yaxis)
    axes.set_xlabel("hidden size")
    axes.set_ylabel("ms a step (log)")
    return f"Step time against hidden size on {task}: {told(said)}."
