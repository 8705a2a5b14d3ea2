"""The rows of a user's table in order of time, without gaps: read, sorted, made regular and filled as was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, cut, short
from tasks.irregularity import days_as_numbers, irregularity
from tasks.origins import rows_for_training
from tasks.reading import Reading, Selection
from tasks.resampling import first_in_period, period_means, periods
from tasks.several_series import several_series
from tasks.table import UserTable, read_table
from tasks.time_column import Times, require_order
from tasks.time_grid import Grid, find_grid

MOST_WORDS = 100  # of a categorical column: each becomes an input
_SHOWN = 5  # lines, or columns, in a message


@dataclass(frozen=True, eq=False)
class Rows:
    """`columns`: `(rows,)` float64 by name; of a categorical column these are positions in its `words`.

    future: rows at the end without a target, whose other columns are known. added: rows that the file lacks.
    filled: `(rows,)` bool by name, of columns in which values were missing: True where the last one is repeated.
    resampled: rows that became periods, 0 without --resample. spare: the file's columns that are not used. notes: what
    was done to the data, a sentence each.
    """

    path: str
    sha256: str
    columns: dict[str, Array]
    words: dict[str, tuple[str, ...]]
    times: Times | None
    grid: Grid | None
    spare: tuple[str, ...]
    future: int = 0
    added: int = 0
    resampled: int = 0
    notes: tuple[str, ...] = field(default=())
    filled: dict[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def read_rows(
    path: str,
    reading: Reading,
    selection: Selection,
    *,
    words: dict[str, tuple[str, ...]] | None = None,
    allow_future: bool = False,
) -> Rows:
    """Read and check a table. UserError, one line, for everything that a file can have wrong.

    words: of the categorical columns, where a training has fixed them. allow_future: whether rows at the end may have
    no target; else they are gaps.
    """
    table = read_table(path, reading)
    used = selection.inputs
    for name in used if reading.time is None else (*used, reading.time):
        table.text(name)  # an unknown column is a better message than what follows from it
    notes: list[str] = []
    predicting = words is not None
    try:
        order, times = _in_order(table, selection, notes)
    except UserError as error:
        raise _with_columns(error, table, selection) from None
    words, columns = dict(words or {}), {}
    for name in used:
        if name in selection.categorical:
            values, words[name] = _codes(table, name, words.get(name))
        else:
            infinite = reading.fill == "forward"  # then these are gaps
            values = table.numbers(name, infinite=infinite, target=name in selection.targets)
        columns[name] = values[order]
    lines = [table.lines[i] for i in order]
    without = None  # periods without a row
    spare = tuple(name for name in table.names if name not in (*used, reading.time))
    rows = Rows(path, table.sha256, columns, words, times, None, spare, notes=tuple(notes))
    if reading.resample is not None:
        (rows, without), lines = _resampled(rows, reading.resample), []
    if allow_future:
        rows = _with_future(rows, selection.targets)
    notes = list(rows.notes)
    gaps = _gaps(rows, lines, without, fills=reading.fill == "forward")
    grid = None
    if rows.times is not None:
        grid = find_grid(rows.times)
        notes += [] if days_as_numbers(rows.times) else irregularity(reading, rows.times, grid)
    if reading.fill == "forward":
        notes += [f"{sentence}: filled forward" for sentence in gaps]
        rows = _filled(rows, grid, selection.targets)
    elif gaps:
        if times is None and not predicting and (several := several_series(table, selection)):
            raise UserError(f"{path}: column {several}")  # to fill the gaps would mix them
        more = f"; and {len(gaps) - _SHOWN} more columns" if len(gaps) > _SHOWN else ""
        longer = "give a longer period, " if without is not None and without.any() and not predicting else ""
        mend = "" if predicting else ", or repeat the last value with --fill forward"
        raise UserError(f"{path}: {'; '.join(gaps[:_SHOWN])}{more}: {longer}fill them in{mend}")
    return replace(rows, grid=find_grid(rows.times) if rows.times is not None else None, notes=tuple(notes))


def _in_order(table: UserTable, selection: Selection, notes: list[str]) -> tuple[Array, Times | None]:
    """The table's rows, as positions, in order of time, and their times."""
    reading, every = table.reading, np.arange(len(table.rows))
    if reading.time is None:
        several = several_series(table, selection)
        notes += [f"column {several}"] if several else []
        return every, None
    times = table.times(reading.time)
    if days_as_numbers(times):
        notes.append(f"time column {short(reading.time)} has numbers that look like days: give --date-format %Y%m%d")
    order = every
    if reading.sort:
        order = np.argsort(times.values, kind="stable")
        moved = int((order != every).sum())
        notes += [f"rows were sorted by time ({moved:,} stood elsewhere)"] if moved else []
    if reading.drop_duplicates:
        first = np.ones(len(order), dtype=bool)
        first[1:] = np.diff(times.values[order]) != 0
        dropped = int((~first).sum())
        several = several_series(table, selection) if dropped else None
        why = f"; column {several}" if several else ""
        notes += [f"{dropped:,} of {len(order):,} rows repeat a time and were dropped{why}"] if dropped else []
        order = order[first]
        if len(order) < 2:
            raise UserError(f"{table.path} has {len(order)} row of different times: {rows_for_training()}")
    times = times.take(order)
    if (np.diff(times.values) <= 0).any() and (several := several_series(table, selection)):
        raise UserError(f"{table.path}: column {several}")
    require_order(table.path, reading.time, times, table.text(reading.time), table.lines, order)
    return order, times


