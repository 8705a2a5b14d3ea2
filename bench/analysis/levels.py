"""When a difference counts: one set of limits for every test of the project."""

from __future__ import annotations

ENOUGH = 5  # replicates; with fewer a t interval on losses is not to be trusted
LEVEL = 0.05  # of significance, after the correction over a family
SMALLEST_LOSS = 1e-30  # losses below it are rounding errors, and zero has no logarithm
NEGLIGIBLE = 1e-3  # two implementations of one cell differ by rounding: certain, and of no interest to anybody
MARGIN = 0.05  # losses that differ by less are practically equal
NEAR = 1.1  # times the lowest loss or time: what is further off is no equal choice, clear or not
FUTILE = 0.05  # chance of being settled below which more replicates are not worth their time
