"""How often the gate is wrong, and what it finds: whole checks resampled from real trainings. No number is stretched.

    python tests/calibration/gate.py results/baseline --keep DIR            # trains what DIR lacks; prints the tables
    python tests/calibration/gate.py results/baseline --keep DIR --write    # writes them into docs/gate_statistics.md
    python tests/calibration/gate.py results/baseline --keep DIR --only changes    # leaves out the ten environments

Unchanged code: a check in each of ten environments that round differently, as machines do; then checks resampled from
these trainings (two environments, and for each cell 24 of the replicates trained in both); then checks of trainings
whose every trajectory is drawn anew (other batches, the same code), where a coin decides for each replicate which one
is the baseline's, so that nothing is worse on average.

Changed code: faults of tests/mutants, trained on all 24 replicates; a resampled check draws 24 of these pairs. Only
convergence is compared, as if no exact check had noticed anything.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from environments import ENVIRONMENTS
from trained import REDRAWN, Trained, from_json

from bench.gate.baseline import Baseline, BaselineCell, Replicates
from bench.gate.baseline_files import read_baseline
from bench.gate.check import check
from bench.gate.comparison import compare
from bench.gate.replicates import CellName, CellTraining
from bench.gate.rule import CHECKED, Rule

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "gate_statistics.md"
CHECKS = 1000  # resampled for each row
BOTH = 2 * CHECKED
CHANGES = (
    "every tenth step skipped",
    "learning rate 10 % lower",
    "learning rate halved",
    "only half of the training data used",
    "initial weights half as large",
    "weight decay 1e-3 left on",
)

Pairs = Mapping[CellName, Sequence[tuple[CellTraining, CellTraining]]]  # before and now


class Resampled:
    """A source of replicates that are already trained."""

    name, fingerprint = "resampled", "another"

    def __init__(self, cells: Mapping[CellName, BaselineCell]) -> None:
        self._cells = cells
        self.configurations = {name: cell.configuration for name, cell in cells.items()}

    def train(self, cells: Sequence[CellName], numbers: Sequence[int]) -> Mapping[CellName, Replicates]:
        return {name: {number: self._cells[name].replicates[number] for number in numbers} for name in cells}

    def traces(self, cells: Sequence[CellName]) -> Mapping[CellName, Any]:
        return {}

    def sketches(self, wanted: Mapping[CellName, Sequence[int]]) -> Mapping[CellName, Any]:
        return {}

    def exact_problems(self, cells: Sequence[CellName]) -> Mapping[CellName, Any]:
        return {}


def obtain(script: str, arguments: Sequence[str], path: Path) -> dict[str, Any]:
    """What a script in this folder writes, in a process of its own; a file that is there is used again."""
    if not path.exists():
        subprocess.run([sys.executable, str(HERE / script), *arguments, str(path)], check=True)
        print(f"trained: {arguments[-1]}", file=sys.stderr, flush=True)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def everywhere(folder: Path, kept: Path) -> dict[str, dict[str, Any]]:
    """A check in each environment, two at a time."""

    def one(name: str) -> dict[str, Any]:
        return obtain("environments.py", [str(folder), name], kept / f"environment {name}.json")

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(ENVIRONMENTS, pool.map(one, ENVIRONMENTS), strict=True))


def under_changes(folder: Path, kept: Path) -> dict[str, Trained]:
    """All replicates of the cells that each change affects, two at a time."""

    def one(name: str) -> Trained:
        return from_json(obtain("trained.py", [str(folder), name], kept / f"change {name}.json"))

    with ThreadPoolExecutor(2) as pool:
        return dict(zip((REDRAWN, *CHANGES), pool.map(one, (REDRAWN, *CHANGES)), strict=True))


def pairs_of(before: Mapping[CellName, Replicates], now: Trained) -> Pairs:
    return {
        name: [(before[name][number], now[name][number]) for number in sorted(before[name].keys() & now[name].keys())]
        for name in now
    }


def resampled_check(baseline: Baseline, pairs: Pairs, rng: np.random.Generator, *, swapped: bool = False) -> list[str]:
    """The states of one check of 24 pairs of each cell, drawn with replacement, which count as starting alike.

    swapped: a coin decides which of a pair is the baseline's.
    """
    sides: tuple[dict[CellName, BaselineCell], ...] = ({}, {})
    for name, known in pairs.items():
        drawn = [known[pick] for pick in rng.integers(0, len(known), BOTH)]
        if swapped:
            drawn = [pair[::-1] if coin else pair for pair, coin in zip(drawn, rng.integers(0, 2, BOTH), strict=True)]
        for side in (0, 1):
            cell = replace(baseline.cells[name], traces={}, sketches={})
            alike = {"weights": "w", "first_batch": "b", "data": "d", "first_losses": {}}
            replicates = {n: replace(pair[side], number=n, **alike) for n, pair in enumerate(drawn, start=1)}
            sides[side][name] = replace(cell, replicates=replicates)
    outcome = check(replace(baseline, cells=sides[0]), Resampled(sides[1]), folder="resampled")
    return [cell.state for cell in outcome.cells]


def naive(baseline: Baseline, rng: np.random.Generator, seeds: int = 3) -> list[str]:
    """The rule of many projects: fresh seeds each time, and an alarm at 10 % above the recorded mean."""
    found = []
    for cell in baseline.cells.values():
        steps = [r.steps if r.steps_to_target is None else r.steps_to_target for r in cell.replicates.values()]
        before, now = (rng.choice(steps, seeds).mean() for _ in range(2))
        found.append("regressed" if now > 1.10 * before else "as_good")
    return found


def row(name: str, one: Callable[[], list[str]]) -> str:
    """The share of checks with an alarm, and the share of cells with one."""
    alarms = np.array([[state == "regressed" for state in one()] for _ in range(CHECKS)])
    return f"| {name} | {100 * alarms.any(axis=1).mean():.1f} % | {100 * alarms.mean():.1f} % |"


def environments_table(seen: Mapping[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| environment | fingerprint | cells as good | warnings | exit code |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name, found in seen.items():
        outcome = found["outcome"]
        good = sum(cell["state"] in ("as_good", "better") for cell in outcome["cells"])
        warnings = sum(not problem["blocking"] for cell in outcome["cells"] for problem in cell["problems"])
        same = "the baseline's" if found["same_environment"] else "another"
        lines.append(f"| {name} | {same} | {good} of {len(outcome['cells'])} | {warnings} | {outcome['exit_code']} |")
    return lines


def spread_table(anew: Pairs) -> list[str]:
    """By cell: the spread of a pair whose trajectories are drawn anew, and what is detectable paired and not."""
    lines = [
        "| cell | sd of log2 between a pair, trajectories anew | detectable | detectable, not paired |",
        "| --- | ---: | ---: | ---: |",
    ]
    for cell, pairs in anew.items():
        sides = [{n: pair[side] for n, pair in enumerate(pairs, start=1)} for side in (0, 1)]
        numbers = list(sides[0])
        found = []
        for what in ("the same", "other"):
            now = {n: replace(sides[1][n], weights=what, first_batch="b") for n in numbers}
            before = {n: replace(sides[0][n], weights="the same", first_batch="b") for n in numbers}
            found.append(compare(before, now, numbers, Rule()))
        spread = found[0].shift.error * math.sqrt(found[0].shift.n)
        percents = [f"{100 * (comparison.detectable(BOTH, len(anew)) - 1):+.0f} %" for comparison in found]
        lines.append(f"| {cell} | {spread:.3f} | {' | '.join(percents)} |")
    return lines


def power_table(baseline: Baseline, changed: Mapping[str, Trained], rng: np.random.Generator) -> list[str]:
    """By change and cell: the true slow-down, t of the area and of one crossing, and the power of a check."""
    lines = [
        f"| change | cell | slow-down, 95 % | t | t of one crossing | detectable | failed, of {CHECKS:,} checks |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, trained in changed.items():
        for cell, new in trained.items():
            before = baseline.cells[cell].replicates
            numbers = sorted(before.keys() & new.keys())
            alike = {n: replace(new[n], weights=before[n].weights, first_batch=before[n].first_batch) for n in numbers}
            area = compare(before, alike, numbers, Rule())
            single = {n: replace(training, curve=None) for n, training in before.items()}
            crossing = compare(single, alike, numbers, Rule())
            change, low, high = (100 * (area.ratio(value) - 1) for value in area.shift[:3])
            pairs = pairs_of({cell: before}, {cell: new})
            failed = [resampled_check(baseline, pairs, rng) == ["regressed"] for _ in range(CHECKS)]
            ts = [f"{found.shift.value / found.shift.error:.1f}" for found in (area, crossing)]
            lines.append(
                f"| {name} | {cell} | {change:+.0f} % ({low:+.0f} to {high:+.0f} %) | {ts[0]} | {ts[1]} | "
                f"{100 * (area.detectable(BOTH, 1) - 1):+.0f} % | {100 * np.mean(failed):.0f} % |"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("baseline", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="what is trained is kept there, and used again")
    parser.add_argument("--only", choices=("changes",), help="leave out the ten environments")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    baseline, rng = read_baseline(given.baseline), np.random.default_rng(0)
    given.keep.mkdir(parents=True, exist_ok=True)
    changed = under_changes(given.baseline, given.keep)
    recorded = {name: cell.replicates for name, cell in baseline.cells.items()}
    anew = pairs_of(recorded, changed.pop(REDRAWN))
    lines = [f"| unchanged code | checks with an alarm, of {CHECKS:,} | cells with an alarm |", "| --- | ---: | ---: |"]
    lines.append(row("naive: 3 fresh seeds, 10 %", lambda: naive(baseline, rng)))
    if given.only is None:
        seen = everywhere(given.baseline, given.keep)
        sides = [from_json(found) for found in seen.values()]

        def two_environments() -> list[str]:
            before, now = (sides[place] for place in rng.choice(len(sides), 2, replace=False))
            return resampled_check(baseline, pairs_of(before, now), rng)

        lines = [*environments_table(seen), "", *lines, row("gate, another environment", two_environments)]
    lines.append(row("gate, every trajectory anew", lambda: resampled_check(baseline, anew, rng, swapped=True)))
    text = "\n".join([*lines, "", *spread_table(anew), "", *power_table(baseline, changed, rng)])
    print(text)
    if given.write:
        sys.path.insert(0, str(HERE.parent / "performance"))
        from page import machine, write_section

        write_section("calibration", f"{text}\n\n{machine()}.", PAGE)


if __name__ == "__main__":
    main()
