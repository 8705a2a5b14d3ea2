"""A check of this code: the baseline's own experiment, trained again; or only timed, beside another commit's code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.config.resolve import Experiment, resolve
from bench.experiment.observer import Observer
from bench.gate.baseline import Baseline
from bench.gate.check import check, check_quickly
from bench.gate.errors import CantCompare
from bench.gate.outcome import Outcome
from bench.gate.replicates import CellName
from bench.gate.speed import check_speed
from bench.gate.this_code.session import Session
from bench.gate.this_code.two_commits import TwoTrees
from tasks.errors import UserError


def experiment_of(baseline: Baseline, flags: Mapping[str, Any], *, folder: str) -> Experiment:
    """The baseline's experiment on this code; CantCompare where it no longer exists here, UserError for the flags."""
    resolve({**flags, "name": "check"})  # a mistake in them is no fault of the baseline
    try:
        return resolve({**flags, "name": "check"}, baseline.experiment)
    except UserError as error:
        raise CantCompare(
            f"this code can't run the experiment of {folder}: {error}. Where that is meant, record it again: "
            f'python -m bench baseline record {folder} --accept "why"'
        ) from None


def check_code(
    baseline: Baseline,
    experiment: Experiment,
    observer: Observer,
    *,
    folder: str,
    only: Iterable[CellName] | None = None,
    quick: bool = False,
) -> Outcome:
    """Train and compare. CantCompare and UserError as `check` and `Session` raise them.

    quick: compare the first steps in float64 alone.
    """
    with Session(experiment, observer) as session:
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
) -> Outcome:
    """Time the training steps of this code and of `commit` in turn. CantCompare as `TwoTrees` raises it."""
    with TwoTrees(commit, experiment, observer.note) as stopwatch:
        return check_speed(baseline, stopwatch, only=only, note=observer.note)
