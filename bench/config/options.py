"""Every option of an experiment, declared once: the same in Python, in TOML and (with dashes) on the command line.

Flags, their sections in `--help`, the conversion of text and the checks follow from these declarations. To add an
option, add a field under its heading in `option_groups/`; `bench/config/option.py` says what a declaration may hold.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from bench.config.budgets import Budget
from bench.config.option import Decides, Declaration
from bench.config.option_groups.how_much import HowMuch
from bench.config.option_groups.how_trained import HowTrained
from bench.config.option_groups.own_table import OwnTable
from bench.config.option_groups.what_it_may_take import WhatItMayTake
from bench.config.option_groups.what_to_compare import WhatToCompare
from bench.config.option_groups.where_it_runs import WhereItRuns


# a dataclass has the fields of its last base first: headings stand from bottom to top
@dataclass(frozen=True)
class Options(WhatItMayTake, WhereItRuns, HowTrained, HowMuch, OwnTable, WhatToCompare):
    """Everything that a user can set, before names are looked up. None: bench decides.

    A TOML key is the field's name; a flag is the same with dashes. On the command line a list is written `a,b`.
    """


OPTIONS: dict[str, Declaration] = {f.name: f.metadata["declaration"] for f in fields(Options)}
FROM_BUDGET = tuple(f.name for f in fields(Budget) if f.name in OPTIONS)


def keys_deciding(*what: Decides) -> tuple[str, ...]:
    """The options that decide one of these."""
    return tuple(key for key, declared in OPTIONS.items() if declared.decides in what)


def flag(key: str) -> str:
    """The flag of an option."""
    return OPTIONS[key].flag or "--" + key.replace("_", "-")
