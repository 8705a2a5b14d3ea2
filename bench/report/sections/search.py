"""What the search tried and spent for each model, and whether its best lies on the edge of what it could try."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from bench.analysis.formatting import number, plain, seconds, whole
from bench.analysis.results import Results
from bench.analysis.search_trials import SETTINGS, importance
from bench.report.document import Block, Cell, Gallery, Row, Section, Table
from bench.report.figures import search as search_figures
from bench.report.figures import tuning as tuning_figures
from bench.report.sections.layout import by_match

EDGE = 0.05  # of a logarithmic range: a learning rate nearer to its end is on the edge


def search_summary(results: Results) -> Table | None:
    """A row a task and model; None where nothing was searched."""
    table = results.trainings[results.trainings["stage"].isin(("trial", "search"))]
    rows = []
    for match, task, model in product(results.matches, results.tasks, results.models):
        group = table[(table["match"] == match) & (table["task"] == task) & (table["model"] == model)]
        if group.empty:
            continue
        ended = group[group["valid_loss"].notna() & (group["status"] == "ok")]
        wall = group["wall_seconds"].sum()
        cells = [
            *(Cell(task, match if len(results.matches) > 1 else ""), Cell(model)),
            Cell(whole(len(group)), f"{len(group) - len(ended)} failed" if len(ended) < len(group) else "", len(group)),
            Cell(whole(group["steps"].fillna(0).sum()), "", int(group["steps"].fillna(0).sum())),
            Cell(seconds(wall), "", float(wall)),
        ]
        if len(ended):
            best = ended.loc[[ended["valid_loss"].idxmin()]].iloc[0]
            shape = f"{whole(best['hidden_size'])} × {whole(best['num_layers'])}"
            cells += [
                Cell(number(best["valid_loss"]), "", float(best["valid_loss"])),
                Cell(shape, f"lr {plain(best['learning_rate'])}"),
                _place(edges(best.to_dict(), results)),
                _importance(importance(ended)),
            ]
        else:
            cells += [Cell("–")] * 4
        rows.append(Row(cells, "model", results.models.index(model)))
    if not rows:
        return None
    header = (
        "Task",
        "Model",
        "Trials",
        "Steps",
        "Wall time",
        "Best validation loss",
        "Hidden × layers",
        "In its range",
        "What mattered",
    )
    caption = (
        "Every model gets the same number of trials. A best on the edge of its range might have been better beyond it: "
        "widen the range before believing that model's rank. What mattered: the share of the spread of its trials (in "
        "ranks of validation loss) that a setting explains by itself; a dash where fewer than 8 trials ended well."
    )
    return Table("Search", header, rows, caption, texts=2)


def _place(edge: list[str]) -> Cell:
    return Cell("on the edge", f"widen the range: {', '.join(edge)}") if edge else Cell("inside")


def _importance(explained: dict[str, float]) -> Cell:
    if not explained:
        return Cell("–")
    ordered = sorted(explained.items(), key=lambda item: -item[1])
    (first, share), rest = ordered[0], ordered[1:]
    others = ", ".join(f"{SETTINGS[name]} {100 * value:.0f} %" for name, value in rest)
    return Cell(f"{SETTINGS[first]} {100 * share:.0f} %", others)


def edges(best: dict[Any, Any], results: Results) -> list[str]:
    """The settings of the best configuration that lie on the edge of the searched range; nothing is below 1.

    Only the comparison "tuned" searches sizes and depths.
    """
    found = []
    for key, setting, name in (("hidden_size", "hidden_sizes", "hidden size"), ("num_layers", "layers", "layers")):
        choices = results.settings.get(setting)
        choices = choices if isinstance(choices, list) and best["match"] == "tuned" else []
        if len(set(choices)) > 1 and (best[key] == max(choices) or best[key] == min(choices) > 1):
            found.append(f"{name} {whole(best[key])}")
    bounds = (results.manifest.get("lr_ranges") or {}).get(best["task"]) or results.settings.get("lr_range")
    if isinstance(bounds, list) and len(bounds) == 2 and 0 < bounds[0] < bounds[1] and best["learning_rate"] > 0:
        place = math.log(best["learning_rate"] / bounds[0]) / math.log(bounds[1] / bounds[0])
        if place < EDGE or place > 1 - EDGE:
            found.append(f"learning rate {plain(best['learning_rate'])}")
    return found


def search_section(results: Results) -> Section:
    """What the search tried, what it spent on each model, and what mattered."""
    caption = (
        "Every trial of the search: its lowest validation loss against each setting that was varied. The ringed mark "
        "is each model's best. Where a cloud still falls towards an edge, the range was too narrow."
    )

    def make(match: str) -> list[Block]:
        number = results.matches.index(match) + 1
        pictures = [
            drawn
            for t, task in enumerate(results.tasks)
            if (drawn := search_figures.slice_picture(f"slices-{number}-{t + 1}", task, results, match, task))
        ]
        curves = tuning_figures.tuning_curves(results, match)
        return [Gallery(each, text) for each, text in ((pictures, caption), (curves, tuning_figures.CAPTION)) if each]

    summary = search_summary(results)
    return Section("search", "Search", [*by_match(results, make), *([summary] if summary else [])])
