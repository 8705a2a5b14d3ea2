"""Tasks that are added to a publication, so that a study grows task by task, on whichever machine has the time.

Models are compared on one task, and so are their times. Therefore a task is added whole, never to replicates that are
there, and everything that the fairness of a comparison rests on must be set as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from bench.analysis.formatting import listed
from bench.analysis.results import Results
from bench.records import manifest
from bench.records.schema import Record, label, trainings
from tasks.errors import UserError

# what may differ: which tasks, with which further references (not every task has each), and where and when they ran
LISTS = ("tasks", "references", "plugins")
FREE = (
    *("name", "results", "reports", "storage", "save_models", *LISTS),
    *("device", "cohort", "workers", "executor", "timeout", "max_time", "memory"),
)
FIXED = ("protocol", "comparisons", "extended")  # of the manifest; extended: which test the whole page uses
OF_THE_RUN = ("command", "environment", "environment_fingerprint", "device")


def with_tasks_of(
    published: Results, new: Results, content: Mapping[str, Any], records: tuple[Record, ...]
) -> tuple[dict[str, Any], tuple[Record, ...]]:
    """The manifest and the records of a publication together with those of an experiment that has other tasks.

    content, records: of the experiment `new`, as it would be published alone. UserError for a task that both have, a
    setting or a model that differs, or an experiment that is not complete.
    """
    _refuse_unlike(published, new)
    before, settings = dict(published.manifest), dict(content["experiment"])
    lists = {name: _joined(published.settings.get(name), settings.get(name)) for name in LISTS}
    part = {
        "name": new.name,
        "tasks": new.tasks,
        "references": settings.get("references") or [],
        **{key: content[key] for key in OF_THE_RUN if key in content},
    }
    both = (*published.records, *records)
    left_out = {**(before.get("left_out") or {}), **(content.get("left_out") or {})}
    joined = {
        **before,
        "experiment": {**dict(published.settings), **{name: value for name, value in lists.items() if value}},
        "matched": _merged_twice(before.get("matched") or {}, content.get("matched") or {}),
        **{key: {**(before.get(key) or {}), **(content.get(key) or {})} for key in ("inputs", "asks", "lr_ranges")},
        **{key: (before.get(key) or 0) + (content.get(key) or 0) for key in ("trainings_planned", "seconds")},
        **{key: _joined(before.get(key), content.get(key)) for key in ("cohort_notes", manifest.NOTICED)},
        "left_out": {task: why for task, why in left_out.items() if task not in lists["tasks"]},
        manifest.ADDED: [*(before.get(manifest.ADDED) or ()), part],
        manifest.PUBLISHED: {**before[manifest.PUBLISHED], "records": len(both)},
    }
    return {key: value for key, value in joined.items() if value or key in before}, both


def run_elsewhere(results: Results) -> list[Mapping[str, Any]]:
    """The parts of a publication whose tasks were added from another environment than the first ones'."""
    first = results.manifest.get("environment_fingerprint")
    parts = results.manifest.get(manifest.ADDED) or ()
    return [part for part in parts if part.get("tasks") and part.get("environment_fingerprint") != first]


def environments_of(results: Results, tasks: Collection[str]) -> list[Mapping[str, Any]]:
    """Where these tasks were run, one entry an environment."""
    apart = [part for part in run_elsewhere(results) if set(part["tasks"]) & set(tasks)]
    added = {task for part in apart for task in part["tasks"]}
    first = [results.manifest.get("environment") or {}] if set(tasks) - added or not apart else []
    return [*first, *(part.get("environment") or {} for part in apart)]


def added_line(results: Results) -> str | None:
    """A sentence on tasks that were run in another environment, for the page's first screen; None where none were."""
    parts = run_elsewhere(results)
    if not parts:
        return None
    machines = [part.get("environment") or {} for part in parts]
    named = [str(machine.get("gpu") or machine.get("cpu") or "an unknown machine") for machine in machines]
    tasks = sum(len(part["tasks"]) for part in parts)
    which = f"{tasks} of the {len(results.tasks)} tasks were" if tasks > 1 else "One task was"
    return (
        f"{which} run apart from the others, on {listed(list(dict.fromkeys(named)))}: compare times on one task, "
        "not those of different tasks."
    )


def _refuse_unlike(published: Results, new: Results) -> None:
    where, name = published.folder, new.name
    if twice := [task for task in new.tasks if task in published.tasks]:
        raise UserError(
            f"{where} has {listed(twice)} already: run the other tasks alone (--tasks … --name OTHER, which trains "
            "nothing again) and add that, or replace the whole publication by leaving out --add"
        )
    for results, what in ((published, f"{where}"), (new, f"'{name}'")):
        if (status := str(results.manifest.get("status") or "complete")) != "complete":
            raise UserError(f"{what} is not complete ({status}), and is added when it is: run the same command again")
    for key in FIXED:
        theirs, ours = (results.manifest.get(key) or None for results in (published, new))
        if theirs != ours:
            _refuse(where, name, key, theirs, ours)
    for key in published.settings:  # an option that one of them does not know had no effect on it
        if key not in FREE and key in new.settings and published.settings[key] != new.settings[key]:
            _refuse(where, name, key, published.settings[key], new.settings[key])
    code, own_code = _models(published), _models(new)
    for called in code:
        if called in own_code and code[called] != own_code[called]:
            raise UserError(
                f"{where} and '{name}' were run with different code of the model {called}: rename one of them"
            )
    files, own = (results.manifest.get("inputs") or {} for results in (published, new))
    if changed := next((file for file in own if file in files and files[file] != own[file]), None):
        raise UserError(f"{where} and '{name}' were run with different files called {changed}: rename one of them")


def _refuse(where: object, name: str, key: str, theirs: Any, ours: Any) -> NoReturn:
    raise UserError(
        f"{where} was run with {key} {_shown(theirs)}, '{name}' with {_shown(ours)}: tasks are added where every "
        "setting is the same, others are compared (python -m bench compare)"
    )


def _models(results: Results) -> dict[str, set[tuple[Any, Any]]]:
    """By label, the versions of a model and of the plug-in that it is from."""
    found: dict[str, set[tuple[Any, Any]]] = {}
    for record in trainings(results.records):
        model = record["model"]
        found.setdefault(label(model), set()).add((model.get("version"), model.get("code_sha256")))
    return found


def _joined(first: Any, second: Any) -> list[Any]:
    """Two lists as one, or None for no list, each entry once."""
    return list(dict.fromkeys([*(first or ()), *(second or ())]))


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _merged_twice(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """By comparison and task."""
    return {key: {**first.get(key, {}), **second.get(key, {})} for key in {**first, **second}}
