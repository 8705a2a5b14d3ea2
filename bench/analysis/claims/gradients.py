"""The claim about vanishing gradients: what the probes at initial weights say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis.claims.evidence import Evidence, difference_part, ratio_part
from bench.analysis.claims.part import Part, State, combine

if TYPE_CHECKING:
    import pandas as pd

VANISHES = 0.9  # a step: 3e-5 is left after 100
FAR = 25  # steps: over fewer nothing has the time to vanish, and chrono does not try to look further than it must
UNIT = "a step further back multiplies the gradient by"
NOTHING = f"no gradient was probed over more than {FAR} steps"


def vanishing(evidence: Evidence) -> list[Part]:
    """Factors a step, for each draw of weights a mean over tasks: a plain RNN's below `VANISHES`, gated cells' not.

    And what other initial weights make of it.
    """
    plain = _part(evidence, "a plain RNN's vanishes (default weights)", "rnn", "default", vanishes=True)
    gated = [
        _part(evidence, f"{name}'s does not (default weights)", cell, "default", vanishes=False)
        for name, cell in (("GRU", "gru"), ("LSTM", "lstm"))
    ]
    chosen = [
        _part(evidence, "GRU's does not (chrono weights)", "gru", "chrono", vanishes=False),
        _part(evidence, "LSTM's does not (chrono weights)", "lstm", "chrono", vanishes=False),
        _part(evidence, "a plain RNN's vanishes (orthogonal weights)", "rnn", "orthogonal", vanishes=True),
        _exploding(evidence, "a plain RNN's explodes (orthogonal weights times 2)", "rnn", "orthogonal × 2"),
    ]
    return [plain, *gated, *chosen]


def at_default_weights(parts: Sequence[Part]) -> State:
    """The claim is about the cells as they come: the other parts say what other weights change."""
    return combine(parts[:3])


def _part(evidence: Evidence, name: str, cell: str, init: str, *, vanishes: bool) -> Part:
    logs, zero = _logs(evidence, cell, init), math.log(VANISHES)
    part = difference_part(name, logs, UNIT, below=vanishes, nothing=NOTHING, zero=zero, transform=math.exp)
    return replace(part, why=part.why or f"vanishing means below {VANISHES} a step")


def _exploding(evidence: Evidence, name: str, cell: str, init: str) -> Part:
    part = ratio_part(name, _logs(evidence, cell, init), UNIT, below=False, nothing=NOTHING)
    return replace(part, why=part.why or "exploding means above 1 a step")


def _logs(evidence: Evidence, cell: str, init: str) -> pd.Series[float]:
    """Logarithms of the factors, a mean over tasks for each replicate, which is a draw of weights."""
    table = evidence.factors
    table = table[(table["cell"] == cell) & (table["init"] == init) & (table["state"] == "initial")]
    table = table[table["lags"] > FAR]
    # an LSTM's memory is its cell: what reaches either state has not vanished
    factors = table[["hidden_factor", "cell_factor"]].max(axis=1)
    logs: pd.Series[float] = np.log(factors).groupby(table["replicate"]).mean().dropna()
    return logs
