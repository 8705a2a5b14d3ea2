"""The report's content from results, in the order in which a person asks: who won, by how much, how do I know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from bench.analysis.formatting import seconds
from bench.analysis.results import Results
from bench.analysis.search_trials import configurations
from bench.report.crowds import without_crowds
from bench.report.document import Document, Section
from bench.report.drawing import with_figures
from bench.report.sections.claims import claims_section
from bench.report.sections.curves import curves_section
from bench.report.sections.failures import failures_section
from bench.report.sections.fairness import fairness_section
from bench.report.sections.gradients import gradients_section
from bench.report.sections.horizons import horizons_section
from bench.report.sections.leaderboard import leaderboard_section
from bench.report.sections.made import made_section
from bench.report.sections.models import models_section
from bench.report.sections.outcome import outcome_section
from bench.report.sections.pairwise import pairwise_section
from bench.report.sections.predictions import predictions_section
from bench.report.sections.reading import reading_section
from bench.report.sections.scaling import scaling_section
from bench.report.sections.search import search_section
from bench.report.sections.verdict import verdict_section

EARLIER = 4  # times the run: trainings that took so much longer were mostly made by an earlier one


def document(results: Results, tables: Mapping[str, str] | None = None, *, crowds: bool = False) -> Document:
    """The report of an experiment, finished or not. tables: names of table files with addresses, to link to.

    crowds: with all figures, also where there are too many for a page.
    """
    makers: list[Callable[[Results], Section]] = [
        *(verdict_section, leaderboard_section, curves_section, horizons_section, outcome_section, scaling_section),
        *(fairness_section, pairwise_section, claims_section, gradients_section, predictions_section, models_section),
        *(search_section, failures_section, partial(made_section, tables=tables or {}), reading_section),
    ]
    made = [partial(make, results) for make in makers]
    sections = with_figures(made if crowds else [partial(_without_crowds, make, results) for make in made])
    title, done = results.name, _status(results)
    shown = [replace(section, folded=i > 0) for i, section in enumerate(sections) if section.blocks]  # but the verdict
    return Document(title, done, done == "complete", _facts(results), shown)


def _without_crowds(make: Callable[[], Section], results: Results) -> Section:
    return without_crowds(make(), results)


def _status(results: Results) -> str:
    status = str(results.manifest.get("status") or "complete")
    done, planned = results.progress
    return status if status == "complete" else f"{status}: {done} of {planned or '?'} trainings and measurements"


def _trained(settings: Mapping[str, Any]) -> str:
    """The optimiser and the learning rate's schedule, where they are not the usual ones."""
    name, schedule, warmup = (settings.get(key) for key in ("optimizer", "schedule", "warmup"))
    parts = [str(name)] if name and name != "adam" else []
    parts += [f"{schedule} schedule"] if schedule else []
    parts += [f"{warmup:,} warm-up steps"] if warmup else []
    return ", ".join(parts)


def _configurations(results: Results) -> str:
    """How many configurations the trainings are of, where `--prune` trained some of them several times."""
    searching = results.trainings[results.trainings["stage"].isin(("trial", "search"))]
    tried = len(configurations(searching))
    return f" for {tried:,} trials" if tried < len(searching) else ""


def _facts(results: Results) -> list[str]:
    def several(n: int, word: str) -> str:
        return f"{n:,} {word}{'' if n == 1 else 's'}"

    settings, device = results.settings, results.manifest.get("device") or {}
    facts = [several(len(results.models), "model"), several(len(results.tasks), "task")]
    facts.append(several(len(results.trainings), "training") + _configurations(results))
    facts.append(f"protocol {results.protocol}")
    facts += [f"budget {settings['budget']}{_amounts(settings)}"] if settings.get("budget") else []
    facts += [_trained(settings)] if _trained(settings) else []
    facts += [f"device {device['picked']}"] if device.get("picked") else []
    taken, trained = results.manifest.get("seconds"), results.trainings["wall_seconds"].sum()
    if taken is None:
        return facts
    earlier = f" (trainings: {seconds(trained)}, added up)" if trained > EARLIER * taken else ""
    return [*facts, f"{seconds(taken)}{earlier}"]


def _amounts(settings: Mapping[str, Any]) -> str:
    """Replicates and trials, which may differ from those of the budget."""
    known = [f"{settings[name]} {name}" for name in ("replicates", "trials") if settings.get(name)]
    return f" ({', '.join(known)})" if known else ""
