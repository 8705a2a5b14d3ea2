"""Say in words how a cell's convergence differs from the baseline's."""

from __future__ import annotations

import math

from bench.gate.comparison import CellComparison

MEASURES = {
    "slow_down": "steps to the same loss",
    "steps": "steps to target",
    "loss": "mean loss over the budget",
    "time": "time of a training step",
}


def describe(comparison: CellComparison) -> str:
    """Describe the change: `steps to the same loss +12.0 % (95 % interval +8.0 to +15.0 %, 12 replicates)`."""
    parts = []
    if not math.isnan(comparison.shift.value):
        percent = [100 * (comparison.ratio(v) - 1) for v in comparison.shift[:3]]
        what = MEASURES[comparison.measure]
        of = f"{comparison.shift.n} {'rounds' if comparison.measure == 'time' else 'replicates'}"
        parts.append(f"{what} {percent[0]:+.1f} % (95 % interval {percent[1]:+.1f} to {percent[2]:+.1f} %, {of})")
    if comparison.newly_missed:
        parts.append(f"{comparison.newly_missed} of {comparison.n} replicates newly miss the target")
    return ", ".join(parts) or "no replicate reaches the target, before or now"


def not_paired(detectable: float) -> str:
    """Say what a comparison that is not paired costs. detectable: a ratio."""
    if math.isnan(detectable):
        return "not paired, so small changes would not be seen"
    return f"not paired: a change below about {100 * (detectable - 1):.0f} % would not be seen"
