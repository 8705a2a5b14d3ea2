"""Whether a task needs more replicates: what `--until-settled` asks after each of them."""

from __future__ import annotations

from typing import Any

from bench.analysis import stats
from bench.analysis.levels import ENOUGH, FUTILE, LEVEL
from bench.analysis.results import Results
from bench.analysis.verdict import Verdict
from bench.seeds import generator


def states(results: Results, cap: int) -> dict[tuple[str, str], str]:
    """For each (match, task) with results: "settled", "equal", "futile" or "open".

    settled: one cell has the lowest loss; with a single cell: it, or the best predictor without a recurrent net, has.
    equal: practically equal within the margin. futile: the predictive chance of being settled with `cap` replicates is
    below 5 %, or there is nothing to compare. open: more replicates may tell.
    """
    found = results.conclusions.bare_verdicts
    return {(v.match, v.task): _state(results, v, cap, LEVEL / len(found)) for v in found}


def _state(results: Results, verdict: Verdict, cap: int, level: float) -> str:
    pair = verdict.nearest or verdict.need.pair
    if verdict.state in ("settled", "equal"):
        return verdict.state
    if verdict.nearest is None and verdict.need.state in ("yes", "no"):
        return "settled"
    if pair is None:
        return "futile"
    cap = min(cap, results.series.get(verdict.task) or cap)  # a series has no more origins than its rows allow
    if pair.n < max(ENOUGH, results.first_look or 0):
        return "open" if pair.n < cap else "futile"
    if any(pair.failed):  # a failure has no size to predict from
        return "open" if pair.n < cap else "futile"
    rng = generator("analysis", "futility", verdict.match, verdict.task)
    looks: dict[str, Any] = {"first_look": results.first_look or stats.FIRST_LOOK, "overlap": pair.overlap}
    chance = stats.settle_chance(pair.differences, cap, rng=rng, level=level, **looks)
    return "open" if chance >= FUTILE else "futile"
