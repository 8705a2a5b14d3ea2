"""Select cells of a baseline by patterns such as `copy/*,*/gru`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from bench.gate.replicates import CellName
from tasks.errors import UserError
from tasks.spec import split_specs


def select(text: str, cells: Iterable[CellName]) -> list[CellName]:
    """Return the cells that match any pattern; `*` matches any text. UserError if a pattern matches none."""
    known = list(cells)
    chosen: set[CellName] = set()
    for pattern in split_specs(text):
        expression = ".*".join(re.escape(part) for part in pattern.strip().split("*"))
        found = [cell for cell in known if re.fullmatch(expression, f"{cell.task}/{cell.model}")]
        if not found:
            names = [f"{cell.task}/{cell.model}" for cell in known]
            near = difflib.get_close_matches(pattern, names, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise UserError(f"no cell is called '{pattern.strip()}': {hint}Valid: {', '.join(names)}; * stands for any")
        chosen |= set(found)
    return [cell for cell in known if cell in chosen]
