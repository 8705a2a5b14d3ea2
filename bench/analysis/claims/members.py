"""Which experiments belong together under one name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bench.records.folder import names


def members(wanted: Iterable[str], results: str | Path = "results") -> list[str]:
    """The wanted experiments, and after each those that are parts of it: `claims` has `claims.depth`, and
    `claims-smoke` has `claims.depth-smoke`. Each once; a name that is not there stays, for `load` to complain of."""
    there, found = names(results), []
    for name in wanted:
        # what a recipe is called when flags change it (claims-smoke), and what `--name` gave it (my-claims)
        stem, dash, ending = name.partition("-")
        forms = [rf"{re.escape(name)}[.]\w+", *([rf"{re.escape(stem)}[.]\w+-{re.escape(ending)}"] if dash else [])]
        found += [name, *(other for other in there if any(re.fullmatch(form, other) for form in forms))]
    return list(dict.fromkeys(found))
