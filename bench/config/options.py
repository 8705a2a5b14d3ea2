"""Every option of an experiment, declared once: the same in Python, in TOML and (with dashes) on the command line.

Flags, their sections in `--help`, the conversion of text and the checks follow from these declarations. To add an
option, add a field; `bench/config/option.py` says what a declaration may hold.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import Literal

from bench.config.budgets import Budget, BudgetName
from bench.config.matching import MatchKind
from bench.config.option import Decides, Declaration, option
from bench.config.values import (
    check_executor,
    check_initialisation,
    check_learning_rates,
    check_models,
    check_name,
    check_search,
)

MAX_REPLICATES = 56  # where --until-settled gives up, unless told otherwise
_BILLION = 10**9  # more is a slip of the finger, and nothing would ever come of it

_compared = partial(option, group="What to compare")
_table = partial(option, group="Your own table", decides="table")
_columns = partial(_table, None, "COL,COL", columns=True)
_amount = partial(option, group="How much")
_training = partial(option, group="How models are trained")
_place = partial(option, group="Where it runs, and where results go", decides="place")
_limit = partial(option, group="What it may take", decides="place")


@dataclass(frozen=True)
class Options:
    """Everything that a user can set, before names are looked up. None: bench decides.

    A TOML key is the field's name; a flag is the same with dashes. On the command line a list is written `a,b`.
    """

    models: tuple[str, ...] = _compared(
        ("gru", "lstm", "rnn"),
        "A,B",
        "The models, with parameters in brackets: gru,rnn[nonlinearity=relu]. See: list models.",
        refuse=check_models,
    )
    tasks: tuple[str, ...] | None = _compared(
        None,
        "A,B",
        "The tasks, likewise: sine[noise=0.1],copy. Default: sine,regression,copy. See: list tasks.",
    )
    match: tuple[MatchKind, ...] = _compared(
        ("tuned",),
        "A,B",
        "What the models have in common: tuned (nothing: each has its own best size), hidden (hidden size and layers), "
        "params (number of parameters), flops (of a step), state (numbers carried between steps), time (of a step, "
        "measured), each (hidden size and layers, at every size and depth).",
        filled="of tuned, hidden, params, flops, state, time and each",
        distinct=True,
    )
    parameter_budgets: tuple[int, ...] = _compared(
        (),
        "N,N",
        "With --match params: compare at each of these numbers of parameters.",
        at_least=1,
        at_most=_BILLION,
        distinct=True,
    )

    match_tolerance: float | None = _compared(
        None,
        "X",
        "With --match params, flops, state or time: how far a model may be from the others before an alarm says so. "
        "Default: 0.05, which is 5 %, and 0.1 for time.",
        decides="place",
        more_than=0,
        at_most=1,
    )

    references: tuple[Literal["boosting"], ...] = _compared(
        (),
        "NAME",
        "Another predictor without a net to compare with: boosting (scikit-learn's gradient-boosted trees on the "
        "values of the window, for tasks that predict numbers; needs the extra bench[data]).",
        decides="extent",
        before=(),
        distinct=True,
    )

    data: str | None = _table(None, "FILE", "Forecast columns of this CSV or Parquet file: a task called series.")
    target: tuple[str, ...] | None = _columns(
        "The columns to forecast; a name with a comma stands in double quotes. Required with --data."
    )
    features: tuple[str, ...] | None = _columns(
        "The columns that a forecast may look at, beside the past of the targets themselves."
    )
    categorical: tuple[str, ...] | None = _columns("Such columns of words: each word becomes an input of its own.")
    known: tuple[str, ...] | None = _columns(
        "Such columns that are known in advance, as a holiday is: they are read at the row to be forecast."
    )
    calendar: tuple[str, ...] | None = _table(
        None,
        "PART,PART",
        "Inputs made of the time to be forecast: hour, weekday, month.",
    )
    time: str | None = _table(None, "COL", "The column that orders the rows. Its values must increase.")
    window: int | None = _table(None, "N", "How many rows a forecast looks back.", at_least=1, at_most=_BILLION)
    horizon: int | None = _table(
        None, "N", "Forecast the Nth row after the last known one, and only this.", at_least=1, at_most=_BILLION
    )
    horizons: str | None = _table(None, "1-N", "Forecast all of these rows at once: 1-10, or 1,6,12.")
    season: int | None = _table(
        None, "N", "Rows in a season: adds the seasonal naive forecast to compare with.", at_least=1, at_most=_BILLION
    )
    fill: Literal["forward"] | None = _table(
        None,
        "HOW",
        "Fill missing and infinite values, and rows that the time lacks. forward: repeat the last known one. Default: "
        "refuse missing values.",
    )
    transform: Literal["growth", "difference", "log"] | None = _table(
        None,
        "HOW",
        "Forecast growth (in percent, from the last known row), difference (from there) or log of the targets. Errors "
        "and predictions stay in the columns' own units. Default: the targets as they are.",
    )
    resample: str | None = _table(
        None, "PERIOD", "Take the means of periods as rows: min, h, D, W, M, Q, Y, or several of them, as in 15min."
    )
    sort: bool = _table(False, "", "Sort the rows by time.")
    drop_duplicates: bool = _table(False, "", "Keep the first of several rows with the same time.")
    date_format: str | None = _table(
        None, "FORMAT", "How dates are written: %d.%m.%Y (German), %m/%d/%Y (US). Default: ISO, as in 2024-03-31."
    )
    time_zone: str | None = _table(
        None, "ZONE", "The zone of dates without one, as in Europe/Berlin: clocks that are changed leave no gap then."
    )
    delimiter: str | None = _table(
        None, "CHAR", "What separates the fields of a line. Default: comma, semicolon or tab, whichever fits."
    )
    decimal: str | None = _table(None, "CHAR", "The mark before decimals: a comma, or a point (default).")

    budget: BudgetName = _amount(  # noqa: RUF009 # a dataclass field
        "quick",
        "NAME",
        "How much work goes into the answer: smoke, quick, standard or full. It sets the steps of a training and what "
        "is called the budget's below. See: list budgets.",
        decides="plan",
    )
    trials: int | None = _amount(
        None,
        "N",
        "Configurations that a search tries for each model and task.",
        decides="extent",
        at_least=1,
        at_most=100_000,
    )
    replicates: int | None = _amount(
        None,
        "N",
        "How often everything is repeated, with other data and other initial weights. The uncertainty of every result "
        "comes from these repetitions.",
        decides="extent",
        alias="seeds",
        at_least=1,
        at_most=10_000,
    )
    tune: Literal["each", "once"] = _amount(
        "each",
        "HOW",
        "each: every replicate has a search of its own. once: one search serves all replicates; that is cheaper, but "
        "the uncertainty of the results then leaves out the luck of the search.",
        decides="plan",
        before="once",
    )
    engine: Literal["auto", "exact"] = _amount(
        "auto",
        "HOW",
        "auto: the trials of a search run on a faster implementation of the same network where there is one (NumPy's "
        "for gru on a CPU, stacks of trainings of gru, lstm and rnn on a GPU), and the selected ones are trained again "
        "by the model itself. exact: all by the model itself.",
        decides="plan",
        before="exact",
    )
    until_settled: bool = _amount(
        False,
        "",
        "Add replicates until it is clear for every task which model is better, or that none is.",
        decides="extent",
        before=False,
    )
    max_replicates: int = _amount(
        MAX_REPLICATES,
        "N",
        "With --until-settled: stop at this number of replicates.",
        decides="extent",
        before=MAX_REPLICATES,
        at_least=1,
        at_most=10_000,
    )
    steps: int | None = _amount(
        None, "N", "Optimiser steps of a training. Default: the task's own number.", at_least=1, at_most=_BILLION
    )
    epochs: int | None = _amount(
        None,
        "N",
        "Instead of --steps: passes over the training data, each followed by an evaluation.",
        at_least=1,
        at_most=_BILLION,
    )
    hidden_sizes: tuple[int, ...] | None = _amount(
        None,
        "N,N",
        "Hidden sizes that the search chooses from.",
        at_least=1,
        at_most=65_536,
        distinct=True,
        filled="size",
    )
    layers: tuple[int, ...] | None = _amount(
        None,
        "N,N",
        "Numbers of layers that the search chooses from.",
        at_least=1,
        at_most=64,
        distinct=True,
        filled="number",
    )
    lr_range: tuple[float, ...] | None = _amount(
        None,
        "LOW,HIGH",
        "Learning rates that the search chooses from, on a log scale. Default: the task's own range.",
        refuse=check_learning_rates,
    )
    search: tuple[str, ...] = _amount(
        (),
        "NAME=VALUES",
        "Also search this: a field of a model (tcn.kernel_size=3,5,7), or weight_decay, dropout, batch_size or "
        "clip_norm of every training. VALUES are a,b,c, or LOW..HIGH, or LOW..HIGH:log. May be given more than once.",
        repeated=True,
        before=(),
        refuse=check_search,
    )
    sampler: Literal["tpe", "random", "grid"] = _amount(
        "tpe", "NAME", "How the search chooses: tpe (from what earlier trials showed), random or grid."
    )
    prune: bool = _amount(False, "", "Stop the worse trials of a search early (successive halving).", decides="plan")
    seed: int = _amount(
        0, "N", "Another seed is another experiment: data, weights and the order of batches all change.", at_least=0
    )

    batch_size: int | Literal["full"] | None = _training(
        None,
        "N",
        "Sequences in a batch; full: all training data. Default: the task's own number.",
        at_least=1,
        at_most=_BILLION,
    )
    init: tuple[str, ...] = _training(
        ("default",),
        "A,B",
        "Initial weights: default (PyTorch's), xavier, orthogonal, forget_bias or chrono. A,B compares schemes; A+B "
        "lets the search choose.",
        refuse=check_initialisation,
    )
    dropout: float = _training(
        0.0, "P", "The share of outputs that is dropped between layers.", at_least=0, less_than=1
    )
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = _training(
        "adam",
        "NAME",
        "adam, adamw (with --weight-decay), sgd (without momentum) or rmsprop, with PyTorch's defaults.",
        before="adam",
    )
    weight_decay: float = _training(
        0.0,
        "X",
        "L2 penalty, as in torch.optim.Adam; with --optimizer adamw the weights themselves decay.",
        at_least=0,
    )
    clip_norm: float | None = _training(
        1.0,
        "X",
        "Scale gradients down to this norm where theirs is larger; none: never.",
        more_than=0,
        allowed="or none for no clipping",
    )
    precision: Literal["float32", "tf32", "bfloat16"] = _training(
        "float32",
        "NAME",
        "Number format of matrix products: float32, tf32 (on a GPU) or bfloat16 (weights and Adam stay float32).",
        before="float32",
    )
    plateau_patience: int | None = _training(
        None,
        "N",
        "Halve the learning rate after N evaluations without progress. Default: never, and 10 with --schedule plateau.",
        at_least=1,
        at_most=_BILLION,
    )
    schedule: Literal["constant", "plateau", "cosine"] | None = _training(
        None,
        "NAME",
        "How the learning rate goes on: constant, plateau (see --plateau-patience) or cosine (it falls to 0 in the "
        "last step). Default: constant, or plateau where --plateau-patience is given.",
        before=None,
    )
    warmup: int = _training(
        0,
        "STEPS",
        "Let the learning rate rise linearly in so many first steps.",
        before=0,
        at_least=0,
        at_most=_BILLION,
    )

    save_models: bool | None = _place(
        None,
        "",
        "Keep the models of the selected trainings in DIR/NAME/models, for predict and export. Default: keep those of "
        "up to 16 MiB. --save-models also trains again what an earlier run did not keep.",
    )
    device: Literal["auto", "cpu", "cuda"] = _place(
        "auto", "NAME", "auto (the faster one), cpu or cuda.", decides="outcome", meant={"gpu": "cuda"}
    )
    cohort: int | None = _place(
        None,
        "N",
        "Trainings at a time on each GPU, in one process. Default: as many as make it faster and fit its memory.",
        at_least=1,
        at_most=1024,
    )
    workers: int | None = _place(
        None, "N", "Trainings at a time, one thread each. Default: one for each core.", at_least=1, at_most=1024
    )
    executor: str = _place(
        "local",
        "WHERE",
        "local, inline (in this process: for debugging) or dask://HOST:PORT (a Dask cluster).",
        refuse=check_executor,
    )
    storage: str | None = _place(
        None,
        "URL",
        "Copy every search to an Optuna storage, for optuna-dashboard: sqlite:///FILE, or a path.",
    )
    name: str | None = _place(
        None, "NAME", "Name of the folders. Default: made from what is compared.", refuse=check_name
    )
    results: str = _place("results", "DIR", "Records and tables go to DIR/NAME.")
    reports: str = _place("reports", "DIR", "The report goes to DIR/NAME.")
    plugins: tuple[str, ...] = _place(
        (),
        "FILE.py",
        "A file that defines tasks or models of your own; may be given more than once.",
        decides="outcome",
        flag="--plugin",
        repeated=True,
    )

    timeout: float | None = _limit(
        None,
        "TIME",
        "End a training that takes longer: 90 (seconds), 30m or 2h. It is recorded with its curve so far.",
        more_than=0,
        unit="seconds",
    )
    max_time: float | None = _limit(
        None,
        "TIME",
        "End the experiment then, likewise, and report what it has; the same command goes on later.",
        more_than=0,
        unit="seconds",
    )
    memory: float | None = _limit(
        None,
        "GIB",
        "End a training whose worker holds more. Default: 0.8 of what is free, shared equally.",
        more_than=0,
        unit="GiB",
    )


OPTIONS: dict[str, Declaration] = {f.name: f.metadata["declaration"] for f in fields(Options)}
FROM_BUDGET = tuple(f.name for f in fields(Budget) if f.name in OPTIONS)


def keys_deciding(*what: Decides) -> tuple[str, ...]:
    """The options that decide one of these."""
    return tuple(key for key, declared in OPTIONS.items() if declared.decides in what)


def flag(key: str) -> str:
    """The flag of an option."""
    return OPTIONS[key].flag or "--" + key.replace("_", "-")
