"""Values that no experiment can have: of one option, as its declaration says, or of several together."""

from __future__ import annotations

from bench.config.budgets import FIRST_LOOK
from bench.config.matching import BY_AMOUNT
from bench.config.option_groups.how_much import MAX_REPLICATES
from bench.config.options import OPTIONS, Options, flag, keys_deciding
from tasks.errors import UserError
from tasks.registry import TASKS


def check(options: Options) -> Options:
    """Raise UserError for values that no experiment can have, alone or together."""
    for key, declared in OPTIONS.items():
        declared.check(flag(key), getattr(options, key))
    _check_together(options)
    return options


def _check_together(options: Options) -> None:
    """Raise UserError for options that exclude each other, or of which one needs another."""
    if not options.tasks and not options.data:
        raise UserError(f"--tasks is empty: give at least one of {', '.join(TASKS.entries())}, or --data FILE.csv")
    if options.steps is not None and options.epochs is not None:
        raise UserError("--steps and --epochs are two ways to say how long a training is: give one of them")
    if options.parameter_budgets and "params" not in options.match:
        raise UserError("--parameter-budgets belongs to --match params: give both, or neither")
    if options.match_tolerance is not None and not set(options.match) & set(BY_AMOUNT):
        raise UserError(f"--match-tolerance belongs to --match {', '.join(BY_AMOUNT)}: give both, or neither")
    if options.search and options.sampler == "grid":
        raise UserError("--search cannot be combined with --sampler grid, which tries sizes and rates: leave out one")
    if options.epochs is not None and any(text.startswith("batch_size") for text in options.search):
        raise UserError("--search batch_size needs --steps: with --epochs the larger batch would train for fewer steps")
    if options.schedule is not None and options.plateau_patience is not None:  # "plateau" is filled in by now
        raise UserError(
            f"--plateau-patience belongs to --schedule plateau, not {options.schedule}: leave out one of them"
        )
    _check_replicates(options)
    if options.precision == "tf32" and options.device == "cpu":
        raise UserError("--precision tf32 needs a GPU: leave it out, or leave out --device cpu")
    if options.executor == "inline" and (options.timeout or options.memory):
        raise UserError("--executor inline cannot end a training from outside: leave out --timeout and --memory")
    given = {key: getattr(options, key) for key in keys_deciding("table") if key != "data"}
    table = [key for key, value in given.items() if value is not None and value is not False]
    if table and not options.data:
        raise UserError(f"{flag(table[0])} belongs to a CSV file: give --data FILE.csv as well")
    if options.data and not options.target:
        raise UserError("--data needs --target COLUMN: name the column (or columns, with commas) to predict")


def _check_replicates(options: Options) -> None:
    """Raise UserError where the options about the number of replicates contradict each other."""
    most, given = options.max_replicates, options.replicates or 1
    if not options.until_settled:
        if most != MAX_REPLICATES:
            raise UserError("--max-replicates belongs to --until-settled: give both, or --replicates alone")
        return
    if options.tune == "once":
        raise UserError(
            "--until-settled cannot be combined with --tune once: more trainings of one configuration leave the luck "
            "of its search as it is. Leave out one of them"
        )
    if most < FIRST_LOOK:
        raise UserError(
            f"--max-replicates is {most}: expected at least {FIRST_LOOK}, the number of replicates of the first look"
        )
    if given > most:
        raise UserError(f"--replicates is {given}, more than --max-replicates {most}: raise the latter")
