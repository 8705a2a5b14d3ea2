"""What people say about GRU, LSTM and plain RNN, each with what these results say of it.

    claims(results) -> judgements: a state (`State`) for each claim, and its parts with effect, interval, n and reason

A claim never reads better than its data: with fewer than 5 replicates it is not settled, and everything that is tested
is adjusted as one family (Holm), over all parts of all claims.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from bench.analysis import stats
from bench.analysis.claims.catalogue import CLAIMS
from bench.analysis.claims.claim import Claim, Judgement
from bench.analysis.claims.evidence import Evidence
from bench.analysis.claims.part import WORDS, Part, State
from bench.analysis.levels import ENOUGH, LEVEL
from bench.analysis.recorded import Recorded

__all__ = ["CLAIMS", "RULE", "WORDS", "Claim", "Judgement", "Part", "State", "caveat", "claims"]

RULE = (
    "A claim counts as supported or refuted only if it stays significant after Holm's correction over everything that "
    f"was tested, with at least {ENOUGH} replicates; a training that failed counts as the worst result."
)


def claims(results: Recorded | Sequence[Recorded]) -> tuple[Judgement, ...]:
    """A judgement of each claim, from one experiment or several that belong together."""
    evidence = Evidence(_several(results))
    tested = [(claim, claim.test(evidence)) for claim in CLAIMS]
    parts = [part for _, found in tested for part in found]
    adjusted = stats.holm([part.p if part.state is None and part.n >= ENOUGH else math.nan for part in parts])
    settled = iter([_settle(part, float(p)) for part, p in zip(parts, adjusted, strict=True)])
    judgements = []
    for claim, found in tested:
        own = tuple(next(settled) for _ in found)
        judgements.append(Judgement(claim, claim.judge(own), own))
    return tuple(judgements)


def caveat(results: Recorded | Sequence[Recorded]) -> str:
    """What must be said where one search chose the configuration of all replicates; empty where none did."""
    trainings = Evidence(_several(results)).trainings
    once = trainings[trainings["searched_once"].astype(bool)]["experiment"].unique()
    if not len(once):
        return ""
    return (
        f"In {', '.join(once)} one search chose the configuration of all replicates: what is said of these trainings "
        "holds for that configuration, and the intervals do not cover the search (--tune each covers it)."
    )


def _several(results: Recorded | Sequence[Recorded]) -> tuple[Recorded, ...]:
    return (results,) if isinstance(results, Recorded) else tuple(results)


def _settle(part: Part, p: float) -> Part:
    """A part with its state. Nothing is settled by fewer than `ENOUGH`, whatever p."""
    if part.state is not None:
        return part
    if part.n < ENOUGH:
        few = f"{part.n} {'is' if part.n == 1 else 'are'} too few, {ENOUGH} are needed"
        return replace(part, state="not_settled", why="; ".join(filter(None, (part.why, few))))
    state: State = "not_settled"
    if p < LEVEL:
        state = "supported" if part.p_for < part.p_against else "refuted"
    return replace(part, state=state)
