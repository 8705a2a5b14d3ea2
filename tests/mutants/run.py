"""Check every mutant against a baseline, two at a time, and report which checks detect it.

    python tests/mutants/run.py results/baseline            # 10 minutes on 2 cores; prints the table
    python tests/mutants/run.py results/baseline --write    # writes it into docs/gate_statistics.md
    python tests/mutants/run.py results/baseline --keep DIR # keeps the outcomes in DIR, and uses what is there

The exit code is 1 if a mutant slows convergence by 10 % and the gate does not detect it in the baseline's environment.
The table also has the result in another environment, where rounding differs, so that first losses are not compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue import MUTANTS

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "gate_statistics.md"

COSTS = 1.10  # the ratio of steps to target that the gate must detect


def check(number: int, baseline: Path, kept: Path) -> dict[str, Any]:
    """Check one mutant in a process of its own and return the outcome."""
    path = kept / f"{number}.json"
    if not path.exists():
        _run(number, baseline, path)
    outcome: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    print(f"{outcome['name']}: {outcome['here']['sentence']}", file=sys.stderr, flush=True)
    return outcome


def _run(number: int, baseline: Path, path: Path) -> None:
    with tempfile.TemporaryDirectory() as results:
        command = [sys.executable, str(HERE / "one.py"), str(number), str(baseline), results]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
    path.write_text(found.stdout, encoding="utf-8")


@dataclass(frozen=True)
class Cost:
    """The largest change of convergence among the cells: as a ratio, and in words with its 95 % interval."""

    change: float = 1.0
    words: str = "–"


def cost(outcome: dict[str, Any]) -> Cost:
    worst = Cost()
    for cell in outcome["elsewhere"]["cells"]:
        first = cell["second"] or cell["first"]
        if not first or first["change"] is None or abs(first["change"] - 1) < abs(worst.change - 1):
            continue
        base = 10.0 if first["measure"] == "loss" else 2.0
        change, low, high = (100 * (base ** first["shift"][key] - 1) for key in ("value", "low", "high"))
        what = f"{'loss' if first['measure'] == 'loss' else 'steps'} ({cell['task']} × {cell['model']})"
        missed = f", {first['newly_missed']} of {first['n']} newly miss" if first["newly_missed"] else ""
        worst = Cost(first["change"], f"{change:+.0f} % {what}, {low:+.0f} to {high:+.0f} %{missed}")
    return worst


def caught(outcome: dict[str, Any], where: str) -> str:
    """Name the checks that fail a cell in one of two environments: exact, convergence, or both; "" for none."""
    failed = [cell for cell in outcome[where]["cells"] if cell["state"] in ("regressed", "changed")]
    blocked = [any(problem["blocking"] for problem in cell["problems"]) for cell in failed]
    return " and ".join(["exact"] * any(blocked) + ["convergence"] * (not all(blocked)))


def missed(outcome: dict[str, Any]) -> bool:
    """Return whether a mutant slows convergence by `COSTS` and was not detected."""
    return cost(outcome).change >= COSTS and not caught(outcome, "here")


def table(outcomes: list[dict[str, Any]]) -> str:
    lines = [
        "| what was broken | its largest effect, with its 95 % interval | caught by | in another environment |",
        "| --- | --- | --- | --- |",
    ]
    for outcome in outcomes:
        tiers = " | ".join(caught(outcome, where) or "missed" for where in ("here", "elsewhere"))
        lines.append(f"| {outcome['name']} | {cost(outcome).words} | {tiers} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("baseline", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(2) as pool:
        kept = given.keep or Path(scratch)
        kept.mkdir(parents=True, exist_ok=True)
        outcomes = list(pool.map(lambda number: check(number, given.baseline, kept), range(len(MUTANTS))))
    text = table(outcomes)
    print(text)
    if given.write:
        sys.path.insert(0, str(HERE.parent / "performance"))
        from page import machine, write_section

        write_section("mutants", f"{text}\n\n{machine()}.", PAGE)
    names = [outcome["name"] for outcome in outcomes if missed(outcome)]
    print(f"{len(names)} mutants missed that must be detected: {', '.join(names) or 'none'}", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
