"""Which model to use if error, parameters or training time matters most."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.analysis.formatting import is_missing, listed, number, seconds, whole
from bench.analysis.results import Results
from bench.analysis.verdicts import Verdict

NOTHING = {"recurrent net": "nothing recurrent", "net": "no net"}
SOLVES = 0.5  # of the replicates: a model that solves fewer is not recommended for its size or speed


@dataclass(frozen=True)
class Choice:
    """What to use, and why in a few words. `name` is empty where there is nothing to choose from."""

    name: str
    why: str


@dataclass(frozen=True)
class Choices:
    """The choices on a task if error, parameters or training time matters most."""

    task: str
    by_error: Choice
    by_parameters: Choice
    by_time: Choice


def choices(results: Results, match: str) -> tuple[Choices, ...]:
    """One a task with more than one model, or with a predictor that makes all of them needless."""
    found = []
    for verdict in (verdict for verdict in results.verdicts if verdict.match == match):
        if verdict.need.state == "no" and verdict.need.reference is not None:
            needless = Choice(NOTHING[verdict.net], f"use {verdict.need.reference.name}")
            found.append(Choices(verdict.task, needless, needless, needless))
        elif len(candidates := _candidates(results, verdict)) > 1:
            found.append(Choices(verdict.task, _by_error(verdict), _smallest(candidates), _fastest(candidates)))
    return tuple(found)


def mostly(names: Sequence[str]) -> Choice:
    """The model that is the choice on more than half of the tasks."""
    name, times = Counter(names).most_common(1)[0]
    if not name or times * 2 <= len(names):
        return Choice("it depends on the task", "")
    return Choice(name, f"the choice on {times} of {len(names)} tasks")


@dataclass(frozen=True)
class _Candidate:
    """A model on a task. good: it solves the task, or where none does, nothing is known to be better."""

    model: str
    parameters: float
    seconds_to_target: float
    step_seconds: float
    good: bool


def _candidates(results: Results, verdict: Verdict) -> list[_Candidate]:
    table = results.summary
    table = table[(table["match"] == verdict.match) & (table["task"] == verdict.task) & (table["kind"] == "model")]
    rows: list[dict[Any, Any]] = table[table["n"] > 0].to_dict("records")
    solves = [row["model"] for row in rows if not is_missing(row["solve_rate"]) and row["solve_rate"] >= SOLVES]
    cells = {model: each.name for each in results.conclusions.contenders for model in each.implementations}
    found = []
    for row in rows:
        model = row["model"]
        good = model in solves if solves else cells[model] in verdict.unbeaten
        steps, step = _float(row["steps_to_target_median"]), _float(row["step_seconds"])
        found.append(_Candidate(model, _float(row["parameter_count"]), steps * step, step, good))
    return found


def _float(value: Any) -> float:
    return math.nan if is_missing(value) else float(value)


def _by_error(verdict: Verdict) -> Choice:
    if not verdict.ranking:
        return Choice("", "every training failed")
    leader, loss = verdict.ranking[0]
    near = [name for name in verdict.unbeaten if name != leader]
    tied = f"; no clear difference from {listed(near[:4])}" if near else ""
    return Choice(leader, f"test loss {number(loss)}{tied}")


def _smallest(candidates: Sequence[_Candidate]) -> Choice:
    known = [c for c in candidates if c.good and not math.isnan(c.parameters)]
    if not known:
        return Choice("", "nothing to choose from")
    best = min(known, key=lambda c: c.parameters)
    same = [c.model for c in known if c is not best and c.parameters == best.parameters]
    return Choice(best.model, f"{whole(best.parameters)} parameters" + (f", as {listed(same[:4])}" if same else ""))


def _fastest(candidates: Sequence[_Candidate]) -> Choice:
    good = [c for c in candidates if c.good]
    if reached := [c for c in good if not math.isnan(c.seconds_to_target)]:
        best = min(reached, key=lambda c: c.seconds_to_target)
        return Choice(best.model, f"{seconds(best.seconds_to_target)} to target")
    if timed := [c for c in good if not math.isnan(c.step_seconds)]:
        best = min(timed, key=lambda c: c.step_seconds)
        return Choice(best.model, f"{seconds(best.step_seconds)} a step")
    return Choice("", "not timed")
