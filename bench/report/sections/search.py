"""What the search tried, spent and chose for each model, and whether the choice lies on the edge of its range."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.analysis.formatting import MISSING, plain, seconds, whole
from bench.analysis.pruned import pruning_sentence
from bench.analysis.result_rows import stopped_early
from bench.analysis.results import Results
from bench.analysis.search_kernels import search_kernels
from bench.analysis.search_trials import SETTINGS, configurations, first_trainings, importance
from bench.analysis.tuned import Chosen, chosen
from bench.report.document import Block, Gallery, Row, Section, Table, TableCell, Text
from bench.report.figures import search as search_figures
from bench.report.figures import tuning as tuning_figures
from bench.report.sections.layout import by_match

HEADER = (
    *("Task", "Model", "Trials", "Steps", "Wall time", "Hidden × layers", "Learning rate", "Parameters"),
    *("In its range", "What mattered"),
)
CAPTION = (
    "Every model gets the same number of trials; steps and wall time are of all their trainings. Sizes: the one chosen "
    "most often (of several, the one with the lowest mean validation loss), and in how many replicates. Learning rate "
    "and parameters: medians over replicates, with the range, so they need not belong to that size. A choice on the "
    "edge of its range might have been better beyond it: widen the range (--hidden-sizes, --layers, --lr-range) before "
    "believing that model's rank. What mattered: the share of the spread of its trials (in ranks of validation loss) "
    "that a setting explains by itself; a dash where fewer than 8 trials ended well."
)
PRUNED_CAPTION = " Here all trials are compared at their first stop, where they have had the same number of steps."
NO_CURVE = (
    "There is no tuning curve: trials were stopped by comparing them with each other, so a shorter search is not a "
    "part of a longer one."
)


def search_summary(results: Results) -> Table | None:
    """A row a task and model; None where nothing was searched."""
    searched = results.trainings[results.trainings["stage"].isin(("trial", "search"))]
    spent, longest, shortest = (
        dict(iter(table.groupby(["match", "task", "model"], sort=False)))
        for table in (searched, configurations(searched), first_trainings(searched))
    )
    rows = []
    for match, task, model in product(results.matches, results.tasks, results.models):
        cell = match, task, model
        if cell not in spent:
            continue
        group, tried, first = spent[cell], longest[cell], shortest[cell]
        failed = len(tried) - int(_ended_well(tried).sum())
        wall, steps = group["wall_seconds"].sum(), int(group["steps"].fillna(0).sum())
        cells = [
            *(TableCell(task, match if len(results.matches) > 1 else ""), TableCell(model)),
            TableCell(whole(len(tried)), f"{failed} failed" if failed else "", len(tried)),
            *(TableCell(whole(steps), "", steps), TableCell(seconds(wall), "", float(wall))),
            *_chosen(chosen(results, match, task, model)),
            _importance(importance(first[_ended_well(first)])),
        ]
        rows.append(Row(cells, "model", results.models.index(model)))
    caption = CAPTION + (PRUNED_CAPTION if stopped_early(searched).any() else "")
    return Table("Search", HEADER, rows, caption, texts=2) if rows else None


def _ended_well(table: pd.DataFrame) -> NDArray[np.bool_]:
    return (table["valid_loss"].notna() & (table["status"] == "ok")).to_numpy(bool)


def _chosen(found: Chosen | None) -> list[TableCell]:
    """Size, learning rate, parameters, and whether they are inside the searched range."""
    if found is None:
        return [TableCell(MISSING)] * 4
    (hidden_size, layers), times = found.sizes[0]
    others = ", ".join(f"{h} × {n}" for (h, n), _ in found.sizes[1:4])
    rates, parameters = found.rates, found.parameters
    return [
        TableCell(
            f"{hidden_size} × {layers}", f"{times} of {found.replicates}" + (f"; also {others}" if others else "")
        ),
        TableCell(plain(rates[1]), f"{plain(rates[0])} to {plain(rates[2])}" if rates[0] < rates[2] else "", rates[1]),
        TableCell(
            whole(parameters[1]),
            f"{whole(parameters[0])} to {whole(parameters[2])}" if parameters[0] < parameters[2] else "",
            parameters[1],
        ),
        TableCell("on the edge", "; ".join(found.edges)) if found.edges else TableCell("inside"),
    ]


def _importance(explained: dict[str, float]) -> TableCell:
    if not explained:
        return TableCell(MISSING)
    ordered = sorted(explained.items(), key=lambda item: -item[1])
    (first, share), rest = ordered[0], ordered[1:]
    others = ", ".join(f"{SETTINGS[name]} {100 * value:.0f} %" for name, value in rest)
    return TableCell(f"{SETTINGS[first]} {100 * share:.0f} %", others)


def search_section(results: Results) -> Section:
    """What the search tried, what it spent on each model, what it chose, and what fewer trials would have given."""
    caption = (
        "Every trial of the search: its lowest validation loss against each setting that was varied. The ringed mark "
        "is each model's best. Where a cloud still falls towards an edge, the range was too narrow."
    )
    pruned = pruning_sentence(results)
    if pruned:
        caption = caption.replace("Every trial of the search", "Every trial of the search that was trained to the end")

    def make(match: str) -> list[Block]:
        number = results.matches.index(match) + 1
        pictures = [
            drawn
            for t, task in enumerate(results.tasks)
            if (drawn := search_figures.slice_picture(f"slices-{number}-{t + 1}", task, results, match, task))
        ]
        curves = tuning_figures.tuning_pictures(results, match)
        return [Gallery(each, text) for each, text in ((curves, tuning_figures.CAPTION), (pictures, caption)) if each]

    summary = search_summary(results)
    kernels = [Text(found.sentence) for found in search_kernels(results)]
    stopped = [Text(f"{pruned} {NO_CURVE}")] if pruned else []
    return Section("search", "Search", [*stopped, *by_match(results, make), *([summary] if summary else []), *kernels])
