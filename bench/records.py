"""Records: one JSON line for everything measured, appended to `results/NAME/records.jsonl`; the only truth.

Tables, statistics, verdicts and reports are derived from these lines and can be derived again. Numbers are exact
(the standard library's `json`), missing is null (never 0, NaN or infinity), units are SI and named in the key.

A record of stage "search" or "confirm" (a training) has these keys:

    schema          int, `SCHEMA`
    key             SHA-256 of all that decides the outcome; equal keys are one training
    experiment      name
    budget          "smoke" | "quick" | "standard" | "full"
    stage           "search" | "confirm" | "time" | "reference"
    match           the comparison that it belongs to: "tuned", "hidden", "params", "params 1000" (a budget) or
                     "hidden 20×1" (a size and depth on its own)
    task            {"name", "label", "version", "parameters"}
    model           {"name", "label", "version", "parameters", "hidden_size", "num_layers", "dropout", "init"}
    training        {"learning_rate", "batch_size", "steps", "weight_decay", "clip_norm", "plateau_patience",
                     "evaluation_interval" (steps; null: 50 evaluations in all), "seed", "device", "dtype",
                     "precision": "float32" | "tf32" | "bfloat16" (absent in older records: float32)}; in a
                     search that prunes, "steps" is where a training stopped as asked and "budget_steps" what a whole
                     one has; "stop_at_target" is true where reaching the target ends it (`bench check`)
    trial           number within the search of (match, task, model); null in other stages
    replicate       0 in the search, 1, 2, … in the confirm stage; null in the time stage
    status          "ok" | "diverged" | "failed" | "timeout" | "out_of_memory"
    error           null, or what happened
    command         what a person types to train this one again
    target          {"metric", "threshold", "direction"}
    curve           {"step", "train_loss", "valid_loss", "valid_metric", "learning_rate"}: lists of one length, from
                     step 0; the learning rate is that of the step before
    first_losses    {"step", "train_loss"}: the training loss of steps 1, 2, 5, 10, 20, 30, 40, 50, as far as it got
    evaluation_seconds  since the training began, for each evaluation
    train_sequences sequences of an epoch
    steps_to_target interpolated between evaluations; null: not reached, that is censored at the budget
    test            {"loss", "skill", and the task's metrics} on test data; null in the search and where it failed
    parameters      {"recurrent", "head", "total"}
                    a training that did not end by itself has its curve so far, and no other measurement
    reused_from     only where it is so: the experiment that measured it, in the environment that it names
    wall_seconds, cpu_seconds, kernel ("…+graph": replayed from a CUDA graph), environment (a fingerprint)
    peak_bytes      on a CPU the worker's resident set, on a GPU what torch had handed out to this training
    energy_joules   of the GPU, its idle power included: of what several trainings share, an equal part each; null on
                     a CPU, and where the driver does not tell
    hashes          SHA-256 of the initial {"weights"}, of the {"first_batch"} and of all {"data"}
    gradient_flow   in replicates 1 to 5 of the confirm stage, else null: [{"init", "state": "initial" | "trained",
                     "steps", "hidden_factor", "cell_factor", and in replicate 1 "hidden": […], "cell": […] or null},
                     …], the norm of dL/dh_t at lag 0, 1, … for each initialisation scheme, for "orthogonal × 2" (the
                     recurrent weights twice as large: it explodes) and after training, and what a step further back
                     multiplies it by (measure/gradient_flow.py); null too for a model whose states are not known

A confirmed training leaves `predictions/KEY.npz` beside the records (`bench.predictions`), and with --save-models a
checkpoint `models/KEY.pt` or `.npz` (`bench.checkpoint`).

Stage "time" (a confirmed configuration timed alone) has the identity and instead of a curve

    timing          {"forward_seconds", "step_seconds", "latency_seconds", each with its "…_iqr",
                     "sequences_per_second", "flops_per_step", "threads", "has_warnings"}

and one more such record for each kernel that the same configuration can run on (`kernel` tells them apart)

Stage "reference" (a predictor without a recurrent net, on the data of one replicate) has `task`, `replicate`,
`model` {"name", "label", "kind": "floor" | "baseline" | "limit", "how"} and `test`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tasks.errors import UserError

SCHEMA = 1
STATUSES = ("ok", "diverged", "failed", "timeout", "out_of_memory")
STAGES = ("search", "confirm", "time", "reference")

Record = dict[str, Any]


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def dumps(record: Mapping[str, Any]) -> str:
    """One line of JSON. NaN and infinity are a programming error here: ValueError."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


