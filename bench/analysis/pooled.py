"""The tasks over which numbers are pooled, as typical skill and the probability of improvement."""

from __future__ import annotations

from bench.analysis.formatting import counted
from bench.analysis.labels import brief
from bench.analysis.levels import ENOUGH
from bench.analysis.recorded import Recorded
from bench.analysis.selected import models_in, selected_rows, target_of, tasks_in
from bench.analysis.summary import geometric_mean


def too_few(results: Recorded, match: str) -> dict[str, int]:
    """Tasks with fewer than `ENOUGH` replicates of some model so far, where others have enough; with how many.

    The few replicates of a task that has just begun would count as much as all those of another.
    """
    complete = results.manifest.get("status", "complete") == "complete"
    models = models_in(results.selected[results.selected["match"] == match], results)
    done = {}
    for task in tasks_in(results, match):
        trained = selected_rows(results, match, task)["model"].value_counts()
        done[task] = int(min(trained.get(m, 0) for m in models if m in trained or not complete))
    return {task: n for task, n in done.items() if n < ENOUGH} if max(done.values(), default=0) >= ENOUGH else {}


def pooled_tasks(results: Recorded, match: str) -> list[str]:
    """The tasks of a comparison whose results enter numbers over all tasks: those of `too_few` do not."""
    few = too_few(results, match)
    return [task for task in tasks_in(results, match) if task not in few]


def left_out(results: Recorded, match: str) -> str:
    """The tasks of `too_few` in sentences: " copy is left out: 1 replicate so far."; empty where there are none."""
    few = too_few(results, match)
    return "".join(f" {brief(task)} is left out: {counted(n, 'replicate')} so far." for task, n in few.items())


def below_the_limit(results: Recorded, task: str) -> tuple[float, float] | None:
    """Target and limit of a task whose target nothing can reach, because noise sets a higher limit; else None."""
    goal, table = target_of(results, task), results.references
    limits = table[(table["task"] == task) & (table["kind"] == "limit")]["test_loss"].dropna()
    if goal.get("metric") != "loss" or goal.get("direction") != "below" or limits.empty:
        return None
    limit = geometric_mean(limits)
    return (float(goal["threshold"]), limit) if goal["threshold"] < limit else None
