"""Claims about learning: steps, error, long dependencies, initialisation, counting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.analysis.claims.evidence import (
    UNIT,
    Evidence,
    Row,
    difference_part,
    equivalence_part,
    keep,
    log_loss,
    log_restricted_steps,
    paired,
    ratio_part,
    skill,
)
from bench.analysis.claims.part import Part, State, combine, missing

if TYPE_CHECKING:
    import pandas as pd

CONTROLS = ("noise",)  # nothing to learn there
SHORT = ("sine", "regression", "series")  # windows of some ten steps
MARGIN = 1.25  # ratio of test losses that still counts as similar
VERY_LONG = 100  # steps
COUNTS = 2.0  # times the longest trained n, without a mistake


def _learnt(evidence: Evidence, cell: str, init: str = "default", **conditions: Any) -> pd.DataFrame:
    rows = evidence.where(cell=cell, init=init, **conditions)
    return keep(rows, ~rows["task_name"].isin(CONTROLS))


def fewer_steps(evidence: Evidence) -> list[Part]:
    """Ratio of restricted mean steps (geometric), GRU's over LSTM's; on tasks that any run of either solved."""
    parts = []
    for kind, what in (("hidden", "at equal hidden size"), ("params", "at equal parameters")):
        gru, lstm = (_learnt(evidence, cell, kind=kind) for cell in ("gru", "lstm"))
        solved = {*_solved_units(gru), *_solved_units(lstm)}
        gru, lstm = (keep(side, [unit in solved for unit in _units(side)]) for side in (gru, lstm))
        differences = paired(gru, lstm, log_restricted_steps)
        nothing = "no shared seeds on a task that either solves"
        part = ratio_part(what, differences, "GRU's steps are LSTM's times", below=True, nothing=nothing)
        parts.append(
            replace(
                part,
                why=part.why
                or f"over {len(solved)} task{'' if len(solved) == 1 else 's'}; unsolved runs are cut at their budget",
            )
        )
    return parts


def _units(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(table[UNIT].itertuples(index=False, name=None))


def _solved_units(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return _units(table[table["steps_to_target"].notna()])


def similar_error(evidence: Evidence) -> list[Part]:
    """Test losses of GRU and LSTM within a factor of `MARGIN`, over the tasks of short windows."""
    parts = []
    for kind, what in (("hidden", "at equal hidden size"), ("params", "at equal parameters")):
        gru, lstm = (_learnt(evidence, cell, kind=kind, task_name=SHORT) for cell in ("gru", "lstm"))
        unit = "GRU's test loss is LSTM's times"
        nothing = f"no shared seeds on {', '.join(SHORT)}"
        part = equivalence_part(what, paired(gru, lstm, log_loss), unit, MARGIN, nothing=nothing)
        parts.append(replace(part, why=part.why or f"similar means within a factor of {MARGIN}"))
    return parts


def long_memory(evidence: Evidence) -> list[Part]:
    """Skill of LSTM less that of GRU where the longest dependency has `VERY_LONG` steps or more."""
    parts = []
    for task, parameter in (("copy", "delay"), ("adding", "length")):
        table = evidence.where(task_name=task)
        spans = table["task_parameters"].map(lambda p, key=parameter: p.get(key) or 0)
        longest = int(spans.max()) if len(spans) else 0
        name = f"{task} at {parameter} {longest}" if longest else task
        if longest < VERY_LONG:
            why = f"the longest tried has {longest} steps; very long begins at {VERY_LONG}"
            parts.append(missing(name, why if longest else "not trained"))
            continue
        table = table[(spans == longest) & (table["init"] == "default")]
        lstm, gru = (table[table["cell"] == cell] for cell in ("lstm", "gru"))
        unit, nothing = "LSTM's skill is above GRU's by", "no shared seeds"
        parts.append(difference_part(name, paired(lstm, gru, skill), unit, below=False, nothing=nothing))
    return parts


def forget_bias(evidence: Evidence) -> list[Part]:
    """Is a default LSTM behind a GRU, and is one with forget bias 1 not?"""
    units = set(_units(evidence.where(cell="lstm", init="forget_bias")))
    gru, lstm = (_learnt(evidence, cell) for cell in ("gru", "lstm"))
    biased = _learnt(evidence, "lstm", "forget_bias")
    gru, lstm = (keep(side, [unit in units for unit in _units(side)]) for side in (gru, lstm))
    nothing = "no experiment has GRU, LSTM and LSTM with forget bias 1 on shared seeds"
    gap = ratio_part(GAP, paired(lstm, gru, log_loss), "its test loss is GRU's times", below=False, nothing=nothing)
    closed = difference_part(
        f"with it no more than {MARGIN} times GRU's loss",
        paired(biased, gru, log_loss),
        "its test loss is GRU's times",
        below=True,
        nothing=nothing,
        zero=math.log(MARGIN),
        transform=math.exp,
    )
    better = ratio_part(
        "with it better than without",
        paired(biased, lstm, log_loss),
        "its test loss is the default's times",
        below=True,
        nothing=nothing,
    )
    return [gap, closed, better]


GAP = "a default LSTM is behind GRU"


def gap_closed(parts: Sequence[Part]) -> State:
    """There must be a gap before it can be closed: without one, nothing is settled."""
    gap, closed, better = parts
    if gap.state != "supported":
        return "not settled"
    return "supported" if closed.state == "supported" else combine([closed, better])


def gated_beat_tanh(evidence: Evidence) -> list[Part]:
    """Test losses over a plain RNN's at the same parameter count."""
    plain = _learnt(evidence, "rnn", kind="params")
    parts = []
    for cell in ("gru", "lstm"):
        differences = paired(_learnt(evidence, cell, kind="params"), plain, log_loss)
        unit, nothing = "its test loss is the RNN's times", "no experiment has both at equal parameters on shared seeds"
        parts.append(ratio_part(cell.upper(), differences, unit, below=True, nothing=nothing))
    return parts


