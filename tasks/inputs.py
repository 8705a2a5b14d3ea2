"""The inputs that columns become: numbers as they are, words as zeros and ones, the calendar from the time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError
from tasks.reading import Selection
from tasks.rows import Rows
from tasks.time_column import Times

DAY = 86400


@dataclass(frozen=True, eq=False)
class Inputs:
    """`values` `(rows, I)` in the columns' own units, the targets first. ahead: names of those that are known in
    advance, and so are read at the row to be forecast."""

    names: tuple[str, ...]
    values: Array
    ahead: frozenset[str]

    def only(self, names: tuple[str, ...]) -> Inputs:
        """Some of the inputs, in this order."""
        positions = [self.names.index(name) for name in names]
        return Inputs(names, self.values[:, positions], self.ahead & set(names))


def make_inputs(rows: Rows, selection: Selection) -> Inputs:
    """All inputs of a selection. A categorical column `c` with the word `w` gives the input `c=w`."""
    found: dict[str, Array] = {}
    ahead = set()
    for name in selection.inputs:
        made = {name: rows.columns[name]}
        if name in rows.words:
            codes = rows.columns[name]  # NaN stays NaN
            made = {
                f"{name}={word}": np.where(np.isnan(codes), np.nan, codes == i)
                for i, word in enumerate(rows.words[name])
            }
        found |= made
        ahead |= set(made) if name in selection.known else set()
    if selection.calendar:
        made = calendar_inputs(rows.times, selection.calendar)
        found |= made
        ahead |= set(made)
    return Inputs(tuple(found), np.stack(list(found.values()), axis=1), frozenset(ahead))


def measured(selection: Selection | None, names: tuple[str, ...], targets: int) -> tuple[str, ...]:
    """The columns among those that make the inputs `names` whose values are not known in advance.

    targets: how many of the names are targets, which come first. selection: None where columns are the inputs as they
    stand.
    """
    if selection is None:
        return names[targets:]
    own = dict.fromkeys((*selection.features, *selection.categorical))
    made = names[targets:]
    return tuple(
        name
        for name in own
        if name not in selection.known and any(each == name or each.startswith(f"{name}=") for each in made)
    )


def calendar_inputs(times: Times | None, parts: tuple[str, ...]) -> dict[str, Array]:
    """`(rows,)` by name. Hour and month are points on a circle, so that 23 and 0 o'clock are neighbours; of the days of
    the week, which have no such order, each has an input (0: Monday)."""
    if times is None or times.wall is None:
        raise UserError("--calendar needs dates, but the time column has numbers: leave it out, or give --date-format")
    days = np.floor(times.wall / DAY).astype(np.int64)
    found: dict[str, Array] = {}
    for part in parts:
        if part == "weekday":
            found |= {f"weekday {day}": ((days + 3) % 7 == day) * 1.0 for day in range(7)}  # 1970 began on a Thursday
            continue
        if part == "hour":
            share = (times.wall % DAY) / DAY
        else:
            share = (days.astype("M8[D]").astype("M8[M]").astype(np.int64) % 12) / 12
        found[f"{part} (sine)"] = np.sin(2 * math.pi * share)
        found[f"{part} (cosine)"] = np.cos(2 * math.pi * share)
    return found
