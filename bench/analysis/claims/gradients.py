"""The claim about vanishing gradients: what the probes say, at initial weights and after training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis.claims.evidence import Evidence
from bench.analysis.claims.part import Part, State, combine
from bench.analysis.claims.tested import mean_part, ratio_above, ratio_below

if TYPE_CHECKING:
    import pandas as pd

VANISHES = 0.9  # a step: 3e-5 is left after 100
FAR = 25  # steps: over fewer nothing has the time to vanish, and chrono does not try to look further than it must
FINDING = "a step further back multiplies the gradient by {}"
NOTHING = f"no gradient was probed over more than {FAR} steps"
STATES = (("initial", "before training"), ("trained", "after training"))


def vanishing(evidence: Evidence) -> list[Part]:
    """Factors a step, for each draw of weights a mean over tasks: a plain RNN's below `VANISHES`, gated cells' not.

    From default weights, before and after training; then what other initial weights make of it.
    """
    claimed = []
    for state, when in STATES:
        claimed.append(_part(evidence, f"a plain RNN's vanishes {when}", "rnn", "default", state, vanishes=True))
        for name, cell in (("GRU", "gru"), ("LSTM", "lstm")):
            claimed.append(_part(evidence, f"{name}'s does not {when}", cell, "default", state, vanishes=False))
    others = [
        _part(evidence, "GRU's does not (chrono weights)", "gru", "chrono", "initial", vanishes=False),
        _part(evidence, "LSTM's does not (chrono weights)", "lstm", "chrono", "initial", vanishes=False),
        _part(evidence, "a plain RNN's vanishes (orthogonal weights)", "rnn", "orthogonal", "initial", vanishes=True),
        _exploding(evidence, "a plain RNN's explodes (orthogonal weights times 2)", "rnn", "orthogonal × 2"),
    ]
    return [*claimed, *others]


def from_default_weights(parts: Sequence[Part]) -> State:
    """The claim is about the cells as they come: the last parts say what other weights change."""
    return combine(parts[:6])


def _part(evidence: Evidence, name: str, cell: str, init: str, state: str, *, vanishes: bool) -> Part:
    test = partial(ratio_below if vanishes else ratio_above, bound=VANISHES)
    part = mean_part(name, FINDING, _logs(evidence, cell, init, state), test, NOTHING)
    return replace(part, why=part.why or f"vanishing means below {VANISHES} a step")


def _exploding(evidence: Evidence, name: str, cell: str, init: str) -> Part:
    part = mean_part(name, FINDING, _logs(evidence, cell, init, "initial"), ratio_above, NOTHING)
    return replace(part, why=part.why or "exploding means above 1 a step")


def _logs(evidence: Evidence, cell: str, init: str, state: str) -> pd.Series[float]:
    """Logarithms of the factors, a mean over tasks for each replicate, which is a draw of weights."""
    table = evidence.factors
    table = table[(table["cell"] == cell) & (table["init"] == init) & (table["state"] == state)]
    table = table[table["lags"] > FAR]
    # an LSTM's memory is its cell: what reaches either state has not vanished
    factors = table[["hidden_factor", "cell_factor"]].max(axis=1)
    logs: pd.Series[float] = np.log(factors).groupby(table["replicate"]).mean().dropna()
    return logs
