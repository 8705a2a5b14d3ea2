"""Tasks that are added to a publication, so that a study grows task by task, on whichever machine has the time.

Models are compared on one task, and so are their times. Therefore a task is added whole, never to replicates that are
there, and everything that the fairness of a comparison rests on must be set as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.analysis.formatting import listed
from bench.analysis.results import Results
from bench.records import manifest
from bench.records.schema import Record
from tasks.errors import UserError

# what may differ: which tasks, and where and when their trainings ran
FREE = (
    *("name", "tasks", "results", "reports", "storage", "plugins", "save_models"),
    *("device", "cohort", "workers", "executor", "timeout", "max_time", "memory"),
)
OF_THE_RUN = ("command", "environment", "environment_fingerprint", "device")


def with_tasks_of(
    published: Results, new: Results, content: Mapping[str, Any], records: tuple[Record, ...]
) -> tuple[dict[str, Any], tuple[Record, ...]]:
    """The manifest and the records of a publication together with those of an experiment that has other tasks.

    content, records: of the experiment `new`, as it would be published alone. UserError for a task that both have, a
    setting that differs, or an experiment that is not complete.
    """
    _refuse_unlike(published, new)
    before = dict(published.manifest)
    part = {"name": new.name, "tasks": new.tasks, **{key: content[key] for key in OF_THE_RUN if key in content}}
    settings = {**dict(published.settings), "tasks": [*_set(published, "tasks"), *_set(new, "tasks")]}
    if plugins := [*_set(published, "plugins"), *_set(new, "plugins")]:
        settings["plugins"] = list(dict.fromkeys(plugins))
    both = (*published.records, *records)
    joined = {
        **before,
        "experiment": settings,
        "matched": _merged_twice(before.get("matched") or {}, content.get("matched") or {}),
        **{key: {**(before.get(key) or {}), **(content.get(key) or {})} for key in ("inputs", "asks", "lr_ranges")},
        **{key: (before.get(key) or 0) + (content.get(key) or 0) for key in ("trainings_planned", "seconds")},
        **{
            key: [*(before.get(key) or ()), *(content.get(key) or ())]
            for key in ("cohort_notes", manifest.NOTICED)
            if key in before or key in content
        },
        "left_out": {
            task: why for task, why in (before.get("left_out") or {}).items() if task not in settings["tasks"]
        },
        "extended": bool(before.get("extended") or content.get("extended")),
        manifest.ADDED: [*(before.get(manifest.ADDED) or ()), part],
        manifest.PUBLISHED: {**before[manifest.PUBLISHED], "records": len(both)},
    }
    return {key: value for key, value in joined.items() if value or key in before}, both


def added_line(results: Results) -> str | None:
    """A sentence on tasks that were added from other experiments, for the page's first screen; None where none were."""
    parts = results.manifest.get(manifest.ADDED) or ()
    machines = [str((part.get("environment") or {}).get("cpu") or "an unknown processor") for part in parts]
    tasks = sum(len(part.get("tasks") or ()) for part in parts)
    if not tasks:
        return None
    which = f"{tasks} of the {len(results.tasks)} tasks were" if tasks > 1 else "One task was"
    return (
        f"{which} run apart from the others, on {listed(list(dict.fromkeys(machines)))}: compare times on one task, "
        "not those of different tasks."
    )


def _refuse_unlike(published: Results, new: Results) -> None:
    where, name = published.folder, new.name
    if twice := [task for task in new.tasks if task in published.tasks]:
        raise UserError(
            f"{where} has {listed(twice)} already: run the other tasks alone (--tasks … --name OTHER) and add that, or "
            "replace the whole publication by leaving out --add"
        )
    for results, what in ((published, f"{where}"), (new, f"'{name}'")):
        if (status := str(results.manifest.get("status") or "complete")) != "complete":
            raise UserError(f"{what} is not complete ({status}): --add joins what is complete")
    pairs = {
        key: (published.settings.get(key), new.settings.get(key)) for key in {**published.settings, **new.settings}
    }
    pairs |= {key: (published.manifest.get(key), new.manifest.get(key)) for key in ("protocol", "comparisons")}
    for key, (theirs, ours) in pairs.items():
        if key not in FREE and theirs != ours:
            raise UserError(
                f"{where} was run with {key} {_shown(theirs)}, '{name}' with {_shown(ours)}: tasks are added where "
                "every setting is the same, others are compared (python -m bench compare)"
            )
    files, own = (results.manifest.get("inputs") or {} for results in (published, new))
    if changed := next((file for file in own if file in files and files[file] != own[file]), None):
        raise UserError(f"{where} and '{name}' were run with different files called {changed}: rename one of them")


def _set(results: Results, name: str) -> list[Any]:
    return list(results.settings.get(name) or ())


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) and value else "none" if not value else str(value)


def _merged_twice(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """By comparison and task."""
    return {key: {**first.get(key, {}), **second.get(key, {})} for key in {**first, **second}}
