"""Trainings an hour on one GPU, in a cohort and one at a time: `make perf`, or this file with `--write`.

The same mixture of trainings (GRU, LSTM and plain RNN of hidden size 32, 64 and 128 on two tasks, each 1,000 steps) is
trained four ways that take turns: one at a time and eagerly, as a loop of torch's own does; one at a time from CUDA
graphs; in a cohort; in a cohort that stacks those of one shape, as it does with the trials of a search. A ratio is of
neighbouring rounds, and the median is reported. Busy is the share of time in which a kernel ran, sampled from the
driver (extra `energy`). Without a GPU it says so and measures nothing.
"""

from __future__ import annotations

import gc
import platform
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from page import NOT_MEASURED, table, wants_writing, write_section

SIZES, MODELS_, TASKS_ = (32, 64, 128), ("gru", "lstm", "rnn"), ("sine", "copy")
STEPS, ROUNDS = 1000, 3
REPLICATES = 8  # of each task: as many data sets as bench keeps at once, so that none is made in the timed part
COHORTS = (16, 64, 128)
EAGER_BAR, GRAPH_BAR, BUSY_BAR = 20.0, 4.0, 0.8
SAMPLE_SECONDS = 0.05


class Busy:
    """`with Busy() as busy:`, then `busy.share` of the time in which the GPU ran a kernel; None where nobody tells."""

    share: float | None = None

    def __enter__(self) -> Busy:
        from bench.measure.nvidia import gpu_handle

        self._handle, self._stop, self._samples = gpu_handle(), threading.Event(), list[int]()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def _sample(self) -> None:
        if self._handle is None:
            return
        import pynvml

        while not self._stop.wait(SAMPLE_SECONDS):
            self._samples.append(pynvml.nvmlDeviceGetUtilizationRates(self._handle).gpu)

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.share = statistics.mean(self._samples) / 100 if self._samples else None


class CohortListener:
    """Counts what has ended."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def turn(self, serial: int) -> None: ...

    def began(self, serial: int) -> None: ...

    def evaluated(self, serial: int, evaluation: tuple[float | None, ...]) -> None: ...

    def ended(self, serial: int, record: dict[str, Any]) -> None:
        self.records.append(record)

    def note(self, text: str) -> None:
        print(text)


def mixture(count: int) -> list[Any]:
    """So many trainings, every kind equally often; each has a learning rate of its own."""
    from bench.models.contract import Settings
    from bench.models.registry import MODELS
    from bench.training.request import Training
    from tasks.registry import TASKS

    kinds = [(model, task, size) for size in SIZES for task in TASKS_ for model in MODELS_]
    made = []
    for number in range(count):
        model, task, size = kinds[number % len(kinds)]
        settings = Settings(size, learning_rate=1e-3 * (1 + number / 1000), device="cuda")
        replicate = 1 + number // len(kinds) % REPLICATES
        made.append(Training(TASKS.create(task), MODELS.create(model), settings, 64, STEPS, replicate))
    return [replace(training, on_test_data=False) for training in made]


def eagerly(trainings: Sequence[Any]) -> list[dict[str, Any]]:
    """One after the other, each step launched kernel by kernel."""
    from bench.training.train import train

    return [train(training) for training in trainings]


def stacked(trainings: Sequence[Any]) -> list[Any]:
    """The same trainings as a search has them, which a cohort stacks."""
    from bench.models.search_twin import twin_on

    return [replace(training, model=twin_on("cuda", training.model)) for training in trainings]


def in_stacks(size: int) -> Callable[[Sequence[Any]], list[dict[str, Any]]]:
    """So many at once, those of one shape in a stack."""
    train_all = in_cohort(size)
    return lambda trainings: train_all(stacked(trainings))


def in_cohort(size: int) -> Callable[[Sequence[Any]], list[dict[str, Any]]]:
    """So many at once, each step a graph."""

    def train_all(trainings: Sequence[Any]) -> list[dict[str, Any]]:
        from bench.executors.cohort.cohort import Cohort
        from bench.executors.cohort.gpu import Gpu
        from bench.executors.cohort.size import CohortSize
        from bench.training.jobs import TrainingJob

        listener = CohortListener()
        cohort = Cohort(Gpu(), CohortSize(size), listener)
        for serial, training in enumerate(trainings, start=1):
            cohort.add(serial, TrainingJob(training))
        while not cohort.idle:
            cohort.round()
        return listener.records

    return train_all


def rate(train_all: Callable[[Sequence[Any]], list[dict[str, Any]]], count: int) -> tuple[float, float | None]:
    """Trainings an hour, and how busy the GPU was."""
    from bench.training.data import load_data

    trainings = mixture(count)
    for training in trainings:
        load_data(training.task, training.seed, training.replicate)  # it is made once for all models of an experiment
    with Busy() as busy:
        began = time.perf_counter()
        records = train_all(trainings)
        seconds = time.perf_counter() - began
    failed = [record["error"] for record in records if record["status"] != "ok"]
    assert not failed, failed
    assert len(records) == count
    return 3600 * count / seconds, busy.share


def measure() -> str:
    """The table."""
    import torch

    from bench.executors.worker import use_one_thread

    use_one_thread()
    gc.collect()
    gc.freeze()  # as in bench's own processes: what was imported is no garbage
    kinds = len(SIZES) * len(TASKS_) * len(MODELS_)
    ways = {"one at a time, eager": (eagerly, kinds), "one at a time, graphs": (in_cohort(1), kinds)}
    ways |= {f"cohort of {size}": (in_cohort(size), kinds * -(-2 * size // kinds)) for size in COHORTS}
    ways |= {f"cohort of {size}, stacked": (in_stacks(size), kinds * -(-2 * size // kinds)) for size in COHORTS}
    found: dict[str, list[tuple[float, float | None]]] = {name: [] for name in ways}
    rate(in_cohort(4), 4)  # libraries set themselves up
    for _ in range(ROUNDS):
        for name, (train_all, count) in ways.items():
            found[name].append(rate(train_all, count))
            print(f"{name}: {found[name][-1][0]:,.0f} trainings an hour", flush=True)

    def ratio(name: str, other: str) -> float:
        return statistics.median(one[0] / two[0] for one, two in zip(found[name], found[other], strict=True))

    eager, graphs = list(ways)[:2]
    rows: list[tuple[str, ...]] = []
    for name, rounds in found.items():
        shares = [share for _, share in rounds if share is not None]
        busy = f"{statistics.median(shares):.0%}" if shares else NOT_MEASURED
        median = statistics.median(each for each, _ in rounds)
        rows.append((name, f"{median:,.0f}", f"{ratio(name, eager):.1f}", f"{ratio(name, graphs):.1f}", busy))
    columns = ("way", "trainings an hour", "× eager", "× graphs alone", "GPU busy")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    where = (
        f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}, Python "
        f"{platform.python_version()}, commit {commit.stdout.strip() or 'unknown'}; "
        "`python tests/performance/gpu_cohort.py --write`"
    )
    bars = f"Bars: {EAGER_BAR:g} × eager, {GRAPH_BAR:g} × graphs alone, {BUSY_BAR:.0%} busy."
    return "\n".join([f"{where}.", "", table(columns, rows), "", bars])


def main() -> None:
    writing = wants_writing(__doc__)
    import torch

    if not torch.cuda.is_available():
        print(f"no GPU: {NOT_MEASURED}")
        return
    text = measure()
    print(text)
    if writing:
        write_section("gpu_cohort", text)


if __name__ == "__main__":
    main()
