"""What a run of an experiment leaves behind, as its caller is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What a run leaves behind.

    jobs: trainings and measurements that are recorded. failures: of these, whose status is not "ok". missing: how many
    the time did not suffice for. unchanged: all was recorded before, so nothing was written and a report of then is
    still right.
    """

    results_folder: Path
    failures: int
    jobs: int
    seconds: float
    missing: int = 0
    unchanged: bool = False
