"""Claims about what a cell costs: parameters, and time on each kernel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.analysis.claims.evidence import Evidence
from bench.analysis.claims.part import Part, State, not_measured, not_tested
from bench.analysis.formatting import listed

FASTER = 1.05  # a ratio of times nearer to 1 is no difference
MEASURES = {"step_seconds": "training step", "forward_seconds": "forward pass", "latency_seconds": "latency of one"}
# a kernel that both cells can have, or for torch on a CPU what each of them gets by itself; GRU's and LSTM's cells
KERNELS = {
    "as torch picks them on a CPU (GRU aten, LSTM onednn)": ("aten", "onednn", "gru", "lstm"),
    "on torch's own CPU kernel (aten)": ("aten", "aten", "gru", "lstm"),
    "in NumPy": ("numpy", "numpy", "numpy_gru", "numpy_lstm"),
    "on cuDNN": ("cudnn", "cudnn", "gru", "lstm"),
}

Timing = Mapping[str, Any]
Pair = tuple[int, Timing, Timing]  # the number of the round, and both sides


def parameters(evidence: Evidence) -> list[Part]:
    """Recurrent parameters of GRU and LSTM at the same sizes on the same task: is the ratio exactly 3/4?"""
    name, same = "at equal hidden size", ["experiment", "match", "task", "hidden_size", "num_layers"]
    counted = evidence.trainings.dropna(subset=["recurrent"])
    sides = (counted[counted["cell"] == cell] for cell in ("gru", "lstm"))
    gru, lstm = (side.groupby(same)["recurrent"].first().to_dict() for side in sides)
    pairs = [(int(gru[key]), int(lstm[key])) for key in gru if key in lstm]
    if not pairs:
        return [not_tested(name, "no experiment has both at one hidden size")]
    exact = all(4 * g == 3 * other for g, other in pairs)
    ratios = [g / other for g, other in pairs]
    why = f"{pairs[0][0]:,} of {pairs[0][1]:,}" if exact else f"ratios from {min(ratios):.4g} to {max(ratios):.4g}"
    state: State = "supported" if exact else "refuted"
    finding, ratio = "GRU has {} times LSTM's parameters", float(np.mean(ratios))
    return [Part(name, finding, ratio, n=len(pairs), state=state, why=f"counted: {why}", counted="configuration")]


def faster_step(evidence: Evidence) -> list[Part]:
    """GRU's time over LSTM's on each kernel: settled where the middle halves of the measurements differ by `FASTER`.

    Only of cells that were timed in turn, round by round: what slows the machine down for a while then meets both.
    """
    parts = []
    for where, (first_kernel, second_kernel, first, second) in KERNELS.items():
        pairs = list(_pairs(evidence, (first, first_kernel), (second, second_kernel)))
        for key, what in MEASURES.items():
            name = f"{what}, {where}"
            parts.append(_timed(name, key, pairs) if pairs else _absent(name, first_kernel, second_kernel))
    return parts


def _timed(name: str, key: str, pairs: list[Pair]) -> Part:
    """Geometric mean over tasks and rounds of the ratio of medians; its bounds from the quartiles on either side."""
    ratios, lows, highs = [], [], []
    for _, first, second in pairs:
        a, b = first[key], second[key]
        # half the interquartile range on either side, as factors, so that no bound is below zero
        spread = math.exp(sum(float(s.get(f"{key}_iqr") or 0.0) / 2 / s[key] for s in (first, second)))
        ratios.append(a / b)
        lows.append(a / b / spread)
        highs.append(a / b * spread)
    ratio, low, high = (float(np.exp(np.mean(np.log(values)))) for values in (ratios, lows, highs))
    state, remark = judge_times(low, high, [side for _, *sides in pairs for side in sides])
    rounds = {number for number, _, _ in pairs}
    if len(rounds) < 2:
        state, remark = "not_settled", f"{remark}; the two were not timed in turn: time them again in a new experiment"
    why = f"quartiles give {low:.3g} to {high:.3g}, single pairs {min(ratios):.3g} to {max(ratios):.3g}{remark}"
    finding = "GRU takes {} times as long as LSTM"
    return Part(name, finding, ratio, n=len(pairs), state=state, why=why, counted="timed pair")


def judge_times(low: float, high: float, timings: Sequence[Mapping[str, Any]]) -> tuple[State, str]:
    """Supported where the whole range lies below 1/`FASTER`, refuted where above it; and what is to be said of the
    timings.

    Nothing is settled by timings most of which were taken while the machine had other things to do.
    """
    noisy, waiting = (sum(bool(timing.get(name)) for timing in timings) for name in ("has_warnings", "host_bound"))
    remark = f"; the machine was not quiet in {noisy} of {len(timings)} timings" if noisy else ""
    remark += f"; {waiting} of {len(timings)} timings are host-bound: of launching, not of computing" if waiting else ""
    if 2 * noisy > len(timings):
        return "not_settled", remark
    return "supported" if high < 1 / FASTER else "refuted" if low > FASTER else "not_settled", remark


def _pairs(evidence: Evidence, first: tuple[str, str], second: tuple[str, str]) -> Iterator[Pair]:
    """Timings of two cells on their kernels at the same sizes, on the same task and machine, in the same round."""
    table = evidence.timings
    same = ["experiment", "task", "hidden_size", "num_layers", "batch_size", "environment", "round"]
    sides = []
    for cell, kernel in (first, second):
        rows = table[(table["cell"] == cell) & (table["kernel"].fillna("").str.startswith(kernel))]
        sides.append({tuple(row[name] for name in same): row["timing"] for row in rows.to_dict("records")})
    for key in (key for key in sides[0] if key in sides[1]):
        timings = sides[0][key], sides[1][key]
        if all(timing.get(measure) and math.isfinite(timing[measure]) for timing in timings for measure in MEASURES):
            yield (key[-1], *timings)


def _absent(name: str, *kernels: str) -> Part:
    if "cudnn" in kernels:
        return not_measured(name, "no timings with a GPU")
    if "onednn" in kernels:
        return not_measured(name, "no timings with oneDNN's fused LSTM")
    return not_tested(name, f"no timings of both on {listed(list(dict.fromkeys(kernels)))} at one size")
