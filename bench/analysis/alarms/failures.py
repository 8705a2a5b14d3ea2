"""Alarms about trainings that failed: which models, how often, how, and what to change.

A trial that a pruned search trains again for more steps counts once, as its longest training ended; one that was
stopped early did not fail.
"""

from __future__ import annotations

from bench.analysis.alarms.alarm import Alarm
from bench.analysis.formatting import counted, listed
from bench.analysis.labels import place
from bench.analysis.recorded import Recorded
from bench.analysis.result_rows import stopped_early
from bench.analysis.search_trials import configurations

OFTEN = 0.25  # of a model's trainings: with fewer, the search had enough left to choose from
MENDS = {
    "diverged": "lower the upper end of --lr-range",
    "timeout": "give a longer --timeout",
    "out_of_memory": "give a smaller --batch-size, smaller --hidden-sizes or fewer --workers",
    "failed": "see the errors in the report's section Failures",
}


def without_result(results: Recorded) -> list[Alarm]:
    """Models that no table shows, because none of their trials ended well."""
    found: list[Alarm] = []
    several = len(results.matches) > 1
    if results.manifest.get("status", "complete") != "complete":  # what is missing may still come
        return found
    trainings = configurations(results.trainings)
    for (match, task, model), rows in trainings.groupby(["match", "task", "model"], sort=False):
        by_itself = rows[(rows["stage"] == "train") | rows["search_kernel"].isna()]
        statuses = (by_itself if len(by_itself) else rows)["status"].value_counts()
        if "ok" not in statuses and not (rows["stage"] == "confirm").any():
            how = listed([f"{count} {status}" for status, count in statuses.items()])
            where = place(str(task), str(match), several)
            text = (
                f"{where}, {model} has no result: none of its trials ended well ({how}); "
                f"{MENDS.get(str(statuses.index[0]), MENDS['failed'])}."
            )
            found.append(Alarm(text, str(task)))
    return found


def failures(results: Recorded) -> list[Alarm]:
    """Models with results on a task that failed in a replicate, or in a quarter of their trainings."""
    found, several = [], len(results.matches) > 1
    trainings = configurations(results.trainings)
    for (match, task, model), rows in trainings.groupby(["match", "task", "model"], sort=False):
        bad = rows[rows["status"] != "ok"]
        own = rows[rows["selected"].to_numpy(bool)]
        lost = int((own["status"] != "ok").sum())
        if len(bad) == len(rows) or not (lost or len(bad) >= OFTEN * len(rows)):
            continue
        statuses = bad["status"].value_counts()
        how = listed([f"{count} {status}" for status, count in statuses.items()])
        missed = int(((own["status"] == "ok") & own["steps_to_target"].isna()).sum())
        censored = f", and {missed} more did not reach the target" if lost and missed else ""
        some = f"{model} failed in {lost} of {counted(len(own), 'replicate')}{censored}" if lost else ""
        pruned = stopped_early(rows).any()
        many = f"{len(bad)} of {counted(len(rows), 'trial' if pruned else 'training')} of {model} did not end well"
        mend = MENDS.get(str(statuses.index[0]), MENDS["failed"])
        text = f"{place(str(task), str(match), several)}, {some or many} ({how}): {mend}."
        found.append(Alarm(text, str(task)))
    return found
