"""Which model to use if loss, parameters or training time matters most."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.analysis.contenders import BestReference
from bench.analysis.formatting import change, counted, is_missing, listed, number, seconds, whole
from bench.analysis.levels import ENOUGH, NEAR
from bench.analysis.results import Results
from bench.analysis.timing_conditions import is_rough
from bench.analysis.verdict import Verdict
from bench.analysis.verdict_words import unit_of

NOTHING = {"recurrent net": "nothing recurrent", "net": "no net"}
SOLVES = 0.5  # of the replicates: a model that solves fewer is not recommended for its size or speed


@dataclass(frozen=True)
class Choice:
    """What to use, and why in a few words. `name` is empty where there is nothing to choose from."""

    name: str
    why: str


@dataclass(frozen=True)
class Choices:
    """The choices on a task if loss, parameters or training time matters most; None for what the rule makes equal."""

    task: str
    by_loss: Choice
    by_parameters: Choice | None
    by_time: Choice | None


def choices(results: Results, match: str) -> tuple[Choices, ...]:
    """One a task with more than one model, or with a predictor without a net that is as good or ahead.

    None at all where nothing can be chosen on any task, as with too few replicates.
    """
    own = [verdict for verdict in results.verdicts if verdict.match == match]
    found = [(verdict, chosen) for verdict in own if (chosen := _chosen(results, verdict)) is not None]
    if not any(choice.name for _, chosen in found for choice in chosen):
        return ()
    kind = match.partition(" ")[0]  # "params 1000"
    return tuple(
        Choices(verdict.task, error, None if kind == "params" else parameters, None if kind == "time" else time)
        for verdict, (error, parameters, time) in found
    )


def mostly(names: Sequence[str]) -> Choice:
    """The model that is the choice on more than half of the tasks on which there is one."""
    chosen = [name for name in names if name]
    if not chosen:
        return Choice("", "")
    name, times = Counter(chosen).most_common(1)[0]
    if times * 2 <= len(chosen):
        return Choice("it depends on the task", "")
    return Choice(name, f"the choice on {times} of {counted(len(chosen), 'task')}")


def _chosen(results: Results, verdict: Verdict) -> tuple[Choice, Choice, Choice] | None:
    """By error, by parameters and by time; None where there is nothing to choose from."""
    need = verdict.need
    if need.reference is not None and need.state == "no":
        needless = Choice(NOTHING[verdict.net], f"use {need.reference.name}")
        return needless, needless, needless
    if need.reference is not None and need.reference_leads:
        same = Choice(need.reference.name, "")
        return Choice(same.name, _why_reference(results, verdict, need.reference)), same, same
    candidates = _candidates(results, verdict)
    if len(candidates) < 2:
        return None
    pair = verdict.nearest or need.pair
    n = pair.n if pair is not None else max(candidate.n for candidate in candidates)
    if n < ENOUGH:
        return (
            Choice("", f"{counted(n, unit_of(results, verdict))}; {ENOUGH} are needed"),
            Choice("", ""),
            Choice("", ""),
        )
    by_loss, smallest, fastest = _by_loss(verdict), _smallest(candidates), _fastest(candidates)
    if need.reference is None or need.state != "can't tell yet":
        return by_loss, smallest, fastest
    name = need.reference.name
    by_loss = replace(by_loss, why=f"{by_loss.why}; no net is known to beat {name}")
    return _or(by_loss, name), _or(smallest, name), _or(fastest, name)


def _why_reference(results: Results, verdict: Verdict, reference: BestReference) -> str:
    """The reference's loss, and how far behind the best net is."""
    net, pair = verdict.ranking[0][0], verdict.need.pair
    loss = f"test loss {number(10**reference.typical)}"
    if pair is None:
        return loss
    if pair.failed[0]:
        return f"{loss}; {net} failed in {pair.failed[0]} of {counted(pair.n, unit_of(results, verdict))}"
    best = f"the best net, {net}," if len(verdict.ranking) > 1 else net
    return f"{loss}; that of {best} is {change(pair.effect)}"


def _or(choice: Choice, reference: str) -> Choice:
    """The choice with the reference beside it, which nothing is known to beat."""
    return replace(choice, name=f"{choice.name}, or {reference}") if choice.name else choice


@dataclass(frozen=True)
class _Candidate:
    """A model on a task. n: replicates that finished. good: it solves the task; or, if none does, no model is known to
    be better and its loss is near the lowest."""

    model: str
    n: int
    loss: float
    parameters: float
    seconds_to_target: float
    step_seconds: float
    good: bool
    rough: bool = False


def _candidates(results: Results, verdict: Verdict) -> list[_Candidate]:
    table = results.rows("summary", verdict.match, verdict.task)
    rows: list[dict[Any, Any]] = table[(table["kind"] == "model") & (table["n"] > 0)].to_dict("records")
    solves = [row["model"] for row in rows if not is_missing(row["solve_rate"]) and row["solve_rate"] >= SOLVES]
    cells = {model: each.name for each in results.conclusions.contenders for model in each.implementations}
    losses = dict(verdict.ranking)
    found = []
    for row in rows:
        model, cell = row["model"], cells[row["model"]]
        loss = losses.get(cell, math.inf)
        near = cell in verdict.unbeaten and loss <= NEAR * min(losses.values(), default=math.inf)
        good = model in solves if solves else near
        steps, step = _float(row["steps_to_target_median"]), _float(row["step_seconds"])
        found.append(
            _Candidate(
                model, int(row["n"]), loss, _float(row["parameter_count"]), steps * step, step, good, is_rough(row)
            )
        )
    return found


def _float(value: Any) -> float:
    return math.nan if is_missing(value) else float(value)


def _by_loss(verdict: Verdict) -> Choice:
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
        best = _best_of_near(reached, [c.seconds_to_target for c in reached])
        return Choice(best.model, f"{seconds(best.seconds_to_target)} to target{', rough' * best.rough}")
    if timed := [c for c in good if not math.isnan(c.step_seconds)]:
        best = _best_of_near(timed, [c.step_seconds for c in timed])
        return Choice(best.model, f"{seconds(best.step_seconds)} a step{', rough' * best.rough}")
    return Choice("", "not timed")


def _best_of_near(candidates: Sequence[_Candidate], times: Sequence[float]) -> _Candidate:
    """The one with the lowest loss of those whose time is near the lowest, which timings do not tell apart."""
    near = [c for c, time in zip(candidates, times, strict=True) if time <= NEAR * min(times)]
    return min(near, key=lambda c: c.loss)
