"""Alarms about the recording: damaged records, noisy times, environments that must not be mixed."""

from __future__ import annotations

from bench.analysis.alarms.alarm import Alarm
from bench.analysis.formatting import listed
from bench.analysis.labels import brief
from bench.analysis.recorded import Recorded
from bench.records.schema import label

NAMED = 4


def damaged_records(results: Recorded) -> list[Alarm]:
    if not results.damaged:
        return []
    several = len(results.damaged) > 1
    lines = listed([str(number) for number in results.damaged[:5]]) + (" …" if len(results.damaged) > 5 else "")
    text = (
        f"Line{'s' * several} {lines} of records.jsonl {'are' if several else 'is'} damaged and left out: see "
        f"python -m bench doctor {results.name}."
    )
    return [Alarm(text)]


def changed_folder(results: Recorded) -> list[Alarm]:
    """What has changed since `experiment.json` sealed it."""
    return [Alarm(f"{text}: see `python -m bench doctor {results.name}`.") for text in results.changed]


def noisy_timings(results: Recorded) -> list[Alarm]:
    """One sentence, which names what was timed where that is short enough to read."""
    noisy = results.timings[results.timings["has_warnings"].fillna(False).astype(bool)]
    names = list(dict.fromkeys(f"{row.model} on {brief(str(row.task))}" for row in noisy.itertuples()))
    if not names:
        return []
    if noisy["task"].nunique() == 1:
        task = brief(str(noisy["task"].iloc[0]))
        names = [f"{listed(list(dict.fromkeys(map(str, noisy['model']))))} on {task}"]
    said = listed(names) if len(names) <= NAMED else f"{len(noisy)} of {len(results.timings)} configurations"
    text = (
        f"The machine was not quiet while timing {said}, so these times are rough: to compare times, run it again on a "
        "quiet machine with another --name."
    )
    return [Alarm(text)]


def mixed_machines(results: Recorded) -> list[Alarm]:
    """What is compared, the models of one task, must come from one environment."""
    timed = _environments(results, ("time",))
    trained = _environments(results, ("trial", "train", "confirm"))
    if mixed := _mixed(timed):
        text = (
            f"The times {mixed} and must not be compared with each other: run it again on one machine with another "
            "--name."
        )
        return [Alarm(text)]
    if mixed := _mixed(trained):
        return [Alarm(f"The trainings {mixed}: losses may differ by rounding alone.")]
    return []


def _environments(results: Recorded, stages: tuple[str, ...]) -> dict[str, set[str]]:
    """By task, where its records of these stages were made."""
    found: dict[str, set[str]] = {}
    for record in results.records:
        if record.get("stage") in stages and record.get("environment"):
            found.setdefault(label(record.get("task")), set()).add(record["environment"])
    return found


def _mixed(environments: dict[str, set[str]]) -> str | None:
    """ "of sine come from 2 environments"; None where each task has one."""
    tasks = [task for task, found in environments.items() if len(found) > 1]
    if not tasks:
        return None
    count = len(set().union(*(environments[task] for task in tasks)))
    which = listed([brief(task) for task in tasks]) if len(tasks) <= NAMED else f"{len(tasks)} tasks"
    return f"of {which} come from {count} environments"
