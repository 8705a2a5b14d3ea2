"""In what respect a comparison is fair: which sizes and depths each model may have in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MatchKind = Literal["tuned", "hidden", "params", "flops", "state", "time", "each"]
BY_AMOUNT: tuple[MatchKind, ...] = ("params", "flops", "state", "time")  # of which all models have equally much
TOLERANCES: dict[str, float] = {**dict.fromkeys(BY_AMOUNT, 0.05), "time": 0.10}  # times vary from one hour to the next


@dataclass(frozen=True)
class Matching:
    """One comparison of an experiment.

    label: what records call it (`match`). kind: in what respect. hidden_sizes, layers: what may be chosen.
    parameters: for kind "params", the budget; None: as many as the middle model has at that size.
    """

    label: str
    kind: MatchKind
    hidden_sizes: tuple[int, ...]
    layers: tuple[int, ...]
    parameters: int | None = None


def matchings(
    kinds: Sequence[MatchKind], hidden_sizes: tuple[int, ...], layers: tuple[int, ...], parameter_budgets: Sequence[int]
) -> list[Matching]:
    """The comparisons for the kinds that were asked for.

    tuned: every size and depth is open, and each model has its own best. hidden: the middle of the sizes and the first
    of the depths, for every model. params, flops, state, time: that depth, and the hidden size at which each model has
    the amount nearest to that of the middle model; of parameters to each budget, where any are given. each: a
    comparison for every size and depth, so that they stand side by side.
    """
    middle, first = (sorted(hidden_sizes)[len(hidden_sizes) // 2],), layers[:1]
    found: list[Matching] = []
    for kind in kinds:
        if kind == "tuned":
            found.append(Matching(kind, kind, hidden_sizes, layers))
        elif kind == "params" and parameter_budgets:
            found += [Matching(f"params {budget}", kind, middle, first, budget) for budget in parameter_budgets]
        elif kind == "each":
            found += [Matching(f"hidden {h}×{n}", kind, (h,), (n,)) for n in layers for h in hidden_sizes]
        else:
            found.append(Matching(kind, kind, middle, first))
    return found
