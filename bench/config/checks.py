"""Values that no experiment can have: of one option, as its declaration says, or of several together."""

from __future__ import annotations

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
    if options.max_replicates is not None and not options.until_settled:
        raise UserError("--max-replicates belongs to --until-settled: give both, or neither")
    if options.precision == "tf32" and options.device == "cpu":
        raise UserError("--precision tf32 needs a GPU: leave it out, or leave out --device cpu")
    if options.executor == "inline" and (options.timeout or options.memory):
        raise UserError("--executor inline cannot end a training from outside: leave out --timeout and --memory")
    table = [key for key in keys_deciding("table") if key != "data" and getattr(options, key) is not None]
    if table and not options.data:
        raise UserError(f"{flag(table[0])} belongs to a CSV file: give --data FILE.csv as well")
    if options.data and not options.target:
        raise UserError("--data needs --target COLUMN: name the column (or columns, with commas) to predict")
