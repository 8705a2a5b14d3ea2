"""Where a series is cut for each replicate: forecast origins, in order of time.

The last part of the rows is cut into blocks of equal length. A replicate tests on one block, validates on the rows
before it, and trains on all rows before those. So replicates are tested on different stretches of time, and a
comparison of models is not about one of them.

The number of blocks follows from rows, window and horizon alone, never from the number of replicates: more replicates
then extend fewer, and what is recorded stays valid. At most 40 % of the rows lie in blocks, so that the earliest origin
of a long series still trains on 45 % of the rows or more. Each block has at least six forecasts, so that no single row
decides its error. There are at most ten blocks: more of them would be shorter and their intervals hardly narrower,
because neighbouring origins share most of their training rows. Where values are filled in, `tasks.measured` chooses
those that have enough measured ones.

One more block of the same length lies before these, for a search that serves all replicates (replicate 0): its three
parts end before the first test block begins, so that it sees no row on which a replicate is tested.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from tasks.contract import Array, Dataset
from tasks.errors import UserError
from tasks.windows import windows_of

MOST_BLOCKS = 10
FEWEST_FORECASTS = 6  # in a block, in the validation part and in the training part
IN_BLOCKS = 40  # percent of the rows that lie in blocks, at most
VALIDATION = 15  # percent of the rows


@dataclass(frozen=True)
class Origins:
    """The cuts of a series with `rows` rows.

    starts: the first rows of the blocks of `block_rows` rows, in order of time; the first one is the search's.
    skipped: how many blocks are left out because too little was measured there (`tasks.measured`).
    """

    rows: int
    window: int
    horizon: int
    starts: tuple[int, ...]
    block_rows: int
    valid_rows: int
    skipped: int = 0

    @property
    def blocks(self) -> int:
        """On how many blocks replicates are tested."""
        return len(self.starts) - 1

    def block_of(self, replicate: int) -> int | None:
        """The block on which a replicate (1, 2, …) is tested; None for replicate 0. More than `blocks` share them.

        The newest block comes first: a few replicates are tested on the rows that matter most to a forecast.
        """
        return self.blocks - 1 - (replicate - 1) % self.blocks if replicate else None

    def parts(self, block: int | None) -> tuple[slice, slice, slice]:
        """Rows of training, validation and test for a block, or for the origin before all blocks (None)."""
        test = self.starts[0 if block is None else block + 1]
        valid = test - self.valid_rows
        return slice(0, valid), slice(valid, test), slice(test, test + self.block_rows)

    def target_rows(self, block: int | None) -> tuple[range, range, range]:
        """The rows that training, validation and test predict."""
        train, valid, test = self.parts(block)
        ahead = self.horizon - 1
        return (
            range(self.window + ahead, train.stop),
            range(valid.start + ahead, valid.stop),
            range(test.start + ahead, test.stop),
        )

    def split(
        self,
        inputs: Array,
        targets: Array,
        block: int | None,
        base: Array | None = None,
        measured: Array | None = None,
    ) -> Dataset:
        """Windows of the rows `inputs` `(rows, I)` for a block, with the row of `targets` `(rows, O)` `horizon` rows
        after each, and that row of `base` and of `measured`, both `(rows, O)`.

        A forecast of validation or test looks back at the `window` rows before it, some of which may be rows of the
        part before: they lie in its past and are known when it is made. No window reaches into a later part, and no
        row is predicted in two parts. The first forecast of a part is made at the row before it.
        """
        train, valid, test = self.parts(block)
        return Dataset(
            *(
                windows_of(
                    inputs[reach],
                    targets[reach],
                    self.window,
                    horizon=self.horizon,
                    base=None if base is None else base[reach],
                    measured=None if measured is None else measured[reach],
                )
                for reach in (slice(max(0, part.start - self.window), part.stop) for part in (train, valid, test))
            )
        )


def find_origins(rows: int, window: int, horizon: int, most: int = MOST_BLOCKS) -> Origins | None:
    """The origins of a series, with at most this many blocks; None where it is too short for two."""
    shortest = _shortest(horizon)
    valid_rows = max(shortest, rows * VALIDATION // 100)
    room = min(rows * IN_BLOCKS // 100, rows - valid_rows - window - shortest)
    block_rows = max(shortest, room // (most + 1))  # and one for the search
    blocks = min(most, room // block_rows - 1)
    starts = tuple(range(rows - (blocks + 1) * block_rows, rows, block_rows))
    return Origins(rows, window, horizon, starts, block_rows, valid_rows) if blocks >= 2 else None


def require_origins(
    path: str,
    rows: int,
    window: int,
    horizon: int,
    *,
    several: bool = False,
    resampled: tuple[str | None, int] = ("", 0),
) -> Origins:
    """The origins of a series; UserError, with all that would make it long enough, where it is too short.

    several: whether `horizon` is the furthest of `--horizons`. resampled: the period, and the rows that became `rows`.
    """
    found = find_origins(rows, window, horizon)
    if found is not None:
        return found
    period, before = resampled
    after = f" after --resample {period} ({before:,} before)" if before else ""
    hints = ["a shorter period to --resample"] if before else []
    if largest := largest_window(rows, horizon):
        hints.append(f"--window {largest} or less")
    if furthest := largest_horizon(rows, window):
        hints.append(_horizon(furthest, several))
    elif not largest and (furthest := largest_horizon(rows, 1)):
        hints.append(f"{_horizon(furthest, several)} with --window {largest_window(rows, furthest)} or less")
    needed = f"at least {rows_for_two_origins(window, horizon):,} rows"
    if not largest and not furthest:
        fewest = rows_for_two_origins(1, 1)
        one = f"{_horizon(1, several)} and " if horizon > 1 else ""
        needed += f" ({fewest} with {one}--window {largest_window(fewest, 1)} or less)"
    raise UserError(
        f"{path} has {rows:,} rows{after}, too few for two forecast origins (a training part, a validation part and "
        f"two test blocks) with window {window} and horizon {horizon}: give {', or '.join([*hints, needed])}"
    )


def _horizon(largest: int, several: bool) -> str:
    if largest == 1:
        return "--horizon 1"
    return f"--horizons up to {largest}" if several else f"--horizon {largest} or less"


def largest_horizon(rows: int, window: int) -> int:
    """The largest horizon with which a series has two origins; 0: none."""
    return bisect.bisect(range(1, rows + 1), False, key=lambda horizon: find_origins(rows, window, horizon) is None)


def largest_window(rows: int, horizon: int) -> int:
    """The largest window with which a series has two origins; 0: none."""
    shortest = _shortest(horizon)
    blocks = 3 * shortest  # two, and one for the search
    if rows * IN_BLOCKS // 100 < blocks:
        return 0
    return max(0, rows - max(shortest, rows * VALIDATION // 100) - shortest - blocks)


def rows_for_two_origins(window: int, horizon: int) -> int:
    """The fewest rows with which a series has two origins."""
    rows = window + 5 * _shortest(horizon)  # training, validation, and three blocks
    while find_origins(rows, window, horizon) is None:
        rows += 1
    return rows


def rows_for_training() -> str:
    """The fewest rows of all, in words."""
    return f"training needs at least {rows_for_two_origins(1, 1)} rows, {rows_for_two_origins(24, 1)} with --window 24"


def _shortest(horizon: int) -> int:
    """The fewest rows of a part in which `FEWEST_FORECASTS` can be made from the row before it on."""
    return horizon - 1 + FEWEST_FORECASTS
