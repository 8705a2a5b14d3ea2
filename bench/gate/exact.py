"""Exact checks: values that must be equal to the baseline's, beyond equally good convergence.

Parameter counts and finite losses block in every environment. Values that rounding may change block only in the
baseline's own environment; in another they are warnings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.analysis.formatting import shortened
from bench.gate.baseline import BaselineCell, Replicates
from bench.gate.replicates import CellTraining
from bench.gate.rule import FIRST_LOSSES, FLOAT64
from bench.gate.sketch import ALIKE, SAME
from bench.gate.trace import Trace, deviation, start_distance

VERSIONS = ("task_version", "model_version")

Code = Literal[
    "parameters", "not_finite", "weights", "first_batch", "data", "first_losses", "float64", "numpy_twin", "version"
]


@dataclass(frozen=True)
class ExactProblem:
    """A difference from the baseline. code: an identifier for programs. text: for people.

    blocking: whether it fails the cell. change: whether it shows only that something else is computed, and not that
    this is worse.
    """

    code: Code
    text: str
    blocking: bool
    change: bool = False


def configuration_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Describe how two configurations differ, apart from versions; None if they do not."""
    return "; ".join(_differences(before, now)) or None


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> list[str]:
    """Of nested settings, each that differs by itself. within: the names that lead to these."""
    found = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if key in VERSIONS or old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += _differences(old, new, f"{within}{key}.")
        else:
            found.append(f"{within}{key} is {new}, in the baseline {old}")
    return found


def problems(
    cell: BaselineCell, now: Mapping[str, Any], new: Replicates, *, same_environment: bool
) -> list[ExactProblem]:
    """List the exact differences of one cell.

    now: the cell's configuration in the checked code. new: its replicates, all of which the baseline has too.
    """
    pairs = [(cell.replicates[number], replicate) for number, replicate in sorted(new.items())]
    renewed = {key: now.get(key) != cell.configuration.get(key) for key in VERSIONS}
    on_purpose = any(renewed.values())
    found = [
        *_counts(pairs, renewed["model_version"]),
        *_finite(pairs),
        *_starts(pairs, renewed, same_environment),
        *([] if on_purpose else _first_losses(pairs, same_environment)),
    ]
    if on_purpose:
        what = " and ".join(key.removesuffix("_version") for key, changed in renewed.items() if changed)
        found.append(ExactProblem("version", f"the version of its {what} was raised: changed on purpose", False))
    return found


def trace_problems(cell: BaselineCell, now: Mapping[str, Any], traces: Mapping[int, Trace]) -> list[ExactProblem]:
    """Find the largest deviation of the first steps in float64. It blocks in every environment.

    now: the cell's configuration in the code that is checked. traces: what that code computes, by replicate; an empty
    trace failed. A raised version of the task or the model says that a difference is intended.
    """
    if any(now.get(key) != cell.configuration.get(key) for key in VERSIONS):
        return []
    if any(number in cell.traces and not trace for number, trace in traces.items()):
        return [ExactProblem("float64", "its first steps in float64 failed", True)]
    found = [
        (*_deviation(cell.traces[number], trace), number) for number, trace in traces.items() if number in cell.traces
    ]
    text, number = max(found, key=lambda entry: entry[0], default=(0.0, "", 0))[1:]
    return [ExactProblem("float64", f"in float64, replicate {number}: {text}", True, change=True)] if text else []


def _deviation(before: Trace, now: Trace) -> tuple[float, str]:
    """How far the first steps are apart, and in words; (0, "") if rounding explains it.

    Starts that differ by rounding alone are those of weights that torch draws, or of data, on another processor. The
    steps then differ as they do in float32.
    """
    apart = start_distance(before, now)
    limit = FIRST_LOSSES if SAME < apart <= ALIKE else FLOAT64
    quantity, difference = deviation(before, now)
    if difference <= limit and apart <= ALIKE:
        return 0.0, ""
    text = f"{quantity.replace('_', ' ')} is off by {difference:.1e}; rounding explains {limit:g}"
    start = f"it starts from other weights or data ({apart:.1e} apart); " if apart > ALIKE else ""
    return max(difference, apart), start + (text if quantity else "the steps are the same")


def _counts(pairs: Sequence[tuple[CellTraining, CellTraining]], renewed: bool) -> list[ExactProblem]:
    for before, now in pairs:
        counts = [(r.recurrent_parameters, r.head_parameters) for r in (before, now)]
        if None not in counts[1] and counts[0] != counts[1]:
            (recurrent, head), (recurrent_now, head_now) = counts
            found = f"{recurrent_now} recurrent and {head_now} in the head"
            text = f"parameters: {found}; the baseline has {recurrent} and {head}"
            return [ExactProblem("parameters", text, not renewed, change=True)]
    return []


def _finite(pairs: Sequence[tuple[CellTraining, CellTraining]]) -> list[ExactProblem]:
    lost = [now for before, now in pairs if before.is_finite and not now.is_finite]
    if not lost:
        return []
    statuses = ", ".join(sorted({now.status for now in lost}))
    why = f": replicate {lost[0].number}: {shortened(lost[0].error, 200)}" if lost[0].error else ""
    text = f"{len(lost)} of {len(pairs)} replicates did not train to their end ({statuses}{why})"
    return [ExactProblem("not_finite", text, True)]


def _starts(
    pairs: Sequence[tuple[CellTraining, CellTraining]], renewed: Mapping[str, bool], same_environment: bool
) -> list[ExactProblem]:
    """What trainings start from, by hash: `bench.gate.start` has seen to what differs by rounding alone."""
    found = []
    names: dict[Code, tuple[str, bool]] = {
        "data": ("the data", renewed["task_version"]),
        "first_batch": ("the first batch", renewed["task_version"]),
        "weights": ("the initial weights", renewed["model_version"]),
    }
    for name, (what, excused) in names.items():
        changed = sum(getattr(before, name) != getattr(now, name) for before, now in pairs if getattr(now, name))
        if changed and not excused:
            version = "model" if name == "weights" else "task"
            text = f"{what} of {changed} of {len(pairs)} replicates changed, but the {version}'s version was not raised"
            found.append(ExactProblem(name, text, same_environment, change=True))
    return found


def _first_losses(pairs: Sequence[tuple[CellTraining, CellTraining]], same_environment: bool) -> list[ExactProblem]:
    """The earliest deviating training loss among replicates with equal initial weights and first batch."""
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
    text = f"training loss of step {step} (replicate {number}) differs by {relative:.1e}, rounding explains 1e-4"
    return [ExactProblem("first_losses", text, same_environment, change=True)]
