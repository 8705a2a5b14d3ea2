"""The waiting time for `--help`, for the first training of a run, and for the result of a finished experiment.

`make perf`, or this file with `--write`. The times are medians of alternating runs, each a command of its own. The
start of the first training is written by a plug-in whose GRU records the time at which it is built. It takes about
two minutes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from page import ROOT, busy, judged, origin, table, wants_writing, write_section

RUNS = 5
STAMPED = """
import time
from dataclasses import dataclass
from bench.models.gru import Gru

@dataclass(frozen=True)
class Stamped(Gru):
    name = "stamped"
    cell = "gru"
    summary = "a GRU that says when it is built"

    def build(self, *arguments):
        with open({path!r}, "a") as file:
            file.write(f"{{time.time()}}\\n")
        return super().build(*arguments)
"""


def seconds_of(*arguments: str) -> float:
    """Seconds of one command of bench, from start to end."""
    began = time.perf_counter()
    bench(*arguments)
    return time.perf_counter() - began


def bench(*arguments: str) -> None:
    """Run a command of bench; it must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = subprocess.DEVNULL
    subprocess.run([sys.executable, "-m", "bench", *arguments], env=environment, stdout=quiet, stderr=quiet, check=True)


def first_training(folder: Path) -> float:
    """Seconds from the command of a new run, of the default models and one more, to its first training."""
    times, plugin = folder / "times", folder / "stamped.py"
    times.unlink(missing_ok=True)
    plugin.write_text(STAMPED.format(path=str(times)))
    began = time.time()
    places = ["--results", str(folder / "new"), "--reports", str(folder / "reports")]
    models = ["--plugin", str(plugin), "--models", "stamped,gru,lstm,rnn"]
    bench("run", *models, "--budget", "smoke", "--tasks", "sine", "--fresh", *places)
    return float(times.read_text().split()[0]) - began


def main() -> None:
    writing, was_busy = wants_writing(__doc__ or ""), busy()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # as many trainings as the default run has, each of 25 steps: records and report have their usual size
        finished = ["run", "--steps", "25", "--results", str(folder / "results"), "--reports", str(folder / "reports")]
        bench(*finished)
        (records,) = folder.glob("results/*/records.jsonl")
        count = len(records.read_text().splitlines())
        runs = [(seconds_of("--help"), first_training(folder), seconds_of(*finished)) for _ in range(RUNS)]
    names = {
        "`python -m bench --help`": 0.25,
        "the first training of a run begins": 4.0,
        f"a finished experiment ({count} records) returns": 3.0,
    }
    rows = []
    for (name, bar), seconds in zip(names.items(), zip(*runs, strict=True), strict=True):
        median = statistics.median(seconds)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f} s"
        rows.append([name, f"**{median:.2f} s**", spread, judged(median, bar, at_most=True)])
    text = table(["from the command until", "median", "of five runs", "bar, s"], rows)
    text += "\n\n" + origin(__file__, was_busy=was_busy)
    print(text)
    if writing:
        write_section("start", text)


if __name__ == "__main__":
    main()
