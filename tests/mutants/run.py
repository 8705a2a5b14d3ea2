"""Check every mutant against a baseline, two at a time, and say what the gate made of it.

    python tests/mutants/run.py results/baseline            # 20 minutes on 2 cores; prints the table of docs/ci.md
    python tests/mutants/run.py results/baseline --write    # writes it there

Exit code 1 where a mutant costs 10 % of convergence and the gate, on any machine, does not notice.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from catalogue import MUTANTS

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "ci.md"

COSTS = 1.10  # what the gate must notice


def check(number: int, baseline: str) -> dict[str, Any]:
    """The outcome of one mutant, in a process of its own."""
    with tempfile.TemporaryDirectory() as results:
        command = [sys.executable, str(HERE / "one.py"), str(number), baseline, results]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
    outcome: dict[str, Any] = json.loads(found.stdout)
    print(f"{outcome['name']}: {outcome['here']['sentence']}", file=sys.stderr, flush=True)
    return outcome


def cost(outcome: dict[str, Any]) -> tuple[float, str]:
    """The largest change of convergence among the cells (a ratio), in words; infinite where a cell fails to train."""
    worst, words = 1.0, "–"
    for cell in outcome["elsewhere"]["cells"]:
        first = cell["first"]
        change = first["change"] if first else None
        missed = (first or {}).get("newly_missed", 0)
        if change is not None and abs(change - 1) >= abs(worst - 1):
            what = "loss" if first["measure"] == "loss" else "steps"
            worst = change
            words = f"{100 * (change - 1):+.1f} % {what} ({cell['task']} × {cell['model']})"
            words += f", {missed} of {first['n']} newly miss" if missed else ""
    return worst, words


def caught(outcome: dict[str, Any], where: str) -> str:
    """Which tier fails a cell, in one of two environments: the baseline's, or another."""
    tiers = set()
    for cell in outcome[where]["cells"]:
        if cell["state"] != "regressed":
            continue
        blocking = any(problem["blocking"] for problem in cell["problems"])
        convergence = cell["p"] is not None and (cell["p"] < 0.01 or (cell["first"] or {})["newly_missed"] >= 4)
        tiers |= ({"exact"} if blocking else set()) | ({"convergence"} if convergence else set())
    return " and ".join(sorted(tiers)) or "no"


def table(outcomes: list[dict[str, Any]]) -> str:
    lines = [
        "| what was broken | its largest effect | caught, same environment | caught, another environment |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {outcome['name']} | {cost(outcome)[1]} | {caught(outcome, 'here')} | {caught(outcome, 'elsewhere')} |"
        for outcome in outcomes
    ]
    return "\n".join(lines)


def main() -> int:
    baseline = sys.argv[1]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda number: check(number, baseline), range(len(MUTANTS))))
    text = table(outcomes)
    print(text)
    if "--write" in sys.argv:
        sys.path.insert(0, str(HERE.parent / "performance"))
        from page import machine, write_section

        write_section("mutants", f"{text}\n\n{machine()}.", PAGE)
    missed = [o["name"] for o in outcomes if cost(o)[0] >= COSTS and caught(o, "elsewhere") == "no"]
    print(f"{len(missed)} missed of those that cost 10 %: {', '.join(missed) or 'none'}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
