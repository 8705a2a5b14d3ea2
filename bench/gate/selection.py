"""Select cells of a baseline by patterns such as `copy/*,*/gru`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bench.gate.replicates import CellName
from tasks.errors import UserError, did_you_mean
from tasks.spec import split_specs


def select(text: str, cells: Iterable[CellName]) -> list[CellName]:
    """Return the cells that match any pattern; UserError if a pattern matches none.

    `*` matches any text. A pattern may leave out a task's parameters: `copy/*` matches `copy[delay=5,length=2]/gru`.
    """
    known = list(cells)
    chosen: set[CellName] = set()
    for pattern in split_specs(text):
        expression = ".*".join(re.escape(part) for part in pattern.strip().split("*"))
        found = [cell for cell in known if any(re.fullmatch(expression, name) for name in (cell.id, _bare(cell.id)))]
        if not found:
            names = [cell.id for cell in known]
            hint = did_you_mean(pattern.strip(), names)
            raise UserError(
                f"no cell is called '{pattern.strip()}': {hint}Valid: {', '.join(names)}; * matches any text"
            )
        chosen |= set(found)
    return [cell for cell in known if cell in chosen]


def _bare(name: str) -> str:
    """A cell's name without parameters."""
    return re.sub(r"\[[^\]]*\]", "", name)
