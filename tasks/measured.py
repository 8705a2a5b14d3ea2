"""Which values of a series were measured, where gaps are filled: what is filled in may be learnt from, never scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, short
from tasks.origins import Origins

FEWEST = 3  # measured values of an output in a part that is scored: a single one must not decide its loss


def measured_outputs(
    path: str, measured: Array | None, origins: Origins, targets: Sequence[str], horizons: tuple[int, ...]
) -> Array | None:
    """`(rows, O)` bool, ordered as the outputs, of `measured` `(rows, targets)`; None where all that is scored was.

    UserError where a replicate would be validated or tested on too few measured values.
    """
    if measured is None or measured[origins.parts(None)[1].start :].all():
        return None
    found = np.zeros((len(measured), len(targets) * len(horizons)), dtype=bool)
    for output in range(found.shape[1]):
        column, horizon = divmod(output, len(horizons))
        later = horizons[-1] - horizons[horizon]  # a row has the outputs of the forecast whose furthest horizon it is
        found[later:, output] = measured[: len(measured) - later, column]
    for block in (None, *range(origins.blocks)):
        for part, rows in zip(("validates", "tests"), origins.target_rows(block)[1:], strict=True):
            counts = found[rows.start : rows.stop].sum(axis=0)
            if (fewest := int(counts.min())) < FEWEST:
                name = targets[int(counts.argmin()) // len(horizons)]
                raise UserError(
                    f"{path}: of the {len(rows):,} values of {short(name)} on which a replicate {part} (rows "
                    f"{rows.start + 1:,} to {rows.stop:,}) {fewest} {'is' if fewest == 1 else 'are'} in the file, "
                    f"the others are filled in: expected at least {FEWEST}; leave out the stretch "
                    "without values, or give a longer period with --resample"
                )
    return found
