"""What a record is: one JSON line for each training, timing and reference, and the hash that names it.

Tables, statistics, verdicts and reports are derived from these lines and can be derived again. Numbers are exact
(the standard library's `json`), missing is null (never 0, NaN or infinity), units are SI and named in the key.

A training is a record of stage "trial" or "train"; where one search serves all replicates (`--tune once`, and whatever
was recorded before there was a choice), of stage "search" or "confirm". It has these keys:

    schema          int, `SCHEMA`
    key             SHA-256 of all that decides the outcome; equal keys are one training
    experiment      name
    budget          "smoke" | "quick" | "standard" | "full"
    stage           "trial" | "train" | "search" | "confirm" | "examine" | "time" | "reference"
    match           the comparison that it belongs to: "tuned", "hidden", "params", "params 1000" (a budget),
                     "flops", "state", "time" or "hidden 20×1" (a size and depth on its own)
    task            {"name", "label", "version", "parameters", "cites" (keys of its sources; absent where it has
                     none), and "code_sha256" of the plug-in file that defines it}
    model           {"name", "label", "version", "parameters", "hidden_size", "num_layers", "dropout", "init", "group"
                      ("standard" | "recurrent" | "without recurrence"; absent in older records, all recurrent), and
                      "code_sha256" as for a task}
    training        {"learning_rate", "batch_size", "steps", "weight_decay", "clip_norm", "plateau_patience",
                     "evaluation_interval" (steps; null: 50 evaluations in all), "seed", "device", "dtype",
                     "precision": "float32" | "tf32" | "bfloat16" (absent in older records: float32)}, and where they
                     are others: "optimizer" (absent: adam), "schedule" of the learning rate (absent: constant, or on a
                     plateau) and "warmup" in steps (absent: 0); in a
                     search that prunes, "steps" is where a training stopped as asked and "budget_steps" what a whole
                     one has; "stop_at_target" is true where reaching the target ends it (`bench check`)
    origin          of a series alone: {"block", "blocks", "train_rows", "test_rows", "rows" (of the whole series;
                     absent in older records)}; replicates 1, 2, … test on the last block, the one before, …, and block
                     is null in the search for all replicates (replicate 0), whose rows end before block 0
    searched        only where more is searched: the values of a trial by name, a model's own hyper-parameters as
                     "model.NAME"
    trial           number within the search of (match, task, model) and, of stage "trial", "train" and "examine",
                     replicate; null in other stages
    replicate       1, 2, …, and 0 in the search for all of them; null in the time stage
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
    test            {"loss", "skill", and the task's metrics} on test data; null in a search for all replicates and
                     where it failed
    parameters      {"recurrent", "head", "total"}
                    a training that did not end by itself has its curve so far, and no other measurement
    kept_files      {name: CRC-32} of what it left beside the records; absent where it left nothing
    reused_from     only where it is so: the experiment that measured it, in the environment that it names
    wall_seconds, cpu_seconds, kernel ("…+graph": replayed from a CUDA graph), environment (a fingerprint)
    search_kernel   where another implementation of the same network trained the trials of the search (`--engine auto`):
                     its kernel. Absent where the model itself did. A trial with it is no result; the record of stage
                     "train" (or "confirm") with it is the training of the selected trial by the model itself
    peak_bytes      on a CPU the worker's resident set, on a GPU what torch had handed out to this training
    energy_joules   of the GPU, its idle power included: of what several trainings share, an equal part each; null on
                     a CPU, and where the driver does not tell
    hashes          SHA-256 of the initial {"weights"}, of the {"first_batch"} and of all {"data"}
    gradient_flow   in replicates 1 to 5 of stage "examine" and "confirm", and of a trial that had no rival; else
                     null: [{"init", "state": "initial" | "trained", "lags", "hidden_factor", "cell_factor", and in
                     replicate 1 "hidden": […], "cell": […] or null}, …], the norm of dL/dh_t at lag 0, 1, … for each
                     initialisation scheme, for "orthogonal × 2" (the recurrent weights twice as large: it explodes) and
                     after training, and what a step further back multiplies it by (measure/gradient_flow.py); null too
                     for a model whose states are not known

What results are made of (the selected trial of each replicate, see `records.selection`; a confirmed training) leaves
`predictions/KEY.npz` beside the records (`records.predictions`), and a checkpoint `models/KEY.pt` or `.npz`
(`bench.training.checkpoint`), unless `--no-save-models` is given or it is large (`records.kept_models`). While a
replicate's search goes on, every trial has such a checkpoint.

Stage "examine" (what is measured of a selected trial alone) has the identity of that trial, its own key, `examined`
(the key of the training that results are made of) and `gradient_flow`. A trial without a rival (one configuration) has
none: it was measured at once.

Stage "time" (timed alone: the configuration selected most often, see `records.selection`, or the confirmed one) has the
identity and instead of a curve

    timing          {"forward_seconds", "step_seconds", "latency_seconds", each with its "…_iqr",
                     "sequences_per_second", "flops_per_step", "state_size" (numbers that are carried from one step of
                     a sequence to the next; null: the model does not say), "threads", "has_warnings"}, on a GPU also
                     "clock_mhz" (null: not told) and "host_bound" (`measure.timing`)

and one more such record for each kernel that the same configuration can run on (`kernel` tells them apart), and for
each `round`: 0, 1, … (absent in older records, which have one)

Stage "reference" (a predictor without a recurrent net, on the data of one replicate) has `task`, `replicate`,
`model` {"name", "label", "kind": "floor" | "baseline" | "limit", "how"}, `test`, `valid_loss` (null: not known), for a
series `origin`, for a task that deals one set of data anew `resampled` (true), `splits` {"train", "valid", "test"}
(numbers of sequences) and `outside_range` (the share of test values outside the range of the training values; null for
classes). Older records lack `valid_loss`, `resampled` and the last two.
The first of a series' replicate has `kept_files`, with what all of its references predicted (`records.predictions`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SCHEMA = 1
PROTOCOL = 2  # of an experiment, in `experiment.json`; absent where one search for all replicates was the only way


STATUSES = ("ok", "diverged", "failed", "timeout", "out_of_memory")


STAGES = ("trial", "train", "search", "confirm", "examine", "time", "reference")


TRAININGS = ("trial", "train", "search", "confirm")  # the stages whose records are trainings


Record = dict[str, Any]


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def dumps(record: Mapping[str, Any]) -> str:
    """One line of JSON. NaN and infinity are a programming error here: ValueError."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def trainings(records: Iterable[Record]) -> Iterator[Record]:
    """The records that are trainings, whether results are made of them or not."""
    return (record for record in records if record["stage"] in TRAININGS)


def label(part: Mapping[str, Any] | None) -> str:
    """How a record's task or model is called in tables."""
    part = part or {}
    return str(part.get("label") or part.get("name") or "unnamed")


def unique(records: Iterable[Record]) -> list[Record]:
    """The records without repeats of one training, timing or reference: the last written wins, in its first place."""
    kept: dict[tuple[Any, ...], Record] = {}
    for record in records:
        stage = record.get("stage")
        threads = (record.get("timing") or {}).get("threads")
        timed = (record.get("kernel"), threads, record.get("round")) if stage == "time" else None
        names = (record.get("match"), label(record.get("task")), label(record.get("model")))
        kept[(*names, stage, record.get("trial"), record.get("replicate"), record.get("key"), timed)] = record
    return list(kept.values())
