"""Where a question of a verdict is open: what would have been found, what would tell, and what will do until then."""

from __future__ import annotations

import math

import numpy as np

from bench.analysis import stats
from bench.analysis.formatting import counted, trimmed
from bench.analysis.levels import ENOUGH
from bench.analysis.model_pairs import PairComparison
from bench.analysis.recorded import Recorded
from bench.analysis.verdict import Family, Verdict
from bench.seeds import generator

CAPS = (20, 56)  # replicates that a reader may think of next
POWER = 0.8


def prospects(results: Recorded, verdict: Verdict) -> list[str]:
    """Sentences, none where nothing is open, where too few replicates were run, or where one failed."""
    said = []
    pair, need = verdict.nearest, verdict.need
    winner_open = verdict.state == "not settled" and _is_tested(pair)
    need_open = need.state == "can't tell yet" and _is_tested(need.pair)
    if need_open and need.reference is not None:
        name = need.reference.name
        until = f"until it is clear whether a {verdict.net} is needed, {name} will do: no net is known to beat it"
        behind = f"use {name} until a net is known to beat it: its loss is lower"
        said.append(behind if need.side == "reference" else until)
    if winner_open and pair is not None:
        said += _found(results, verdict, pair)
    if verdict.task in results.series:
        return [*said, *_more_origins(results, verdict)] if winner_open or need_open else said
    if winner_open and pair is not None:
        said += _chance(verdict, pair, verdict.family, what="of being settled with {} replicates")
    elif need_open and need.pair is not None:
        tell = "that {} replicates tell whether one is needed"
        said += _chance(verdict, need.pair, need.family, need.cells, what=tell)
    return said


def _is_tested(pair: PairComparison | None) -> bool:
    return pair is not None and pair.n >= ENOUGH and not any(pair.failed)


def _found(results: Recorded, verdict: Verdict, pair: PairComparison) -> list[str]:
    """The difference that most such experiments would have found."""
    spread = float(np.std(pair.differences, ddof=1)) * math.sqrt(1 + pair.n * pair.overlap)
    if results.first_look is not None or not spread > 0:
        return []
    least = 10 ** stats.detectable_difference(spread, pair.n, level=verdict.family.level, power=POWER)
    size = f"{100 * (least - 1):.0f} %" if least < 1.2 else f"a factor {trimmed(least)}"
    return [f"a difference of {size} would have been found in 4 of 5 such experiments"]


def _more_origins(results: Recorded, verdict: Verdict) -> list[str]:
    """A series has no more origins to offer than its rows allow."""
    blocks, pair = results.series[verdict.task], verdict.nearest or verdict.need.pair
    if pair is None or not blocks:  # how many there are was not recorded
        return []
    if pair.n < blocks:
        return [f"the rows allow {counted(blocks, 'forecast origin')}: --replicates {blocks} takes all of them"]
    return [f"the rows allow no more than these {counted(blocks, 'forecast origin')}, so only more rows would tell"]


def _chance(verdict: Verdict, pair: PairComparison, family: Family, firsts: int = 1, *, what: str) -> list[str]:
    """How likely more replicates are to tell, corrected over `family`, and where they speak for the first of the pair
    for being the best of `firsts` that were compared; `what` has a place for their number."""
    cap = next((cap for cap in CAPS if cap > pair.n), None)
    if cap is None:
        return []
    rng = generator("report", "settle", verdict.match, verdict.task)
    chance = stats.settle_chance(pair.differences, cap, rng=rng, level=family.level, below=firsts, overlap=pair.overlap)
    return [f"the chance {what.format(cap)} is {_percent(chance)}"] if math.isfinite(chance) else []


def _percent(chance: float) -> str:
    """To 5 %, which is what 400 simulated futures give."""
    percent = 5 * round(20 * chance)
    return "below 5 %" if percent < 5 else "above 95 %" if percent > 95 else f"{percent} %"
