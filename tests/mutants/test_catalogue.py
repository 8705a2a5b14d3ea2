"""The mutants name cells of the committed baseline, and the script reports them correctly."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.gate.baseline_files import read_baseline
from bench.gate.rule import CHECKED, RECORDED
from bench.gate.selection import select

from ..by_path import load_script

HERE = Path(__file__).parent
BASELINE = HERE.parents[1] / "results" / "baseline"


@pytest.fixture(scope="module")
def run() -> ModuleType:
    """The module run.py, loaded by path because its name is too general for the import path."""
    return load_script(HERE / "run.py")


def test_there_are_fifteen_at_least_and_each_has_cells(run: ModuleType) -> None:
    names = [mutant.name for mutant in run.MUTANTS]
    assert len(set(names)) == len(names) >= 15
    baseline = read_baseline(BASELINE)
    for mutant in run.MUTANTS:
        assert select(mutant.cells, baseline.cells)


def test_the_committed_baseline_has_what_a_check_needs() -> None:
    baseline = read_baseline(BASELINE)
    assert baseline.recorded == RECORDED >= 2 * CHECKED
    assert {name.model for name in baseline.cells} == {"gru", "lstm", "rnn", "numpy_gru"}
    assert len(baseline.cells) == 12
    assert sum(path.stat().st_size for path in BASELINE.iterdir()) < 600_000


def cell(change: float, *, spread: float = 0.1, state: str = "regressed", missed: int = 0, exact: bool = False) -> Any:
    value = math.log2(change)
    shift = {"value": value, "low": value - spread, "high": value + spread}
    first = {"change": change, "measure": "slow_down", "newly_missed": missed, "n": 12, "shift": shift}
    problems = [{"text": "t", "blocking": exact}]
    return {"task": "sine", "model": "gru", "state": state, "first": first, "second": None, "problems": problems}


def outcome(*cells: Any, exact: bool = False) -> Any:
    """The outcome in another environment, and in the baseline's, where an exact check may fail."""
    here = [{**found, "problems": [{"text": "t", "blocking": exact}]} for found in cells]
    return {"name": "m", "here": {"cells": here}, "elsewhere": {"cells": list(cells)}}


def test_the_cost_is_the_largest_change(run: ModuleType) -> None:
    cost = run.cost(outcome(cell(1.05), cell(1.3, missed=2), cell(0.9)))
    assert (cost.change, cost.words) == (1.3, "+30 % steps (sine × gru), +21 to +39 %, 2 of 12 newly miss")


@pytest.mark.parametrize(
    ("found", "here", "elsewhere", "missed"),
    [
        (outcome(cell(1.2)), "convergence", "convergence", False),
        (outcome(cell(1.2), exact=True), "exact", "convergence", False),
        (outcome(cell(1.2, exact=True), cell(1.3)), "convergence", "exact and convergence", False),
        (outcome(cell(1.01, state="as_good")), "", "", False),
        (outcome(cell(1.2, state="as_good")), "", "", True),
    ],
)
def test_which_tier_catches_it_and_what_must_not_be_missed(
    run: ModuleType, found: Any, here: str, elsewhere: str, missed: bool
) -> None:
    assert (run.caught(found, "here"), run.caught(found, "elsewhere"), run.missed(found)) == (here, elsewhere, missed)