def counting(evidence: Evidence) -> list[Part]:
    """Up to which n, as a multiple of the longest trained: LSTM beyond twice, GRU not; and LSTM beyond GRU."""
    nothing = "no counting task was trained"
    lstm, gru = (_counted(evidence, cell) for cell in ("lstm", "gru"))
    unit = "counts without a mistake up to the longest trained n times"
    zero = math.log(COUNTS)
    sides = {"LSTM counts": (lstm, False), "GRU does not": (gru, True)}
    parts = []
    for name, (table, below) in sides.items():
        values = _means(table)
        parts.append(difference_part(name, values, unit, below=below, nothing=nothing, zero=zero, transform=math.exp))
    why = f"to count means to pass {COUNTS:g} times the longest trained n"
    parts = [replace(part, why=part.why or why) for part in parts]
    differences = paired(lstm, gru, _log_reach)
    return [*parts, ratio_part("LSTM beyond GRU", differences, "reach over GRU's", below=False, nothing=nothing)]


def _counted(evidence: Evidence, cell: str) -> pd.DataFrame:
    rows = evidence.where(cell=cell, task_name="counting", init="default")
    return keep(rows, [row.get("counts_to") is not None for row in rows["metrics"]])


def _log_reach(row: Row) -> float:
    """Logarithm of the n up to which a net counts over the longest it was trained on; none counts as a half."""
    longest = float(row["task_parameters"]["longest"])
    return math.log(max(float(row["metrics"]["counts_to"]), 0.5) / longest)


def _means(table: pd.DataFrame) -> list[float]:
    """A mean over units for each replicate."""
    rows = table[table["status"] == "ok"].to_dict("records")
    by_replicate: dict[Any, list[float]] = {}
    for row in rows:
        by_replicate.setdefault(row["replicate"], []).append(_log_reach(row))
    return [sum(values) / len(values) for values in by_replicate.values()]
