"""The first steps of a training in float64: numbers that no machine's rounding blurs.

Float32 sums differ between machines by 1e-7, and 50 steps of training make up to 1e-4 of that. Float64 sums differ by
1e-16, and after 50 steps by less than 1e-13, while a line of code that computes something else moves these numbers by
1e-5 or more (both measured: docs/gate_statistics.md). So they are compared in every environment, and a difference
means that the code computes something else than the code that recorded the baseline.

What the steps start from is in the trace too, as sketches. Weights that torch draws, and data that NumPy computes, may
differ by rounding from one processor to another; 50 steps then differ by more than float64 explains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bench.gate.sketch import PROJECTIONS, Sketch

STEPS = 50  # traced, from the initial weights on
TRACED = (1, 2)  # replicates of each cell
EVALUATED_EVERY = 25  # steps: the validation loss and metric are traced at steps 0, 25 and 50
TINY = 1e-12  # smaller numbers are compared absolutely
STARTS = ("weights", "data")  # that a trace has sketches of
_START = "initial_"  # begins the names of a sketch's numbers

Trace = Mapping[str, float]  # quantity -> value


def trace_of(train_losses: Sequence[float], curve: Mapping[str, Sequence[Any]], gradient_norm: float) -> Trace:
    """The trace of one training.

    train_losses: of every step. curve: as in a record. gradient_norm: Euclidean, of the first step after clipping.
    """
    found = {"gradient_norm_step_01": gradient_norm}
    found |= {f"train_loss_step_{step:02}": float(loss) for step, loss in enumerate(train_losses, start=1)}
    for place, step in enumerate(curve["step"]):
        for name in ("valid_loss", "valid_metric", "learning_rate"):
            value = curve[name][place]
            if value is not None:
                found[f"{name}_step_{step:02}"] = float(value)
    return found


def start_of(sketches: Mapping[str, Sketch]) -> Trace:
    """The numbers of the sketches `STARTS`, as quantities of a trace."""
    return {
        f"{_START}{name}_{part}": float(value)
        for name in STARTS
        for part, value in zip(_PARTS, _numbers(sketches[name]), strict=True)
    }


def start_distance(before: Trace, now: Trace) -> float:
    """How far two traces' starts are apart: the largest relative distance of a sketch; 0 if the baseline has none."""
    names = [name for name in STARTS if f"{_START}{name}_size" in before]
    return max((_sketch(before, name).distance(_sketch(now, name)) for name in names), default=0.0)


_PARTS = ("size", "norm", *(f"projection_{number}" for number in range(1, PROJECTIONS + 1)))


def _numbers(sketch: Sketch) -> tuple[float, ...]:
    return sketch.size, sketch.norm, *sketch.projections


def _sketch(trace: Trace, name: str) -> Sketch:
    size, norm, *projections = (trace.get(f"{_START}{name}_{part}", math.nan) for part in _PARTS)
    return Sketch(0 if math.isnan(size) else int(size), norm, tuple(projections))


def deviation(before: Trace, now: Trace) -> tuple[str, float]:
    """The quantity of the steps that deviates most from the baseline's, and by how much, relative to the baseline's.

    Infinite where one side lacks the quantity; ("", 0.0) where nothing differs.
    """
    worst = ("", 0.0)
    for name in sorted(name for name in before.keys() | now.keys() if not name.startswith(_START)):
        first, second = before.get(name, math.nan), now.get(name, math.nan)
        if name in before and name in now and math.isnan(first) and math.isnan(second):
            continue
        difference = abs(second - first) / max(abs(first), TINY)
        difference = math.inf if math.isnan(difference) else difference
        if difference > worst[1]:
            worst = (name, difference)
    return worst
