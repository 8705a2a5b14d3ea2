"""Check every mutant against a baseline, two at a time, and say what the gate made of it.

    python tests/mutants/run.py results/baseline            # 10 minutes on 2 cores; prints the table of docs/ci.md
    python tests/mutants/run.py results/baseline --write    # writes it there
    python tests/mutants/run.py results/baseline --keep DIR # keeps the outcomes in DIR, and uses what is there

Exit code 1 where a mutant costs 10 % of convergence and the gate does not notice it in the baseline's environment, or
where all of the interval of its cost lies above 10 % and it is not noticed in another one.
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
PAGE = HERE.parents[1] / "docs" / "ci.md"

COSTS = 1.10  # what the gate must notice


def check(number: int, baseline: Path, kept: Path) -> dict[str, Any]:
    """The outcome of one mutant, in a process of its own."""
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
    """The largest change of convergence among the cells (a ratio), the lower end of its 95 % interval, in words."""

    change: float = 1.0
    low: float = 1.0
    words: str = "–"


def cost(outcome: dict[str, Any]) -> Cost:
    worst = Cost()
    for cell in outcome["elsewhere"]["cells"]:
        first = cell["first"]
        if not first or first["change"] is None or abs(first["change"] - 1) < abs(worst.change - 1):
            continue
        base = 10.0 if first["measure"] == "loss" else 2.0
        change, low, high = (100 * (base ** first["shift"][key] - 1) for key in ("value", "low", "high"))
        what = f"{first['measure']} ({cell['task']} × {cell['model']})"
        missed = f", {first['newly_missed']} of {first['n']} newly miss" if first["newly_missed"] else ""
        words = f"{change:+.0f} % {what}, {low:+.0f} to {high:+.0f} %{missed}"
        worst = Cost(first["change"], 1 + low / 100, words)
    return worst


def exact(outcome: dict[str, Any]) -> bool:
    """Whether the exact tier fails a cell in the baseline's environment."""
    return any(problem["blocking"] for cell in outcome["here"]["cells"] for problem in cell["problems"])


def convergence(outcome: dict[str, Any]) -> bool:
    """Whether slower convergence or lost targets fail a cell, on any machine."""
    return any(
        cell["state"] == "regressed" and not any(problem["blocking"] for problem in cell["problems"])
        for cell in outcome["elsewhere"]["cells"]
    )


def table(outcomes: list[dict[str, Any]]) -> str:
    lines = [
        "| what was broken | its largest effect, with its 95 % interval | exact tier | convergence tier |",
        "| --- | --- | --- | --- |",
    ]
    for outcome in outcomes:
        caught = ("caught" if tier(outcome) else "missed" for tier in (exact, convergence))
        lines.append(f"| {outcome['name']} | {cost(outcome).words} | {' | '.join(caught)} |")
    return "\n".join(lines)


def missed(outcome: dict[str, Any]) -> bool:
    """Whether the gate did not notice what it must."""
    found, slower = cost(outcome), convergence(outcome)
    return (found.change >= COSTS and not exact(outcome) and not slower) or (found.low >= COSTS and not slower)


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
    print(f"{len(names)} missed that must not be: {', '.join(names) or 'none'}", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
