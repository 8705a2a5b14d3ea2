"""Check every fault and every harmless change in float64, in several environments (`bench check --quick`).

    python tests/mutants/everywhere.py results/baseline            # minutes on 2 cores; prints the table
    python tests/mutants/everywhere.py results/baseline --write    # writes it into docs/gate_statistics.md

Exit code 1 where a fault is missed, or a harmless change is not let pass, in any environment.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "gate_statistics.md"
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "calibration"))

PLACES = ("as recorded", "default instructions, oneDNN off", "avx2, 2 threads", "OpenBLAS for Haswell")


def check_all(baseline: Path) -> dict[str, dict[str, float]]:
    """In this process's environment, by change and cell: the largest relative deviation of the first steps."""
    from second import MUTANTS, REFACTORINGS

    import bench.gate.this_code.session  # noqa: F401 - once, before the forks

    return {change.name: _forked(change, baseline) for change in (*MUTANTS, *REFACTORINGS)}


def _forked(change: Any, baseline: Path) -> dict[str, float]:
    """A change patches its process for good, so each has one of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writer, json.dumps(_deviations(change, baseline)).encode())
            status = 0
        except Exception:
            traceback.print_exc()  # the process ends below, whatever happens
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"the check of '{change.name}' failed")
    found: dict[str, float] = json.loads(text)
    return found


def _deviations(change: Any, folder: Path) -> dict[str, float]:
    from bench.executors.inline import InlineExecutor
    from bench.experiment.observer import Observer
    from bench.gate.baseline_files import read_baseline
    from bench.gate.selection import select
    from bench.gate.this_code.check_code import experiment_of
    from bench.gate.this_code.session import Session
    from bench.gate.this_code.trace_job import TraceJob
    from bench.gate.trace import TRACED, deviation

    change.apply()
    baseline = read_baseline(folder)
    experiment = experiment_of(baseline, {"device": "cpu"}, folder=str(folder))
    session = Session(experiment, Observer(), InlineExecutor())
    return {
        str(name): max(
            deviation(
                baseline.cells[name].traces[number],
                TraceJob(session._training(name, number)).perform(lambda *evaluation: None)["trace"],
            )[1]
            for number in TRACED
        )
        for name in select(change.cells, baseline.cells)
    }


def table(found: dict[str, dict[str, dict[str, float]]]) -> tuple[str, list[str]]:
    """The table, and what is not as it must be. found: place -> change -> cell -> deviation."""
    from second import MUTANTS, REFACTORINGS

    from bench.gate.rule import FLOAT64

    lines = [
        "| change | largest deviation, smallest over environments | noticed in |",
        "| --- | ---: | ---: |",
    ]
    wrong = []
    for change in (*MUTANTS, *REFACTORINGS):
        largest = {place: max(found[place][change.name].values()) for place in found}
        noticed = [place for place, value in largest.items() if value > FLOAT64]
        harmless = change in REFACTORINGS
        value = max(largest.values()) if harmless else min(largest.values())
        name = f"*harmless:* {change.name}" if harmless else change.name
        lines.append(f"| {name} | {value:.0e} | {len(noticed)} of {len(found)} |")
        if len(noticed) != (0 if harmless else len(found)):
            wrong.append(change.name)
    return "\n".join(lines), wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("baseline", type=Path)
    parser.add_argument("--place", choices=PLACES, help="check in this environment alone, and print JSON")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.place:
        from environments import set_up

        set_up(given.place)
        print(json.dumps(check_all(given.baseline)))
        return 0
    found = {}
    for place in PLACES:
        command = [sys.executable, __file__, str(given.baseline), "--place", place]
        found[place] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"checked: {place}", file=sys.stderr, flush=True)
    text, wrong = table(found)
    print(text)
    if given.write:
        sys.path.insert(0, str(HERE.parent / "performance"))
        from page import machine, write_section

        write_section("everywhere", f"{text}\n\nEnvironments: {'; '.join(PLACES)}. {machine()}.", PAGE)
    print(f"{len(wrong)} not as they must be: {', '.join(wrong) or 'none'}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
