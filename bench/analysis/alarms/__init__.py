"""Alarms: what a reader must know before believing the results, a sentence each, with the flag that mends it.

    alarm       what one is: a sentence, and the task that it is about
    recording   records that are damaged, and environments that must not be mixed
    failures    models that failed, and how
    fairness    models that a comparison at equal amounts makes larger or smaller than the others
    limits      losses below what the noise allows: test data in the training
    learning    trainings that ended too early, or only memorised
    data        test data unlike the training data, or too few
    edges       sizes and learning rates on the edge of what was searched

Each is rare enough to be read: none is raised by nearly every quick run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from bench.analysis.alarms.alarm import Alarm
from bench.analysis.alarms.data import few_test_rows, out_of_range
from bench.analysis.alarms.edges import edges
from bench.analysis.alarms.failures import failures, without_result
from bench.analysis.alarms.fairness import not_matched
from bench.analysis.alarms.learning import overfitted, undertrained
from bench.analysis.alarms.limits import beyond_the_limit
from bench.analysis.alarms.recording import changed_folder, damaged_records, mixed_machines, noisy_timings
from bench.analysis.formatting import listed
from bench.analysis.labels import brief
from bench.analysis.recorded import Recorded

__all__ = ["SUBJECTS", "alarms"]

MOST = 4  # of one kind; with many comparisons all of them would bury the others

_ALL = {  # by what they are about, in words that complete "an alarm about …"
    "damaged or changed records": (damaged_records, changed_folder),
    "models that failed": (without_result, failures),
    "amounts that should be equal": (not_matched,),
    "losses below what the noise allows": (beyond_the_limit,),
    "trainings that ended too early or only memorised": (undertrained, overfitted),
    "test data out of range or too few": (out_of_range, few_test_rows),
    "choices on the edge of the search": (edges,),
    "noisy timings": (noisy_timings,),
    "mixed environments": (mixed_machines,),
}
SUBJECTS = tuple(_ALL)


def alarms(results: Recorded) -> tuple[str, ...]:
    """One sentence each, the gravest first; empty where all is well. Of one kind the first few are said."""
    found: list[str] = []
    for raise_for in chain(*_ALL.values()):
        raised = raise_for(results)
        rest = raised[MOST:]
        found += [alarm.text for alarm in (raised[:MOST] if len(rest) > 1 else raised)]
        found += [_more(results, rest)] if len(rest) > 1 else []
    return tuple(found)


def _more(results: Recorded, rest: Sequence[Alarm]) -> str:
    """How many alarms follow, and on which tasks."""
    about = {alarm.task for alarm in rest}
    tasks = [brief(task) for task in results.tasks if task in about]
    return f"{len(rest)} more alarms are like the last one{f', on {listed(tasks)}' if tasks else ''}."
