"""How much work goes into the answer: searches, replicates, and how long a training is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from bench.config.budgets import BudgetName
from bench.config.option import BILLION, option
from bench.config.values import check_learning_rates, check_search

MAX_REPLICATES = 56  # where --until-settled gives up, unless told otherwise
_option = partial(option, group="How much")


@dataclass(frozen=True)
class HowMuch:
    """The options under "How much"."""

    budget: BudgetName = _option(  # noqa: RUF009 # a dataclass field
        "quick",
        "NAME",
        "How much work goes into the answer: smoke, quick, standard or full. It sets the steps of a training and what "
        "is called the budget's below. See: list budgets.",
        decides="plan",
    )
    trials: int | None = _option(
        None,
        "N",
        "Configurations that a search tries for each model and task.",
        decides="extent",
        at_least=1,
        at_most=100_000,
    )
    replicates: int | None = _option(
        None,
        "N",
        "How often everything is repeated, with other data and other initial weights. The uncertainty of every result "
        "comes from these repetitions.",
        decides="extent",
        alias="seeds",
        at_least=1,
        at_most=10_000,
    )
    tune: Literal["each", "once"] = _option(
        "each",
        "HOW",
        "each: every replicate has a search of its own. once: one search serves all replicates; that is cheaper, but "
        "the uncertainty of the results then leaves out the luck of the search.",
        decides="plan",
        before="once",
    )
    engine: Literal["auto", "exact"] = _option(
        "auto",
        "HOW",
        "auto: the trials of a search run on a faster implementation of the same network where there is one (NumPy's "
        "for gru on a CPU, stacks of trainings of gru, lstm and rnn on a GPU), and the selected ones are trained again "
        "by the model itself. exact: all by the model itself.",
        decides="plan",
        before="exact",
    )
    until_settled: bool = _option(
        False,
        "",
        "Add replicates until it is clear for every task which model is better, or that none is.",
        decides="extent",
        before=False,
    )
    max_replicates: int = _option(
        MAX_REPLICATES,
        "N",
        "With --until-settled: stop at this number of replicates.",
        decides="extent",
        before=MAX_REPLICATES,
        at_least=1,
        at_most=10_000,
    )
    steps: int | None = _option(
        None, "N", "Optimiser steps of a training. Default: the task's own number.", at_least=1, at_most=BILLION
    )
    epochs: int | None = _option(
        None,
        "N",
        "Instead of --steps: passes over the training data, each followed by an evaluation.",
        at_least=1,
        at_most=BILLION,
    )
    hidden_sizes: tuple[int, ...] | None = _option(
        None,
        "N,N",
        "Hidden sizes that the search chooses from.",
        at_least=1,
        at_most=65_536,
        distinct=True,
        filled="size",
    )
    layers: tuple[int, ...] | None = _option(
        None,
        "N,N",
        "Numbers of layers that the search chooses from.",
        at_least=1,
        at_most=64,
        distinct=True,
        filled="number",
    )
    lr_range: tuple[float, ...] | None = _option(
        None,
        "LOW,HIGH",
        "Learning rates that the search chooses from, on a log scale. Default: the task's own range.",
        refuse=check_learning_rates,
    )
    search: tuple[str, ...] = _option(
        (),
        "NAME=VALUES",
        "Also search this: a field of a model (tcn.kernel_size=3,5,7), or weight_decay, dropout, batch_size or "
        "clip_norm of every training. VALUES are a,b,c, or LOW..HIGH, or LOW..HIGH:log. May be given more than once.",
        repeated=True,
        before=(),
        refuse=check_search,
    )
    sampler: Literal["tpe", "random", "grid"] = _option(
        "tpe", "NAME", "How the search chooses: tpe (from what earlier trials showed), random or grid."
    )
    prune: bool = _option(False, "", "Stop the worse trials of a search early (successive halving).", decides="plan")
    seed: int = _option(
        0, "N", "Another seed is another experiment: data, weights and the order of batches all change.", at_least=0
    )
