"""Which models on which tasks, and what the models have in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from bench.config.matching import MatchKind
from bench.config.option import BILLION, option
from bench.config.values import check_models

_option = partial(option, group="What to compare")


@dataclass(frozen=True)
class WhatToCompare:
    """The options under "What to compare"."""

    models: tuple[str, ...] = _option(
        ("gru", "lstm", "rnn"),
        "A,B",
        "The models, with parameters in brackets: gru,rnn[nonlinearity=relu]. See: list models.",
        refuse=check_models,
    )
    tasks: tuple[str, ...] | None = _option(
        None, "A,B", "The tasks, likewise: sine[noise=0.1],copy. Default: sine,regression,copy. See: list tasks."
    )
    match: tuple[MatchKind, ...] = _option(
        ("tuned",),
        "A,B",
        "What the models have in common: tuned (nothing: a search chooses each size), hidden (hidden size and layers), "
        "params (number of parameters), flops (of a step), state (numbers carried between steps), time (of a step, "
        "measured), each (hidden size and layers, at every size and depth).",
        filled="of tuned, hidden, params, flops, state, time and each",
        distinct=True,
    )
    parameter_budgets: tuple[int, ...] = _option(
        (),
        "N,N",
        "With --match params: compare at each of these numbers of parameters.",
        at_least=1,
        at_most=BILLION,
        distinct=True,
    )
    match_tolerance: float | None = _option(
        None,
        "X",
        "With --match params, flops, state or time: how far a model may be from the others before an alarm says so. "
        "Default: 0.05, which is 5 %, and 0.1 for time.",
        decides="place",
        more_than=0,
        at_most=1,
    )
    references: tuple[Literal["boosting"], ...] = _option(
        (),
        "NAME",
        "Another predictor without a net to compare with: boosting (scikit-learn's gradient-boosted trees on the "
        "values of the window, for tasks that predict numbers; needs the extra bench[data]).",
        decides="extent",
        before=(),
        distinct=True,
    )
