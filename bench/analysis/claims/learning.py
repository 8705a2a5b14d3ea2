"""Claims about learning: steps to target, error, long dependencies, initialisation, parameters well spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.analysis.claims.evidence import Evidence, keep
from bench.analysis.claims.pairs import CASE, LOSS, SKILL, STEPS, Pairs, cases
from bench.analysis.claims.part import Part, State, combine, not_tested
from bench.analysis.claims.tested import (
    mean_above,
    mean_below,
    mean_part,
    on_any,
    on_every,
    ratio_above,
    ratio_below,
    ratio_within,
)
from bench.analysis.levels import LEVEL

if TYPE_CHECKING:
    import pandas as pd

CONTROLS = ("noise",)  # nothing to learn there
SHORT = ("sine", "regression", "series")  # windows of some ten steps
MARGIN = 1.25  # ratio of test losses that still counts as similar
VERY_LONG = 100  # steps
KEPT = 0.5  # skill of a model that has kept what it was shown
KINDS = (("hidden", "at equal hidden size"), ("params", "at equal parameters"))


def _learnt(evidence: Evidence, cell: str, init: str = "default", **conditions: Any) -> pd.DataFrame:
    rows = evidence.independent(cell=cell, init=init, **conditions)
    return keep(rows, ~rows["task_name"].isin(CONTROLS))


def fewer_steps(evidence: Evidence) -> list[Part]:
    """Ratio of restricted mean steps (geometric), GRU's over LSTM's, on every task that any run of either solved.

    Each cell must have had several learning rates to choose from: one rate for both suits one of them better. A run
    that failed or did not reach the target is cut at its budget.
    """
    parts = []
    for kind, what in KINDS:
        sides = [_learnt(evidence, cell, kind=kind) for cell in ("gru", "lstm")]
        sides = [keep(side, side["learning_rates"] > 1) for side in sides]
        solved = {case for side in sides for case in _solved(side)}
        gru, lstm = (keep(side, [case in solved for case in _cases_of(side)]) for side in sides)
        nothing = "no task that either solves, with several learning rates to choose from (--trials 2 or more)"
        finding = "GRU's steps to target are {} times LSTM's"
        part = on_every(what, finding, cases(gru, lstm, STEPS), ratio_below, nothing)
        parts.append(_explained(part, "each at its own learning rate; runs short of the target count as the budget"))
    return parts


def _explained(part: Part, why: str) -> Part:
    """With what the numbers mean, where there are any."""
    return part if part.state == "not_tested" else replace(part, why="; ".join(filter(None, (part.why, why))))


def _cases_of(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(table[["experiment", *CASE]].itertuples(index=False, name=None))


def _solved(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return _cases_of(table[table["steps_to_target"].notna()])


def similar_error(evidence: Evidence) -> list[Part]:
    """Test losses of GRU and LSTM within a factor of `MARGIN`, on every task of short windows."""
    parts = []
    for kind, what in KINDS:
        gru, lstm = (_learnt(evidence, cell, kind=kind, task_name=SHORT) for cell in ("gru", "lstm"))
        test, nothing = partial(ratio_within, margin=MARGIN), f"gru and lstm share no replicate on {', '.join(SHORT)}"
        part = on_every(what, "GRU's test loss is {} times LSTM's", cases(gru, lstm, LOSS), test, nothing)
        parts.append(_explained(part, f"similar means within a factor of {MARGIN}"))
    return parts


def long_memory(evidence: Evidence) -> list[Part]:
    """Where the longest dependency has `VERY_LONG` steps or more: LSTM's skill, GRU's skill, and their difference."""
    return [
        part
        for task, parameter in (("copy", "delay"), ("adding", "length"))
        for part in _long(evidence, task, parameter)
    ]


def _long(evidence: Evidence, task: str, parameter: str) -> list[Part]:
    table = evidence.independent(task_name=task, init="default")
    spans = table["task_parameters"].map(lambda p: p.get(parameter) or 0)
    longest = int(spans.max()) if len(spans) else 0
    if longest < VERY_LONG:
        why = f"the longest tried has {longest} steps; very long begins at {VERY_LONG}"
        return [not_tested(task, why if longest else "not trained")]
    name, table = f"{task} at {parameter} {longest}", table[spans == longest]
    lstm, gru = (table[table["cell"] == cell] for cell in ("lstm", "gru"))
    keeps, loses = partial(mean_above, zero=KEPT), partial(mean_below, zero=KEPT)
    nothing = "gru and lstm share no replicate"
    parts = [
        mean_part(f"LSTM keeps ({name})", "its skill is {}", _by_replicate(lstm), keeps, nothing),
        mean_part(f"GRU loses ({name})", "its skill is {}", _by_replicate(gru), loses, nothing),
    ]
    parts = [_explained(part, f"to keep means a skill of {KEPT} or more") for part in parts]
    above = on_every(
        f"LSTM above GRU ({name})", "the skills differ by {}", cases(lstm, gru, SKILL), mean_above, nothing
    )
    return [*parts, above]


def _by_replicate(table: pd.DataFrame) -> pd.Series[float]:
    """Skill of each replicate, a mean over comparisons and experiments."""
    means: pd.Series[float] = table["skill"].groupby(table["replicate"]).mean().dropna()
    return means


def forget_bias(evidence: Evidence) -> list[Part]:
    """Is a default LSTM behind a GRU by more than `MARGIN`; and with forget bias 1, is it not, and better than before?

    The last two are asked on every task that has such a gap.
    """
    biased = _learnt(evidence, "lstm", "forget_bias")
    tried = set(_cases_of(biased))
    gru, lstm = (_learnt(evidence, cell) for cell in ("gru", "lstm"))
    gru, lstm = (keep(side, [case in tried for case in _cases_of(side)]) for side in (gru, lstm))
    nothing = "no task has GRU, LSTM and LSTM with forget bias 1"
    behind, beyond = cases(lstm, gru, LOSS), partial(ratio_above, bound=MARGIN)
    gap = on_any(GAP, "its test loss is {} times GRU's", behind, beyond, nothing)
    closed, better = (_where_behind(cases(biased, other, LOSS), behind) for other in (gru, lstm))
    within = partial(ratio_below, bound=MARGIN)
    close = f"with it no more than {MARGIN} times GRU's loss"
    return [
        gap,
        on_every(close, "its test loss is {} times GRU's", closed, within, nothing),
        on_every(
            "with it better than without", "its test loss is {} times the default's", better, ratio_below, nothing
        ),
    ]


def _where_behind(found: Mapping[str, Pairs], behind: Mapping[str, Pairs]) -> dict[str, Pairs]:
    """The cases where a gap larger than the margin is certain (Bonferroni); all where there is none."""
    certain = {case for case, pairs in behind.items() if ratio_above(pairs, MARGIN).p_for * len(behind) < LEVEL / 2}
    return {case: pairs for case, pairs in found.items() if case in certain} or dict(found)


GAP = f"a default LSTM has more than {MARGIN} times GRU's loss"


def gap_closed(parts: Sequence[Part]) -> State:
    """There must be a gap before it can be closed: without one, nothing is settled."""
    gap, closed, better = parts
    if gap.state == "not_tested":
        return "not_tested"
    return combine([closed, better]) if gap.state == "supported" else "not_settled"


def gated_beat_tanh(evidence: Evidence) -> list[Part]:
    """Test losses over a plain RNN's at the same parameter count, on every task."""
    plain = _learnt(evidence, "rnn", kind="params")
    parts = []
    for cell in ("gru", "lstm"):
        pairs = cases(_learnt(evidence, cell, kind="params"), plain, LOSS)
        nothing = f"no experiment has {cell} and rnn at equal parameters"
        parts.append(on_every(cell.upper(), "its test loss is {} times the RNN's", pairs, ratio_below, nothing))
    return parts
