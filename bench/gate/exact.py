"""Tier 0: what must be equal, not only as good. Counts and finiteness block anywhere; what rounding may change blocks
only in the baseline's own environment, and is a warning in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.gate.baseline import Cell, Replicates
from bench.gate.replicates import Replicate
from bench.gate.rule import FIRST_LOSSES, FLOAT64
from bench.gate.trace import Trace, deviation

VERSIONS = ("task_version", "model_version")


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was.

    blocking: it fails the cell. change: it shows that something else is computed, and not that this is worse.
    """

    text: str
    blocking: bool
    change: bool = False


def configuration_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What of two configurations differs, versions aside, in a few words; None where nothing does."""
    changed = [
        f"{key} is {now.get(key)}, in the baseline {before.get(key)}"
        for key in sorted(before.keys() | now.keys())
        if key not in VERSIONS and now.get(key) != before.get(key)
    ]
    return "; ".join(changed) or None


def problems(cell: Cell, now: Mapping[str, Any], new: Replicates, *, same_environment: bool) -> list[Problem]:
    """now: the cell's configuration in the code that is checked. new: its replicates, which the baseline has too."""
    pairs = [(cell.replicates[number], replicate) for number, replicate in sorted(new.items())]
    renewed = {key: now.get(key) != cell.configuration.get(key) for key in VERSIONS}
    on_purpose = any(renewed.values())
    found = [
        *_counts(pairs, renewed["model_version"]),
        *_finite(pairs),
        *_hashes(pairs, renewed, same_environment),
        *([] if on_purpose else _first_losses(pairs, same_environment)),
    ]
    if on_purpose:
        what = " and ".join(key.removesuffix("_version") for key, changed in renewed.items() if changed)
        found.append(Problem(f"the version of its {what} was raised: changed on purpose, so not paired", False))
    return found


def trace_problems(cell: Cell, now: Mapping[str, Any], traces: Mapping[int, Trace]) -> list[Problem]:
    """The largest deviation of the first steps in float64: it blocks in every environment.

    now: the cell's configuration in the code that is checked. traces: what its code computes, by replicate. A raised
    version of the task or the model says that a difference is meant.
    """
    if any(now.get(key) != cell.configuration.get(key) for key in VERSIONS):
        return []
    if any(number in cell.traces and not trace for number, trace in traces.items()):
        return [Problem("its first steps in float64 failed", True)]
    found = [
        (*deviation(cell.traces[number], trace), number) for number, trace in traces.items() if number in cell.traces
    ]
    quantity, difference, number = max(found, key=lambda entry: entry[1], default=("", 0.0, 0))
    if difference <= FLOAT64:
        return []
    what = quantity.replace("_", " ")
    text = f"in float64, {what} (replicate {number}) is off by {difference:.1e}; rounding explains {FLOAT64:g}"
    return [Problem(text, True, change=True)]


def _counts(pairs: Sequence[tuple[Replicate, Replicate]], renewed: bool) -> list[Problem]:
    for before, now in pairs:
        counts = [(r.recurrent_parameters, r.head_parameters) for r in (before, now)]
        if None not in counts[1] and counts[0] != counts[1]:
            (recurrent, head), (recurrent_now, head_now) = counts
            text = f"parameters: {recurrent_now} recurrent and {head_now} in the head, were {recurrent} and {head}"
            return [Problem(text, not renewed, change=True)]
    return []


def _finite(pairs: Sequence[tuple[Replicate, Replicate]]) -> list[Problem]:
    lost = [(now.number, now.status) for before, now in pairs if before.is_finite and not now.is_finite]
    if not lost:
        return []
    statuses = ", ".join(sorted({status for _, status in lost}))
    return [Problem(f"{len(lost)} of {len(pairs)} replicates did not train to their end ({statuses})", True)]


def _hashes(
    pairs: Sequence[tuple[Replicate, Replicate]], renewed: Mapping[str, bool], same_environment: bool
) -> list[Problem]:
    found = []
    names = {
        "data": ("the data", renewed["task_version"]),
        "first_batch": ("the first batch", renewed["task_version"]),
        "weights": ("the initial weights", renewed["model_version"]),
    }
    for name, (what, excused) in names.items():
        changed = sum(getattr(before, name) != getattr(now, name) for before, now in pairs if getattr(now, name))
        if changed and not excused:
            version = "model" if name == "weights" else "task"
            text = f"{what} of {changed} of {len(pairs)} replicates changed, the {version}'s version did not"
            found.append(Problem(text, same_environment, change=True))
    return found


def _first_losses(pairs: Sequence[tuple[Replicate, Replicate]], same_environment: bool) -> list[Problem]:
    """The largest relative among replicates that began alike."""
    worst: tuple[float, int, int] | None = None
    for before, now in pairs:
        if (before.weights, before.first_batch) != (now.weights, now.first_batch):
            continue
        for step, loss in before.first_losses.items():
            if step in now.first_losses:
                relative = abs(now.first_losses[step] - loss) / max(abs(loss), 1e-12)
                if relative > FIRST_LOSSES and (worst is None or step < worst[1]):
                    worst = (relative, step, now.number)
    if worst is None:
        return []
    relative, step, number = worst
    text = f"training loss of step {step} (replicate {number}) is off by {relative:.1e}; rounding explains 1e-4"
    return [Problem(text, same_environment, change=True)]
