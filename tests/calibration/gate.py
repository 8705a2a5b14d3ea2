"""The rates of the gate's false and missed alarms, from whole checks resampled from real trainings.

    python tests/calibration/gate.py results/baseline            # trains in every environment first; prints the tables
    python tests/calibration/gate.py results/baseline --write    # writes them into docs/ci.md
    python tests/calibration/gate.py results/baseline --keep DIR # keeps what was trained in DIR, and uses what is there

A resampled check draws two environments and, for each cell, 24 of the replicates trained in both. The two sides
therefore differ by the effect of rounding on real trainings. A change of speed is simulated by multiplying the steps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from environments import ENVIRONMENTS

from bench.gate.baseline import Baseline, BaselineCell, Replicates, read_baseline
from bench.gate.check import check
from bench.gate.exact import ExactProblem
from bench.gate.replicates import CellName, CellTraining
from bench.gate.rule import CHECKED

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "ci.md"
CHECKS = 1000  # resampled for each row
BOTH = 2 * CHECKED

Trained = Mapping[CellName, Sequence[CellTraining]]


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

    def exact_problems(self, cells: Sequence[CellName]) -> Mapping[CellName, list[ExactProblem]]:
        return {}


def train_everywhere(folder: Path, kept: Path) -> dict[str, dict[str, Any]]:
    """Run a check in each environment, two at a time; results in the folder `kept` are used again."""

    def one(name: str) -> dict[str, Any]:
        path = kept / f"{list(ENVIRONMENTS).index(name)}.json"
        if not path.exists():
            subprocess.run([sys.executable, str(HERE / "environments.py"), str(folder), name, str(path)], check=True)
            print(f"trained: {name}", file=sys.stderr, flush=True)
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(ENVIRONMENTS, pool.map(one, ENVIRONMENTS), strict=True))


def trained(seen: dict[str, Any]) -> Trained:
    """Return the first replicates of each cell, in order."""
    cells: dict[CellName, dict[int, CellTraining]] = {}
    for row in seen["replicates"]:
        values = {key: value for key, value in row.items() if key not in ("task", "model", "replicate")}
        replicate = CellTraining.from_rows(row["replicate"], values)
        cells.setdefault(CellName(row["task"], row["model"]), {})[replicate.number] = replicate
    return {name: [found[number] for number in range(1, CHECKED + 1)] for name, found in cells.items()}


def drawn(
    baseline: Baseline, side: Trained, picks: Mapping[CellName, Any], factor: float = 1.0
) -> dict[CellName, BaselineCell]:
    """Return cells of 24 replicates drawn from a side, their steps multiplied by a factor."""
    return {
        name: replace(
            baseline.cells[name],
            replicates={n: stretched(replicates[pick], n, factor) for n, pick in enumerate(picks[name], start=1)},
        )
        for name, replicates in side.items()
    }


def stretched(replicate: CellTraining, number: int, factor: float) -> CellTraining:
    """Multiply the steps to target; beyond the budget the replicate misses its target."""
    steps = replicate.steps_to_target
    longer = steps * factor if steps is not None and steps * factor <= replicate.steps else None
    return replace(replicate, number=number, steps_to_target=longer)


def renewed(cells: Mapping[CellName, BaselineCell]) -> dict[CellName, BaselineCell]:
    """Change the weights of cells as on purpose: a new version, other hashes."""
    return {
        name: replace(
            cell,
            configuration={**cell.configuration, "model_version": "new"},
            replicates={n: replace(r, weights=f"new {n}") for n, r in cell.replicates.items()},
        )
        for name, cell in cells.items()
    }


def paired(baseline: Baseline, sides: Sequence[Trained], factor: float, rng: np.random.Generator) -> list[str]:
    """Return the states of one resampled check of paired replicates in two environments."""
    before, now = (sides[i] for i in rng.choice(len(sides), 2, replace=False))
    picks = {name: rng.integers(0, CHECKED, BOTH) for name in before}
    reference = replace(baseline, cells=drawn(baseline, before, picks))
    return states(reference, drawn(baseline, now, picks, factor))


def unpaired(baseline: Baseline, factor: float, rng: np.random.Generator) -> list[str]:
    """The same with other weights: both sides draw independently from the baseline's 24 replicates."""
    everything = {name: list(cell.replicates.values()) for name, cell in baseline.cells.items()}
    first, second = ({name: rng.integers(0, BOTH, BOTH) for name in everything} for _ in range(2))
    reference = replace(baseline, cells=drawn(baseline, everything, first))
    return states(reference, renewed(drawn(baseline, everything, second, factor)))


