"""What belongs to a verdict besides: failures, solved replicates, steps, skew, what could have been found."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.analysis.formatting import (
    as_sentence,
    change,
    change_between,
    counted,
    listed,
    score,
)
from bench.analysis.levels import ENOUGH, LEVEL, NEGLIGIBLE
from bench.analysis.model_pairs import PairComparison
from bench.analysis.recorded import Recorded
from bench.analysis.search_trials import configurations
from bench.analysis.selected import selected_rows
from bench.analysis.steps import StepsComparison
from bench.analysis.verdict import Verdict
from bench.analysis.verdict_costs import cost, lighter
from bench.analysis.verdict_prospects import prospects


def notes(
    results: Recorded,
    verdict: Verdict,
    steps: StepsComparison | None,
    steps_adjusted: float,
    twins: Sequence[PairComparison],
) -> tuple[str, ...]:
    """Sentences. steps: the leader against its nearest rival; steps_adjusted: its p, corrected over tasks. twins:
    implementations of one cell on this task."""
    said = [
        *_failures(results, verdict),
        *_solved(results, verdict),
        *_steps(steps, steps_adjusted),
        *map(_twin, twins),
        *_skewed(verdict),
        *_skill_order(results, verdict),
        *prospects(results, verdict),
        *_without_recurrence(verdict),
        *lighter(results, verdict, twins),
        *cost(results, verdict),
        *_coverage(results, verdict),
    ]
    return tuple(as_sentence(text, results.models) for text in said)


def _failures(results: Recorded, verdict: Verdict) -> list[str]:
    table = selected_rows(results, verdict.match, verdict.task)
    said = []
    for model in (model for model in results.models if (table["model"] == model).any()):
        own = table[table["model"] == model]["status"]
        if failed := int((own != "ok").sum()):
            said.append(f"{model} failed in {failed} of {counted(len(own), 'replicate')}")
    return [f"{listed(said)}, which counts as the worst result"] if said else []


def _solved(results: Recorded, verdict: Verdict) -> list[str]:
    """In how many replicates each cell reached the target."""
    if verdict.task in results.without_target:
        return ["there is no target to reach: an untrained net already meets it"]
    table = selected_rows(results, verdict.match, verdict.task)
    counts: dict[str, tuple[int, int]] = {}
    for model in (name for name in results.models if name in dict(verdict.ranking)):
        rows = table[table["model"] == model]
        counts[model] = int((rows["steps_to_target"].notna() & (rows["status"] == "ok")).sum()), len(rows)
    if not counts:
        return []
    (first, (solved, n)), *rest = counts.items()
    if not any(solved for solved, _ in counts.values()):
        who = {1: f"{first} did not reach", 2: "neither reached"}.get(len(counts), "none of them reached")
        return [f"{who} the target in {'any of ' if n > 1 else ''}{counted(n, 'replicate')}"]
    if rest and all(count == (solved, n) for _, count in rest):
        who = "both" if len(counts) == 2 else f"all {len(counts)}"
        return [f"{who} reached the target in {solved} of {counted(n, 'replicate')}"]
    others = [f"{model} in {s}" if m == n else f"{model} in {s} of {m}" for model, (s, m) in rest]
    return [", ".join([f"{first} reached the target in {solved} of {counted(n, 'replicate')}", *others])]


def _steps(steps: StepsComparison | None, p_adjusted: float) -> list[str]:
    """Who reaches the target in fewer steps, where that is known, or that it is not."""
    if steps is None or steps.n < ENOUGH or not steps.ratio > 0:
        return []
    cut = ", runs that did not reach it counted with the whole budget" if steps.censored else ""
    bounds = (
        f"95 % interval {_steps_words(change_between(steps.low, steps.high))}, {counted(steps.n, 'replicate')}{cut}"
    )
    ratio = _steps_words(change(steps.ratio))
    than = f"{'as' if ratio.endswith('many') else 'than'} {steps.second}"
    if p_adjusted < LEVEL:
        return [f"{steps.first} reaches the target in {ratio} steps {than} ({bounds})"]
    return [f"in steps to the target no difference is clear ({steps.first} needs {ratio} {than}; {bounds})"]


def _steps_words(said: str) -> str:
    for word, of_steps in (("lower", "fewer"), ("higher", "more"), ("as high", "as many"), ("the same", "as many")):
        said = said.replace(word, of_steps)
    return said


def _twin(pair: PairComparison) -> str:
    """Whether two implementations of one cell agree; they are no rivals, whatever p says."""
    both = f"{pair.first} and {pair.second} are one cell implemented twice"
    if pair.equal:
        return f"{both}: their losses agree to within {100 * NEGLIGIBLE:g} %"
    if pair.settled:
        return f"{both}, and yet their losses differ ({pair.second}'s is {change(1 / pair.effect)}): one may be wrong"
    if not pair.effect > 0:
        return both
    between = change_between(pair.low, pair.high)
    return f"{both}: no clear difference between their losses" + (f" ({between})" if between != "anything" else "")


def _skewed(verdict: Verdict) -> list[str]:
    pair = verdict.nearest
    if pair is None or not pair.skewed or pair.n < ENOUGH or pair.effect > 1 or max(pair.differences) <= 0:
        return []
    return [f"{pair.first} is usually better than {pair.second} and rarely much worse"]


def _skill_order(results: Recorded, verdict: Verdict) -> list[str]:
    """A sentence where the mean skill contradicts the winner, as rare bad replicates make it do.

    Without a winner no order is claimed, and another order of the means says nothing.
    """
    if verdict.winner is None:
        return []
    table = results.rows("summary", verdict.match, verdict.task)
    table = table[table["n_failed"] == 0]
    skill = {str(model): float(value) for model, value in zip(table["model"], table["skill"], strict=True)}
    known = [name for name, _ in verdict.ranking if math.isfinite(skill.get(name, math.nan))]
    if len(known) < 2 or known[0] != verdict.leader:
        return []
    best = max(known, key=lambda name: skill[name])
    if skill[best] <= skill[known[0]]:
        return []
    order = f"{best} leads ({score(skill[best])} against {score(skill[known[0]])})"
    return [f"by mean skill {order}: rare bad replicates weigh more in a mean than in a geometric mean of losses"]


def _without_recurrence(verdict: Verdict) -> list[str]:
    if verdict.winner not in verdict.without_recurrence or verdict.need.state == "no":
        return []
    return [f"{verdict.winner} has no recurrence: no recurrent net is needed"]


def _coverage(results: Recorded, verdict: Verdict) -> list[str]:
    """What the interval leaves out."""
    table = results.rows("trainings", verdict.match, verdict.task)
    own = table[table["stage"] == "search"]
    trials = int(configurations(own).groupby("model").size().max()) if len(own) else 0
    if trials < 2:
        return []
    return [
        f"this holds at the configuration that one search of {trials} trials chose; the interval does not cover the "
        "search"
    ]
