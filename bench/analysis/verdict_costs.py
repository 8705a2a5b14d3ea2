"""What the cells that may be the answer cost, and whether something as good is smaller or faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.analysis.formatting import counted, is_missing, listed, seconds, whole
from bench.analysis.levels import ENOUGH, LEVEL, MARGIN, NEAR
from bench.analysis.model_pairs import PairComparison
from bench.analysis.recorded import Recorded
from bench.analysis.timing_conditions import condition, is_rough, kernel_and_condition
from bench.analysis.verdict import Verdict

MOST_COSTS = 4  # cells whose costs are in a sentence; the leaderboard has all
CLEARLY = 0.9  # of the leader's parameters or step time: what is above is no saving


def lighter(results: Recorded, verdict: Verdict, twins: Sequence[PairComparison]) -> list[str]:
    """Cells that are as good as the leader, as far as one can tell, and smaller or faster.

    As good are those near the leader's loss that enough replicates do not show to be worse, a rival whose loss is
    practically equal although worse, and other implementations of the leader. twins: implementations of one cell on
    this task.
    """
    leader, rows = verdict.leader, _rows(results, verdict)
    if leader not in rows:
        return []
    pair = verdict.nearest
    tested = verdict.n >= ENOUGH  # with fewer replicates nobody is clearly worse
    near = [pair.second] if pair is not None and verdict.settled and pair.within < LEVEL else []
    reasons = dict.fromkeys(near, f"practically equal (within {100 * MARGIN:g} %)")
    losses = dict(verdict.ranking)
    close = [name for name in verdict.unbeaten if name != leader and losses[name] <= NEAR * losses[leader]]
    reasons |= {name: "not clearly worse" for name in close if tested}
    reasons |= {twin.second: "the same cell" for twin in twins if twin.first == leader}
    said = []
    for name, why in reasons.items():
        gains = [
            f"{word} ({text(rows[name][key])} against {text(rows[leader][key])}{unit})"
            for word, key, text, unit in (
                ("smaller", "parameter_count", whole, " parameters"),
                ("faster", "step_seconds", seconds, " a step"),
            )
            if name in rows
            and _saves(rows[name][key], rows[leader][key])
            and not (word == "faster" and (is_rough(rows[name]) or is_rough(rows[leader])))
        ]
        said += [f"{name} is {why}, and {listed(gains)}"] if gains else []
    return said[:MOST_COSTS]


def cost(results: Recorded, verdict: Verdict) -> list[str]:
    """Parameters, time to the target and time of a step, with the kernel that ran, of the cells that may be the answer.

    The time to the target is the median number of steps times the time of a step; of a step, all kernels that were
    timed are named.
    """
    rivals = [verdict.nearest.second] if verdict.nearest else []
    names, rows = list(dict.fromkeys([*verdict.unbeaten, *rivals]))[:MOST_COSTS], _rows(results, verdict)
    said = []
    for name in (name for name in names if name in rows):
        row = rows[name]
        count, step, steps = row["parameter_count"], row["step_seconds"], row["steps_to_target_median"]
        parts = [] if is_missing(count) else [counted(round(count), "parameter")]
        if not is_missing(step):
            own = ", ".join(filter(None, (f"{row['kernel']} kernel", condition(row))))
            kernels = [own, *_other_kernels(results, verdict, name, str(row["kernel"]))]
            parts.append(f"{seconds(step)} a step ({'; '.join(kernels)})")
            parts += [] if is_missing(steps) else [f"{seconds(steps * step)} to the target"]
        said += [f"{name} {listed(parts)}"] if parts else []
    return [f"cost: {'; '.join(said)}"] if said else []


def _rows(results: Recorded, verdict: Verdict) -> dict[str, dict[Any, Any]]:
    """The rows of the summary by model."""
    table = results.rows("summary", verdict.match, verdict.task)
    return {str(row["model"]): row for row in table[table["kind"] == "model"].to_dict("records")}


def _other_kernels(results: Recorded, verdict: Verdict, model: str, kernel: str) -> list[str]:
    """The step on kernels that the same configuration can run on besides."""
    table = results.rows("timings", verdict.match, verdict.task)
    table = table[(table["model"] == model) & (table["kernel"] != kernel) & table["step_seconds"].notna()]
    table = table.drop_duplicates("kernel")
    return [f"{seconds(row['step_seconds'])} with {kernel_and_condition(row)}" for row in table.to_dict("records")]


def _saves(value: Any, leaders: Any) -> bool:
    return not is_missing(value) and not is_missing(leaders) and float(value) < CLEARLY * float(leaders)
