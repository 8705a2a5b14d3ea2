"""The flags of `run`, in sections: one for each field of `bench.config.options.Options`, as text.

Values stay text here; `bench.config.resolve` turns flags and TOML values into options and says what is wrong with them,
so that both are read by the same rules.
"""

from __future__ import annotations

from typing import Any

import click


class Flag(click.Option):
    """An option of `run` under a heading of its help. Without a metavar it is a switch: given or not."""

    def __init__(self, names: str, metavar: str, help: str, *, section: str, **settings: Any) -> None:
        if not metavar:
            settings |= {"is_flag": True, "default": None}  # None: not given, so a config file decides
        super().__init__(names.split(), metavar=metavar or None, help=help, **settings)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help groups its flags, and shows the defaults that `Options` declares."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        defaults = _defaults()
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            default = defaults.get(param.name or "", "")
            text = f"{record[1]}  [default: {default}]" if default else record[1]
            sections.setdefault(getattr(param, "section", "Other"), []).append((record[0], text))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def _defaults() -> dict[str, str]:
    from bench.config.options import Options

    shown = {}
    for key, value in vars(Options()).items():
        if value not in (None, False, ()):
            shown[key] = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return shown


def _section(section: str, *flags: tuple[str, str, str]) -> list[click.Parameter]:
    return [Flag(names, metavar, text, section=section) for names, metavar, text in flags]


FLAGS: list[click.Parameter] = [
    *_section(
        "What to compare",
        ("--models", "A,B", "Models, with parameters in brackets: gru,rnn[nonlinearity=relu]. See: list models."),
        ("--tasks", "A,B", "Tasks, likewise: sine[noise=0.1],copy. Default: sine,regression,copy; see: list tasks."),
        (
            "--match",
            "A,B",
            "Fair in what? tuned (each its best), hidden (same size), params (same number of parameters), each (every "
            "size and depth side by side).",
        ),
        ("--parameter-budgets", "N,N", "With --match params: a comparison at each number of parameters."),
    ),
    *_section(
        "Your own table",
        ("--data", "FILE.csv", "Forecast columns of a CSV file: a task called series."),
        ("--target", "COL,COL", "The columns to forecast (required with --data)."),
        ("--features", "COL,COL", "The columns that the forecast may look at. Default: the targets themselves."),
        ("--time", "COL", "The column that orders the rows; it must be increasing."),
        ("--window", "N", "Rows that a forecast looks back at."),
        ("--horizon", "N", "Rows that a forecast looks ahead."),
        ("--season", "N", "Rows of a season: adds the seasonal naive forecast to compare with."),
        ("--fill", "HOW", "Missing values: forward (repeat the last known one). Default: refuse them."),
    ),
    *_section(
        "How much",
        ("--budget", "NAME", "smoke, quick, standard or full: sets what follows. See: list budgets."),
        ("--trials", "N", "Configurations that the search tries for each model and task."),
        ("--seeds", "N", "Trainings of each chosen configuration in the confirm stage."),
        ("--steps", "N", "Optimiser steps of a training, instead of the task's own number."),
        ("--epochs", "N", "The same in passes over the training data, each evaluated at its end."),
        ("--hidden-sizes", "N,N", "Hidden sizes that the search chooses from."),
        ("--layers", "N,N", "Numbers of layers that the search chooses from."),
        ("--lr-range", "LOW,HIGH", "Learning rates that the search chooses from, log scale. Default: the task's."),
        ("--sampler", "NAME", "How the search chooses: tpe, random or grid."),
        ("--prune", "", "Stop the worse trials of the search early (successive halving)."),
        (
            "--async asynchronous",
            "",
            "Ask for a new trial as soon as one has ended: busier workers, but no longer reproducible.",
        ),
        ("--seed", "N", "0 by default. Another seed is another experiment: data, weights and batch order all change."),
    ),
    *_section(
        "How models are trained",
        ("--batch-size", "N", "Sequences in a batch, instead of the task's own number; full: all of them."),
        (
            *("--init", "A,B"),
            "Initial weights: default (PyTorch's), xavier, orthogonal, forget_bias, chrono. A,B: compare; A+B: search.",
        ),
        ("--dropout", "P", "Dropout between layers."),
        ("--weight-decay", "X", "L2 penalty, as in torch.optim.Adam."),
        ("--clip-norm", "X", "Gradient norm above which gradients are scaled down; none: never."),
        (
            *("--precision", "NAME"),
            "What multiplies: float32, tf32 (on a GPU) or bfloat16 (weights and Adam stay float32).",
        ),
        ("--plateau-patience", "N", "Halve the learning rate after N evaluations without progress. Default: never."),
    ),
    *_section(
        "Where it runs, and where results go",
        ("--save-models", "", "Keep the weights of the confirmed trainings beside the records."),
        ("--device", "NAME", "auto (the faster one), cpu or cuda."),
        (
            *("--cohort", "N"),
            "Trainings at a time on each GPU, in one process. Default: as many as make it faster and fit its memory.",
        ),
        ("--workers", "N", "Trainings at a time, one thread each. Default: one a core."),
        (
            "--executor",
            "WHERE",
            "local, inline (in this process: to debug), or a Dask cluster: dask://HOST:PORT, dask+tls://HOST:PORT.",
        ),
        (
            "--storage",
            "URL",
            "Copy every search to an Optuna storage, for optuna-dashboard: sqlite:///FILE, or a path.",
        ),
        ("--name", "NAME", "Name of the folders. Default: made from what is compared."),
        ("--results", "DIR", "Records and tables go to DIR/NAME."),
        ("--reports", "DIR", "The report goes to DIR/NAME."),
    ),
    *_section(
        "What it may take",
        ("--timeout", "SECONDS", "End a training that takes longer; it is recorded with its curve so far."),
        ("--max-time", "SECONDS", "End the experiment then, and report what it has; the same command goes on later."),
        ("--memory", "GIB", "End a training whose worker holds more. Default: 0.8 of what is free, shared equally."),
    ),
    Flag(
        "--plugin plugins",
        "FILE.py",
        "A file that defines tasks or models of your own; may be given more than once.",
        section="Where it runs, and where results go",
        multiple=True,
    ),
]
