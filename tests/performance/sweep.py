"""The default quick sweep compared with its optimiser steps alone: `make perf`, or this file with `--write`.

The sweep is the real command, but its workers make bare steps for a fifth of a second after each training
(`beside.py`); that time is subtracted. The time of the sweep is the wall time from the command to the last training,
times the number of workers. The ratio of processor times (all processes of the run against the bare steps) is given
as well; it is affected neither by idle cores nor by other load on the machine. It takes about ten minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from clocks import Parts
from page import ROOT, busy, judged, origin, table, wants_writing, write_section
from workers import WORKERS, perform

from bench.config.experiment import Experiment
from bench.config.resolve import resolve
from bench.experiment.cell import CellPlan
from bench.experiment.search import point_of
from bench.records.jsonl import read_records
from bench.records.schema import TRAININGS, Record
from bench.training.request import Training

RUNS, BAR = 3, 1.10
FAMILIES = {"torch": "gru,lstm,rnn", "NumPy": "numpy_gru,numpy_lstm,numpy_rnn"}
LINE = re.compile(r"\[\d+/\d+\] (trial|train) ")
EXAMINE = "gradient flow and predictions of selected trials"

Size = tuple[str, str, int, int]  # task, model, hidden size, layers


@dataclass(frozen=True)
class Sweep:
    """One run of the sweep.

    records: of its trainings. ends: for each record, the seconds from the command to its end.
    beside: for each record, the line that `beside.py` wrote. processor_seconds: of all processes.
    examine_seconds: of the jobs that measure gradient flow and predictions of selected trials.
    """

    records: list[Record]
    ends: list[float]
    beside: list[dict[str, float]]
    processor_seconds: float
    examine_seconds: float

    @classmethod
    def run(cls, models: str) -> Sweep:
        with tempfile.TemporaryDirectory() as folder:
            script = str(Path(__file__).with_name("beside.py"))
            command = [sys.executable, script, "run", "--models", models, "--workers", str(WORKERS)]
            command += ["--device", "cpu", "--results", f"{folder}/results", "--reports", f"{folder}/reports"]
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "BESIDE": f"{folder}/beside"}
            began, ends, processor = time.perf_counter(), list[float](), 0.0
            process = subprocess.Popen(
                command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
            )
            assert process.stderr is not None
            for line in process.stderr:
                if LINE.match(line):
                    ends.append(time.perf_counter() - began)
                    processor = processor_seconds(process.pid)
            if process.wait():
                raise SystemExit(f"the sweep ended with exit code {process.returncode}: {' '.join(command)}")
            (path,) = Path(folder).glob("results/*/records.jsonl")
            records = [r for r in read_records(path) if r["stage"] in TRAININGS]
            lines = [json.loads(line) for line in Path(folder, "beside").read_text().splitlines()]
        examined = sum(line["examine_wall_seconds"] for line in lines if "examine_wall_seconds" in line)
        lines = [line for line in lines if "key" in line]
        assert len(records) == len(ends) == len(lines)
        beside = {line.pop("key"): line for line in lines}
        return cls(records, ends, [beside[record["key"]] for record in records], processor, examined)

    @property
    def bare_seconds(self) -> float:
        """Wall time of the bare steps of all trainings."""
        return sum(line["bare_wall_seconds"] for line in self.beside)

    @property
    def taken_seconds(self) -> float:
        """Wall time times workers, without the time of measuring bare steps."""
        return WORKERS * self.ends[-1] - sum(line["spent_wall_seconds"] for line in self.beside)

    def ratios(self) -> tuple[float, float]:
        """The ratios to the bare steps: of wall time times workers, and of processor time."""
        bare, spent = (sum(line[f"{of}_processor_seconds"] for line in self.beside) for of in ("bare", "spent"))
        return self.taken_seconds / self.bare_seconds, (self.processor_seconds - spent) / bare

    def outside_trainings(self) -> dict[str, float]:
        """Seconds times workers in which no training ran."""
        whole = [
            record["wall_seconds"] + line["spent_wall_seconds"]
            for record, line in zip(self.records, self.beside, strict=True)
        ]
        starts = [end - seconds for end, seconds in zip(self.ends, whole, strict=True)]
        start_up = WORKERS * min(starts)
        tail = self.ends[-1] - self.ends[-2] if starts[-1] < self.ends[-2] else 0.0
        between = WORKERS * self.ends[-1] - sum(whole) - start_up - tail - self.examine_seconds
        return {"start-up": start_up, "tail": tail, EXAMINE: self.examine_seconds, "between trainings": between}


def processor_seconds(pid: int) -> float:
    """Processor seconds of a process and its running descendants, and of the ended ones that they waited for."""
    process, total = psutil.Process(pid), 0.0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            total += sum(each.cpu_times()[:4])  # user and system, of itself and of the children that it waited for
    return total


def size_of(record: Record) -> Size:
    model = record["model"]
    return record["task"]["label"], model["name"], model["hidden_size"], model["num_layers"]


def trainings_of(records: Sequence[Record], experiment: Experiment) -> dict[tuple[Size, str], Training]:
    """Return a training for each size and stage of the records."""
    plans = {
        (task.label, entry.model.name): CellPlan(experiment, experiment.matchings[0], task, entry, "cpu")
        for task in experiment.tasks
        for entry in experiment.entries
    }
    return {(size_of(r), r["stage"]): training_of(plans[size_of(r)[:2]], r) for r in records}


def training_of(plan: CellPlan, record: Record) -> Training:
    """The training of a record, made again on a replicate whose data are there already."""
    training = plan.training(point_of(record), min(record["replicate"], 1))
    twin = plan.experiment.search_twin(training.model, "cpu") if record["stage"] == "trial" else None
    return training if twin is None else replace(training, model=twin)


def parts_of(records: Sequence[Record], trainings: dict[tuple[Size, str], Training]) -> dict[str, float]:
    """Processor seconds inside all trainings of a sweep, by part, as shares of those of their bare steps.

    One training of each size and stage is measured and represents the others.
    """
    counts = Counter((size_of(record), record["stage"]) for record in records)
    jobs = [Parts(trainings[which]) for which in counts]
    parts: dict[str, float] = defaultdict(float)
    bare = 0.0
    for count, record in zip(counts.values(), perform(jobs), strict=True):
        bare += record["bare"] * count
        for part, seconds in record["parts"].items():
            parts[part] += seconds * count
    return {part: seconds / bare for part, seconds in parts.items()}


def measure(models: str) -> dict[str, Any]:
    """Measure the ratios of all runs, and the parts of the last run's time."""
    experiment = resolve({"models": models, "device": "cpu", "workers": WORKERS})
    ratios = []
    for _ in range(RUNS):
        sweep = Sweep.run(models)
        ratios.append(sweep.ratios())
        print(f"{models}: {ratios[-1][0]:.3f}, of processor times {ratios[-1][1]:.3f}", file=sys.stderr)
    outside = {part: seconds / sweep.bare_seconds for part, seconds in sweep.outside_trainings().items()}
    inside = parts_of(sweep.records, trainings_of(sweep.records, experiment))
    walls, processors = zip(*ratios, strict=True)
    return {
        "trainings": len(sweep.records),
        "taken": sweep.taken_seconds,
        "bare": sweep.bare_seconds,
        "walls": walls,
        "processors": processors,
        "parts": {**outside, **inside},
    }


def main() -> None:
    writing, was_busy = wants_writing(__doc__ or ""), busy()
    found = {family: measure(models) for family, models in FAMILIES.items()}
    rows = []
    for family, run in found.items():
        ratios = [
            f"**{statistics.median(run[kind]):.3f}** ({', '.join(f'{ratio:.2f}' for ratio in run[kind])})"
            for kind in ("walls", "processors")
        ]
        sums = [run["trainings"], f"{run['taken']:.1f} s", f"{run['bare']:.1f} s"]
        rows.append([family, *sums, *ratios, judged(statistics.median(run["walls"]), BAR, at_most=True)])
    header = ["models", "trainings", "wall × workers", "bare steps", "ratio (each run)", "of processor times", "bar"]
    parts = dict.fromkeys(part for run in found.values() for part in run["parts"])
    lines = [[part, *(f"{run['parts'].get(part, 0.0):.1%}" for run in found.values())] for part in parts]
    where = table(["of the bare steps' time", *found], lines)
    text = f"{table(header, rows)}\n\n{where}\n\n{origin(__file__, was_busy=was_busy)}"
    print(text)
    if writing:
        write_section("sweep", text)


if __name__ == "__main__":
    main()
