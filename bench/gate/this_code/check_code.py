"""Check this code: train the baseline's experiment again, or time its steps against another commit's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.config.experiment import Experiment
from bench.config.resolve import resolve
from bench.experiment.observer import Observer
from bench.gate.baseline import Baseline, record_command
from bench.gate.check import check
from bench.gate.errors import NotComparable
from bench.gate.outcome import CheckOutcome
from bench.gate.quick import check_quickly
from bench.gate.replicates import CellName
from bench.gate.speed import check_speed
from bench.gate.this_code.config_file import refuse_changed_file
from bench.gate.this_code.located import refuse_missing_files
from bench.gate.this_code.session import Session
from bench.gate.this_code.two_commits import TwoTrees
from tasks.errors import UserError


def experiment_of(baseline: Baseline, flags: Mapping[str, Any], *, folder: str) -> Experiment:
    """Resolve the baseline's experiment on this code.

    Raises UserError for invalid flags, and NotComparable if this code cannot run the experiment, or if the file that it
    was read from now says something else.
    """
    resolve({**flags, "name": "check"})  # raises UserError for a mistake in the flags alone
    refuse_missing_files(folder, baseline.experiment, "python -m bench check {}")
    refuse_changed_file(baseline, folder)
    try:
        resolve({**flags, "plugins": baseline.experiment.get("plugins") or None, "name": "check"})
    except UserError as error:  # nobody intends that: no other baseline would help
        raise NotComparable(
            f"this code cannot run the experiment of {folder}: {error}. Mend the plug-in, and check again"
        ) from None
    try:
        return resolve({**flags, "name": "check"}, baseline.experiment)
    except UserError as error:
        raise NotComparable(
            f"this code cannot run the experiment of {folder}: {error}. If that is intended, record another one: "
            f"{record_command(folder, experiment='--config FILE')}"
        ) from None


def check_code(
    baseline: Baseline,
    experiment: Experiment,
    observer: Observer,
    *,
    folder: str,
    only: Iterable[CellName] | None = None,
    quick: bool = False,
) -> CheckOutcome:
    """Train and compare. Raises what `check` and `Session` raise."""
    with Session(experiment, observer, recorded=not quick) as session:
        if quick:
            return check_quickly(baseline, session, folder=str(Path(folder)), only=only)
        return check(baseline, session, folder=str(Path(folder)), only=only, note=observer.note)


def check_time(
    baseline: Baseline,
    experiment: Experiment,
    observer: Observer,
    *,
    commit: str,
    only: Iterable[CellName] | None = None,
) -> CheckOutcome:
    """Time the training steps of this code and of `commit` alternately. Raises what `TwoTrees` raises."""
    with TwoTrees(commit, experiment, observer.note) as stopwatch:
        return check_speed(baseline, stopwatch, only=only, note=observer.note)
