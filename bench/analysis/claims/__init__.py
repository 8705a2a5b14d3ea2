"""What people say about GRU, LSTM and plain RNN, each with what these results say of it.

    claims(results) -> verdicts: supported, refuted, not settled, or not measured here; with effect, interval, n, reason

A claim never reads better than its data: with fewer than 5 replicates it is not settled, and everything that is tested
is adjusted as one family (Holm), over all parts of all claims.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from bench.analysis import stats
from bench.analysis.claims.catalogue import CLAIMS
from bench.analysis.claims.claim import Claim, Verdict
from bench.analysis.claims.evidence import Evidence
from bench.analysis.claims.part import ENOUGH, LEVEL, Part, State
from bench.analysis.results import Results

__all__ = ["CLAIMS", "ENOUGH", "Claim", "Part", "State", "Verdict", "claims", "columns", "rows"]


def claims(results: Results | Sequence[Results], catalogue: Sequence[Claim] = CLAIMS) -> tuple[Verdict, ...]:
    """A verdict for each claim, from one experiment or several that belong together."""
    evidence = Evidence((results,) if isinstance(results, Results) else tuple(results))
    tested = [(claim, claim.test(evidence)) for claim in catalogue]
    parts = [part for _, found in tested for part in found]
    adjusted = stats.holm([part.p if part.state is None and part.n >= ENOUGH else math.nan for part in parts])
    settled = iter([_settle(part, float(p)) for part, p in zip(parts, adjusted, strict=True)])
    verdicts = []
    for claim, found in tested:
        own = tuple(next(settled) for _ in found)
        verdicts.append(Verdict(claim, claim.verdict(own), own))
    return tuple(verdicts)


def _settle(part: Part, p: float) -> Part:
    """A part with its state. Nothing is settled by fewer than `ENOUGH`, whatever p."""
    if part.state is not None:
        return part
    if part.n < ENOUGH:
        few = f"{part.n} {'is' if part.n == 1 else 'are'} too few, {ENOUGH} are needed"
        return replace(part, state="not settled", why="; ".join(filter(None, (part.why, few))))
    state: State = "not settled"
    if p < LEVEL:
        state = "supported" if part.p_for < part.p_against else "refuted"
    return replace(part, state=state)


columns = ("No.", "Claim", "Verdict", "Why", "Source")


def rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """The verdicts as rows of text, for `columns`."""
    return [(str(v.claim.number), v.claim.statement, v.state, v.why, v.claim.source) for v in verdicts]
