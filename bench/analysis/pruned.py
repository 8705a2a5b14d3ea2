"""What a search that stops trials early (`--prune`) made of them: how many went on, and how far."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from bench.analysis.formatting import counted, listed
from bench.analysis.recorded import Recorded
from bench.analysis.result_rows import BUDGET_STEPS, stopped_early
from bench.analysis.search_trials import configurations

FRACTIONS = {1 / 9: "about a ninth", 1 / 3: "about a third"}
NEAR = 0.25  # relative: stops lie on evaluations, so hardly one is exactly at a third of the steps


def pruning_sentence(results: Recorded) -> str | None:
    """How many configurations a search stopped, and after how many steps; None where nothing was stopped early."""
    table = results.trainings[results.trainings["stage"].isin(("trial", "search"))]
    if not stopped_early(table).any():
        return None
    last = configurations(table)
    last = last.assign(share=[_share(*steps) for steps in zip(last["steps"], last[BUDGET_STEPS], strict=True)])
    groups = last.groupby(["match", "task", "model", "replicate"], sort=False)["share"]
    searches = [tuple(sorted(shares)) for _, shares in groups]
    over = Counter(shares for shares in searches if shares[0] < 1 == shares[-1])
    said = "The search stopped trials early by comparing them (--prune)"
    selected = "Only a training to the end is selected."
    if not over:
        return f"{said}; none has been trained to the end yet. {selected}"
    (shares, times), *others = over.most_common()
    parts = [
        f"{_were(n)} trained to the end" if share == 1 else f"{_were(n)} stopped after {_words(share)} of the steps"
        for share, n in sorted(Counter(shares).items())
    ]
    often = f" in {times:,} of {over.total():,} searches," if others else ""
    whose = "the search" if results.searched_once else "each replicate"
    tried = f"of the {counted(len(shares), 'configuration')} that {whose} tries"
    return f"{said}: {tried},{often} {listed(parts)}. {selected}"


def _share(steps: Any, budget: Any) -> float:
    """The part of a whole training that one was given; 1 for a whole one."""
    if pd.isna(budget):
        return 1.0
    share = float(steps) / float(budget)
    return next((named for named in FRACTIONS if abs(share / named - 1) < NEAR), round(share, 2))


def _words(share: float) -> str:
    return FRACTIONS.get(share) or f"{100 * share:.0f} %"


def _were(n: int) -> str:
    return f"{n} {'was' if n == 1 else 'were'}"