class RecordFile:
    """Appends to and reads `records.jsonl`. Each append is one `write` and one fsync: a kill tears one line at most."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, *records: Mapping[str, Any]) -> list[Span]:
        """Add records in one write; returns where each line is. UserError where the disk does not take them.

        What a full disk took of them is taken back, so the file stays as it was. A torn line that a kill left behind
        is closed first, so that it harms no other.
        """
        lines = [(dumps(record) + "\n").encode() for record in records]
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            try:
                _write_all(descriptor, b"\n" * torn + b"".join(lines))
                os.fsync(descriptor)
            except OSError as error:
                os.ftruncate(descriptor, size)
                raise UserError(self._refusal(error)) from error
        finally:
            os.close(descriptor)
        starts = itertools.accumulate(map(len, lines), initial=size + torn)
        return [Span(start, len(line)) for start, line in zip(starts, lines, strict=False)]

    def read(self) -> list[Record]:
        """All whole records, in the order they were written; a torn or damaged line is left out."""
        return list(read_records(self.path))

    def read_at(self, span: Span) -> Record:
        """The record of a line."""
        with self.path.open("rb") as file:
            record: Record = json.loads(os.pread(file.fileno(), span.length, span.start))
        return record

    def drop_torn_end(self) -> Line | None:
        """Cut off a last line that was only begun, and return it; None where the file ends well."""
        last = next(iter(deque(scan(self.path), maxlen=1)), None)
        if last is None or last.record is not None or last.raw.endswith(b"\n"):
            return None
        os.truncate(self.path, last.start)
        return last

    def _refusal(self, error: OSError) -> str:
        free = shutil.disk_usage(self.path.parent).free
        return (
            f"{self.path} can't be written: {error.strerror}, {free:,} bytes are free there. What was recorded before "
            "is whole: make room and run the same command again"
        )


def _write_all(descriptor: int, data: bytes) -> None:
    """One `write`; should the disk take only a part, the next one says why."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


class Span(NamedTuple):
    """Where a line is in its file, in bytes."""

    start: int
    length: int


@dataclass(frozen=True)
class Line:
    """One line of a file of records: a record, or what is wrong with it."""

    number: int
    start: int
    raw: bytes
    record: Record | None
    problem: str | None = None
    schema: int = 0


def scan(path: Path) -> Iterator[Line]:
    """Every line of a file, sound or not; none where there is no file."""
    if not path.exists():
        return
    start = 0
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            yield _parse(number, start, raw)
            start += len(raw)


def _parse(number: int, start: int, raw: bytes) -> Line:
    def damaged(problem: str) -> Line:
        return Line(number, start, raw, None, problem)

    try:
        record = json.loads(raw)
    except ValueError:
        return damaged("no valid JSON" if raw.endswith(b"\n") else "the line was only begun")
    if not isinstance(record, dict) or not isinstance(record.get("schema"), int):
        return damaged("no record: it has no schema number")
    if record["schema"] > SCHEMA:
        return Line(number, start, raw, None, f"written by a newer bench (schema {record['schema']})", record["schema"])
    for name in ("key", "stage"):
        if not isinstance(record.get(name), str):
            return damaged(f"no record: it has no {name}")
    return Line(number, start, raw, record, schema=record["schema"])


def refuse_newer(path: Path, line: Line) -> None:
    """Raise UserError for a line of a newer schema: to skip it could mean to train it again, or to report a part."""
    if line.schema > SCHEMA:
        raise UserError(
            f"{path}:{line.number} has record schema {line.schema}, this bench reads up to {SCHEMA}: "
            "install a newer bench"
        )


def read_records(path: Path, on_damage: Callable[[Line], None] | None = None) -> Iterator[Record]:
    """The records of a file. A line of a newer schema raises UserError; a damaged one is told to `on_damage`."""
    for line in scan(path):
        refuse_newer(path, line)
        if line.record is not None:
            yield line.record
        elif on_damage is not None:
            on_damage(line)


def trainings(records: Iterable[Record]) -> Iterator[Record]:
    """The records that are trainings: of the search and the confirm stage."""
    return (record for record in records if record["stage"] in ("search", "confirm"))
