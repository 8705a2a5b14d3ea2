"""All tasks of a comparison in one sentence, and which model to use if error, parameters or time matters most."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.analysis import stats
from bench.analysis.confirmed import skills, tasks_in
from bench.analysis.formatting import MISSING, interval, is_missing, listed, number, score, seconds, whole
from bench.analysis.model_pairs import Comparison, comparisons
from bench.analysis.results import Results
from bench.analysis.verdicts import verdicts
from bench.report.document import Cell, Finding, Row, Table
from bench.seeds import generator

SOLVES = 0.5  # of the seeds: a model that solves fewer is not recommended for its size or speed


def overall(results: Results, match: str) -> Finding | None:
    """One finding over all tasks: skill of each model, and on how many tasks a lead is settled; None for one task."""
    tasks = tasks_in(results, match)
    table = results.confirmed[results.confirmed["match"] == match]
    models = [model for model in results.models if (table["model"] == model).any()]
    if len(tasks) < 2:
        return None
    middles = {}
    for model in models:
        rng = generator("report", "interquartile_mean", match, results.models.index(model))
        middles[model] = stats.interquartile_mean(skills(results, match, model, tasks), rng=rng)
    known = sorted((m for m in models if not is_missing(middles[m].value)), key=lambda m: -middles[m].value)
    if not known:
        return Finding("all tasks", f"Over {len(tasks)} tasks, no training ended well.", (), "not settled")
    parts = [_standing(model, middles[model]) for model in known[:4]]
    rest = f"; {len(known) - 4} more follow" if len(known) > 4 else ""
    headline = f"Over {len(tasks)} tasks, the mean of the middle half of skills is {'; '.join(parts)}{rest}."
    found = [verdict for verdict in verdicts(results) if verdict.match == match]
    won = {model: [v.task for v in found if v.winner == model] for model in models}
    notes = [f"{model} has the lowest test loss on {listed(won[model])}." for model in models if won[model]]
    open_tasks = [verdict.task for verdict in found if not verdict.settled and not verdict.equal]
    if open_tasks and len(models) > 1:
        notes.append(f"Not settled: {listed(open_tasks)}.")
    swept = [model for model in models if len(won[model]) == len(tasks)]
    place = results.models.index(swept[0]) if swept else None
    state = "settled" if swept else ("one model" if len(models) == 1 else "not settled")
    if won and not swept and any(won.values()):
        state = "it depends"
    return Finding("all tasks", headline, tuple(notes), state, place)


def _standing(model: str, middle: stats.Estimate) -> str:
    bounds = interval(middle.low, middle.high, 2)
    return f"{score(middle.value, 2)} for {model} ({f'95 % interval {bounds}, ' if bounds else ''}{middle.n} runs)"


@dataclass(frozen=True)
class Candidate:
    """A model on a task, with what a choice looks at. `good`: nothing is known to be better, or it solves the task."""

    model: str
    loss: float
    parameters: float
    seconds_to_target: float
    step_seconds: float
    good: bool


def choices(results: Results, match: str) -> Table | None:
    """The model to use if error, parameters or training time matters most: a row a task, and one for all.

    None where there is nothing to choose from.
    """
    pairs = [pair for pair in comparisons(results) if pair.match == match]
    rows = []
    for task in tasks_in(results, match):
        candidates = _candidates(results, match, task, [pair for pair in pairs if pair.task == task])
        if len(candidates) > 1:
            cells = [Cell(task), *_by_error(candidates, pairs, task), _smallest(candidates), _fastest(candidates)]
            rows.append(Row(cells, "model"))
    if len(rows) > 1:
        rows.insert(0, Row([Cell("all tasks"), *(_mostly([row.cells[i].text for row in rows]) for i in (1, 2, 3))]))
    header = ("Task", "If error matters most", "If parameters matter most", "If training time matters most")
    caption = (
        "Parameters and time choose among the models that solve at least half of their seeds; where none does, among "
        "those whose test loss no other model is known to beat. Time is the median time to target, at the step time "
        "measured alone on the machine; where no target was reached, the time of a step."
    )
    return Table("What to use", header, rows, caption, texts=4) if rows else None


def _mostly(models: list[str]) -> Cell:
    """The model that is the choice on more than half of the tasks."""
    model, times = Counter(models).most_common(1)[0]
    if model == MISSING or times * 2 <= len(models):
        return Cell("it depends on the task")
    return Cell(model, f"the choice on {times} of {len(models)} tasks")


def _candidates(results: Results, match: str, task: str, pairs: list[Comparison]) -> list[Candidate]:
    table = results.summary
    table = table[(table["match"] == match) & (table["task"] == task) & (table["kind"] == "model") & (table["n"] > 0)]
    rows: list[dict[Any, Any]] = table.to_dict("records")
    solves = [row for row in rows if not is_missing(row["solve_rate"]) and row["solve_rate"] >= SOLVES]
    beaten = {pair.second if pair.effect < 1 else pair.first for pair in pairs if pair.settled}
    found = []
    for row in rows:
        steps, step = _float(row["steps_to_target_median"]), _float(row["step_seconds"])
        good = row in solves if solves else row["model"] not in beaten
        losses = results.confirmed
        own = losses[(losses["match"] == match) & (losses["task"] == task) & (losses["model"] == row["model"])]
        loss = float(np.exp(np.log(own[own["status"] == "ok"]["test_loss"].clip(lower=1e-300)).mean()))
        found.append(Candidate(row["model"], loss, _float(row["parameter_count"]), steps * step, step, good))
    return found


def _float(value: Any) -> float:
    return math.nan if is_missing(value) else float(value)


def _by_error(candidates: list[Candidate], pairs: list[Comparison], task: str) -> list[Cell]:
    known = [c for c in candidates if c.loss == c.loss]
    if not known:
        return [Cell(MISSING)]
    best = min(known, key=lambda c: c.loss)
    beaten = {
        (p.second if p.effect < 1 else p.first)
        for p in pairs
        if p.task == task and p.settled and best.model in (p.first, p.second)
    }
    near = [c.model for c in known if c is not best and c.model not in beaten]
    note = f"test loss {number(best.loss)}" + (f"; not told apart from {listed(near[:4])}" if near else "")
    return [Cell(best.model, note)]


def _smallest(candidates: list[Candidate]) -> Cell:
    known = [c for c in candidates if c.good and c.parameters == c.parameters]
    if not known:
        return Cell(MISSING, "nothing to choose from")
    best = min(known, key=lambda c: c.parameters)
    same = [c.model for c in known if c is not best and c.parameters == best.parameters]
    return Cell(best.model, f"{whole(best.parameters)} parameters" + (f", as {listed(same[:4])}" if same else ""))


def _fastest(candidates: list[Candidate]) -> Cell:
    good = [c for c in candidates if c.good]
    reached = [c for c in good if c.seconds_to_target == c.seconds_to_target]
    if reached:
        best = min(reached, key=lambda c: c.seconds_to_target)
        return Cell(best.model, f"{seconds(best.seconds_to_target)} to target")
    timed = [c for c in good if c.step_seconds == c.step_seconds]
    if timed:
        best = min(timed, key=lambda c: c.step_seconds)
        return Cell(best.model, f"{seconds(best.step_seconds)} a step")
    return Cell(MISSING, "not timed")