def _with_columns(error: UserError, table: UserTable, selection: Selection) -> UserError:
    """What is wrong with the time column, and with the first other column that is not as expected: one run tells both.

    A file of another country has other dates and other numbers.
    """
    for name in selection.inputs:
        try:
            if name not in selection.categorical:
                table.numbers(name, infinite=True, target=name in selection.targets)
        except UserError as other:
            return UserError(f"{error}; and {str(other).removeprefix(f'{table.path}: ')}")
    return error


def _codes(table: UserTable, name: str, words: tuple[str, ...] | None) -> tuple[Array, tuple[str, ...]]:
    """A column of words as positions in `words`, which are all that occur, sorted, unless they are given."""
    found = table.categories(name)
    if words is None:
        words = tuple(sorted({word for word in found if word is not None}))
        if len(words) > MOST_WORDS:
            raise UserError(
                f"{table.path}: column {short(name)} has {len(words):,} different values: --categorical takes up to "
                f"{MOST_WORDS}; if they are numbers, give it as one of --features"
            )
    position = {word: float(i) for i, word in enumerate(words)}
    for i, word in enumerate(found):
        if word is not None and word not in position:
            known = ", ".join(map(cut, words[:10]))
            raise UserError(
                f"{table.path}: column {short(name)} has {short(word)} in line {table.lines[i]}, which it never had in "
                f"training (it had {known}): a model knows nothing of it"
            )
    return np.array([np.nan if word is None else position[word] for word in found]), words


def _resampled(rows: Rows, rule: str) -> tuple[Rows, Array]:
    """One row for each period, and for each whether the table has no row in it."""
    assert rows.times is not None  # `Reading` asks for the time column
    period, times = periods(rows.times, rule)
    count = len(times)
    columns = {
        name: first_in_period(values, period, count) if name in rows.words else period_means(values, period, count)
        for name, values in rows.columns.items()
    }
    note = f"{len(rows):,} rows became {count:,} means ({rule})"
    without = np.bincount(period, minlength=count) == 0
    return replace(rows, columns=columns, times=times, resampled=len(rows), notes=(*rows.notes, note)), without


def _with_future(rows: Rows, targets: Sequence[str]) -> Rows:
    """Count the rows at the end in which no target has a value."""
    known = ~np.isnan(np.stack([rows.columns[name] for name in targets])).all(axis=0)
    last = int(np.flatnonzero(known)[-1]) + 1 if known.any() else 0
    return replace(rows, future=len(rows) - last)


def _gaps(rows: Rows, lines: Sequence[int], without: Array | None, *, fills: bool) -> list[str]:
    """A sentence for each column with gaps; UserError where nothing could fill them.

    without: whether a period has no row, so that all columns have a gap there.
    """
    found = []
    if without is not None and (count := int(without[: len(rows) - rows.future].sum())):
        found.append(f"{count:,} of {len(rows) - rows.future:,} periods have no row")
    for name, values in rows.columns.items():
        gaps = np.flatnonzero(np.isnan(values[: len(values) - rows.future]))
        if not len(gaps):
            continue
        total = len(values) - rows.future
        if len(gaps) == total:
            raise UserError(f"{rows.path}: column {short(name)} is empty (all {total:,} rows): leave it out")
        if without is not None:
            gaps = gaps[~without[gaps]]
        if not len(gaps):
            continue
        where = ""
        if lines:
            where = f" (lines {', '.join(str(lines[i]) for i in gaps[:_SHOWN])}{', …' if len(gaps) > _SHOWN else ''})"
        found.append(f"column {short(name)} misses {len(gaps):,} of {total:,} values{where}")
        if fills and gaps[0] == 0:
            raise UserError(
                f"{rows.path}: {found[-1]}, and nothing stands before the first: cut the file where the column begins"
            )
    return found


def _filled(rows: Rows, grid: Grid | None, targets: Sequence[str]) -> Rows:
    """With the rows that time lacks, and the last value repeated in gaps; targets of future rows stay gaps."""
    columns, times, added = rows.columns, rows.times, 0
    if grid is not None and grid.missing and times is not None:
        count, added = int(grid.positions[-1]) + 1, grid.missing
        full = grid.times(times, np.arange(count))
        wider = {name: np.full(count, np.nan) for name in columns}
        for name, values in columns.items():
            wider[name][grid.positions] = values
        columns, times = wider, full
    known = len(next(iter(columns.values()))) - rows.future
    filled = {name: gaps for name, values in columns.items() if (gaps := np.isnan(values)).any()}
    columns = {
        name: np.concatenate([_fill_forward(values[:known]), values[known:]])
        if name in targets
        else _fill_forward(values)
        for name, values in columns.items()
    }
    return replace(rows, columns=columns, times=times, added=added, filled=filled)


def _fill_forward(column: Array) -> Array:
    known = np.where(np.isnan(column), 0, np.arange(len(column)))
    return np.asarray(column[np.maximum.accumulate(known)])
