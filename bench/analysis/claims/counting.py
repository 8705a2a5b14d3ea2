"""The claim about counting: how far beyond the trained lengths a net counts, once it has learnt those."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.analysis.claims.evidence import Evidence, Row, keep
from bench.analysis.claims.pairs import Measure, cases
from bench.analysis.claims.part import Part
from bench.analysis.claims.tested import mean_part, on_every, ratio_above, ratio_below

if TYPE_CHECKING:
    import pandas as pd

COUNTS = 2.0  # times the longest trained n, without a mistake


def counting(evidence: Evidence) -> list[Part]:
    """Up to which n, as a multiple of the longest trained: LSTM beyond twice, GRU not; and LSTM beyond GRU.

    Of trainings that learnt the trained range: one that fails there says nothing about counting beyond it.
    """
    every = {name: _counted(evidence, cell) for name, cell in (("LSTM", "lstm"), ("GRU", "gru"))}
    learnt = {
        name: keep(table, [_reach(row) >= 1 for row in table.to_dict("records")]) for name, table in every.items()
    }
    lstm, gru = learnt["LSTM"], learnt["GRU"]
    finding = "it counts to {} times the longest trained n"
    parts = [
        mean_part("LSTM counts", finding, _logs(lstm), partial(ratio_above, bound=COUNTS), _nothing(every["LSTM"])),
        mean_part("GRU does not", finding, _logs(gru), partial(ratio_below, bound=COUNTS), _nothing(every["GRU"])),
    ]
    parts = [
        replace(part, why=part.why or _learnt_in(every[name], learnt[name]))
        for part, name in zip(parts, every, strict=True)
    ]
    pairs, nothing = cases(lstm, gru, REACH), "no replicate in which both learnt the trained range"
    beyond = on_every("LSTM beyond GRU", "LSTM's reach is {} times GRU's", pairs, ratio_above, nothing)
    return [*parts, beyond]


def _counted(evidence: Evidence, cell: str) -> pd.DataFrame:
    return evidence.independent(cell=cell, task_name="counting", init="default")


def _nothing(table: pd.DataFrame) -> str:
    return "the trained range was learnt in no replicate" if len(table) else "no counting task was trained"


def _learnt_in(every: pd.DataFrame, learnt: pd.DataFrame) -> str:
    return (
        f"to count means to pass {COUNTS:g} times the longest trained n; the trained range was learnt in "
        f"{len(learnt)} of {len(every)} trainings"
    )


def _reach(row: Row) -> float:
    """The n up to which a net counts without a mistake, over the longest it was trained on; 0 for a failure."""
    if row["failed"] or "counts_to" not in row["metrics"]:
        return 0.0
    return float(row["metrics"]["counts_to"]) / float(row["task_parameters"]["longest"])


REACH = Measure(lambda row: math.log(_reach(row)), lower_is_better=False)


def _logs(table: pd.DataFrame) -> list[float]:
    """Logarithm of the reach of each replicate, a mean over comparisons and experiments."""
    found: dict[Any, list[float]] = {}
    for row in table.to_dict("records"):
        found.setdefault(row["replicate"], []).append(REACH.value(row))
    return [sum(values) / len(values) for values in found.values()]