def states(reference: Baseline, new: Mapping[CellName, BaselineCell]) -> list[str]:
    return [cell.state for cell in check(reference, Resampled(new), folder="resampled").cells]


def naive(baseline: Baseline, factor: float, rng: np.random.Generator, seeds: int = 3) -> list[str]:
    """The rule of many projects: fresh seeds each time, and an alarm at 10 % above the recorded mean."""
    found = []
    for cell in baseline.cells.values():
        steps = [r.steps if r.steps_to_target is None else r.steps_to_target for r in cell.replicates.values()]
        before, now = (rng.choice(steps, seeds).mean() for _ in range(2))
        found.append("regressed" if now * factor > 1.10 * before else "as_good")
    return found


def rates(checks: Sequence[list[str]]) -> tuple[float, float]:
    """Return the share of checks with an alarm, and the share of cells with one."""
    alarms = np.array([[state == "regressed" for state in cells] for cells in checks])
    return float(alarms.any(axis=1).mean()), float(alarms.mean())


def table(baseline: Baseline, everywhere: Mapping[str, dict[str, Any]], rng: np.random.Generator) -> str:
    sides = [trained(seen) for seen in everywhere.values()]
    lines = [
        "| environment | fingerprint | cells as good | warnings | exit code |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name, seen in everywhere.items():
        outcome = seen["outcome"]
        good = sum(cell["state"] in ("as_good", "better") for cell in outcome["cells"])
        warnings = sum(not problem["blocking"] for cell in outcome["cells"] for problem in cell["problems"])
        same = "the baseline's" if seen["same_environment"] else "another"
        lines.append(f"| {name} | {same} | {good} of {len(outcome['cells'])} | {warnings} | {outcome['exit_code']} |")
    lines += ["", "| cell | sd of log2 steps over seeds | sd of log2 between environments, same seed |"]
    lines += ["| --- | ---: | ---: |"]
    for cell in baseline.cells:
        logs = np.array([[_log2(r) for r in side[cell]] for side in sides])
        lines.append(f"| {cell} | {logs[0].std(ddof=1):.3f} | {logs.std(axis=0, ddof=1).mean():.3f} |")
    lines += ["", f"| rule | true change | checks with an alarm, of {CHECKS:,} | cells with an alarm |"]
    lines += ["| --- | ---: | ---: | ---: |"]
    rows = [
        *[("naive: 3 fresh seeds, 10 %", f, lambda f: naive(baseline, f, rng)) for f in (1.0, 1.1, 1.2)],
        *[("gate, paired", f, lambda f: paired(baseline, sides, f, rng)) for f in (1.0, 1.05, 1.1, 1.2)],
        *[("gate, unpaired", f, lambda f: unpaired(baseline, f, rng)) for f in (1.0, 1.1, 1.2, 1.5)],
    ]
    for name, factor, one in rows:
        any_cell, cells = rates([one(factor) for _ in range(CHECKS)])
        lines.append(f"| {name} | {100 * (factor - 1):+.0f} % | {100 * any_cell:.1f} % | {100 * cells:.1f} % |")
    return "\n".join(lines)


def _log2(replicate: CellTraining) -> float:
    steps = replicate.steps if replicate.steps_to_target is None else replicate.steps_to_target
    return float(np.log2(steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("baseline", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    baseline = read_baseline(given.baseline)
    with tempfile.TemporaryDirectory() as scratch:
        kept = given.keep or Path(scratch)
        kept.mkdir(parents=True, exist_ok=True)
        everywhere = train_everywhere(given.baseline, kept)
    text = table(baseline, everywhere, np.random.default_rng(0))
    print(text)
    if given.write:
        sys.path.insert(0, str(HERE.parent / "performance"))
        from page import machine, write_section

        write_section("calibration", f"{text}\n\n{machine()}.", PAGE)


if __name__ == "__main__":
    main()
