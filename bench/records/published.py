"""An experiment for others: records without what no report needs, small enough for a repository.

The results that are derived from them, and every test, are those of the whole records: what decides them is kept
exactly. What is left out, or rounded:

- of each training the command, the files beside it, the first losses, and all but 16 digits of its key;
- of a learning curve all but about `POINTS` evaluations, and digits beyond `DIGITS`; first, last and lowest stay;
- of a training that no result is made of also the curve between its first and its lowest loss, and all measurements
  but the test loss, the skill and the time.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.records import manifest
from bench.records.atomic import is_interrupted, is_unfinished
from bench.records.compressed import packed
from bench.records.line import encode
from bench.records.schema import TRAININGS, Record
from tasks.errors import UserError

POINTS = 20  # evaluations of a learning curve
DIGITS = 5  # significant ones, of what is only shown
KEY_DIGITS = 16  # of 64
_EVERYWHERE = ("command", "kept_files", "traceback", "first_losses", "cpu_seconds", "reused_from")
_OF_SELECTED = ("energy_joules", "evaluation_seconds", "gradient_flow", "peak_bytes", "steps_to_target", "parameters")
_CURVE = ("train_loss", "valid_loss", "valid_metric")


def pack_records(thin: Iterable[Record]) -> bytes:
    """The content of a published folder's file of records, which are `thinned` already."""
    return packed(b"".join(map(encode, thin)))


def thinned(records: Iterable[Record], selected: Collection[str]) -> Iterator[Record]:
    """The records as they are published; see the head of this file.

    selected: the keys of the trainings that results are made of.
    """
    for record in records:
        thin = {key: value for key, value in record.items() if key not in _EVERYWHERE}
        for name in ("key", "examined"):
            if name in thin:
                thin[name] = thin[name][:KEY_DIGITS]
        if record["stage"] in TRAININGS and record["key"] not in selected:
            thin = _of_search(thin)
        elif record["stage"] in TRAININGS:
            thin |= {"curve": _thin_curve(record.get("curve") or {}), "evaluation_seconds": _ends(record)}
        if record.get("gradient_flow"):
            thin["gradient_flow"] = [_thin_flow(flow) for flow in record["gradient_flow"]]
        yield thin


def _thin_flow(flow: Mapping[str, Any]) -> dict[str, Any]:
    """Gradient norms against lag with fewer digits; the factors, of which intervals are made, exactly."""
    return {key: rounded(value, DIGITS - 1) if isinstance(value, list) else value for key, value in flow.items()}


def _of_search(record: Record) -> Record:
    """A training that no result is made of: what its search knew of it."""
    thin = {key: value for key, value in record.items() if key not in _OF_SELECTED}
    test = record.get("test") or {}
    thin["test"] = {name: rounded(test[name], DIGITS + 1) for name in ("loss", "skill") if name in test} or None
    thin["wall_seconds"] = rounded(record.get("wall_seconds"), DIGITS - 2)
    curve = record.get("curve") or {}
    losses, steps = curve.get("valid_loss") or [], curve.get("step") or []
    places = sorted({0, _lowest(losses, len(losses))}) if losses else []
    thin["curve"] = {"step": [steps[i] for i in places], "valid_loss": [losses[i] for i in places]}
    return thin


def _thin_curve(curve: Mapping[str, Any]) -> dict[str, list[Any]]:
    """A learning curve with `POINTS` evaluations or a few more; the lowest validation losses are exact.

    Those up to a half and three quarters of the training stay too, since the alarms about its length look there.
    """
    steps: list[int] = curve.get("step") or []
    losses: list[float | None] = curve.get("valid_loss") or [None] * len(steps)
    if not steps:
        return {"step": []}
    count, last = len(steps), len(steps) - 1
    places = {round(last * part / (POINTS - 1)) for part in range(POINTS)} if count > POINTS else set(range(count))
    parts = [sum(step <= share * steps[-1] for step in steps) for share in (0.5, 0.75, 1.0)]
    exact = {0, *(_lowest(losses, part) for part in parts if part)}
    kept = sorted(places | exact)
    lowest = min((loss for loss in losses if loss is not None), default=-math.inf)
    thin: dict[str, list[Any]] = {"step": [steps[i] for i in kept]}
    for name in _CURVE:
        values = curve.get(name) or [None] * count
        thin[name] = [rounded(values[i], DIGITS) for i in kept]
    thin["valid_loss"] = [
        losses[i] if i in exact or losses[i] is None else max(rounded(losses[i], DIGITS), lowest) for i in kept
    ]
    return thin


def _lowest(losses: list[float | None], count: int) -> int:
    """The place of the lowest of the first `count` losses, of equal ones the first."""
    return min(range(count), key=lambda i: math.inf if (loss := losses[i]) is None else loss)


def _ends(record: Record) -> list[float] | None:
    """The first and the last of the times of a training's evaluations, from which its speed follows."""
    times = record.get("evaluation_seconds") or []
    return [times[0], times[-1]] if len(times) > 1 else None


def rounded(value: Any, digits: int) -> Any:
    """Numbers with so many significant digits, in lists and objects too; anything else as it is."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, list):
        return [rounded(entry, digits) for entry in value]
    return {key: rounded(entry, digits) for key, entry in value.items()} if isinstance(value, dict) else value


def refuse_foreign(folder: Path, content: Mapping[str, Any]) -> None:
    """Raise UserError where records for others and their manifest are not both there, and nothing else.

    content: the folder's manifest.
    """
    published = manifest.is_published(folder)
    if manifest.PUBLISHED in content and not published:
        raise UserError(
            f"{folder} is a publication, but has {manifest.RECORDS}, or no {manifest.PUBLISHED_RECORDS}: "
            "fetch the folder again from where it was published"
        )
    if published and manifest.PUBLISHED not in content:
        raise UserError(
            f"{folder} has {manifest.PUBLISHED_RECORDS} but no {manifest.MANIFEST} of a publication: expected what "
            "this makes: python -m bench publish NAME --to FOLDER"
        )


def refuse_changed(folder: Path, content: Mapping[str, Any]) -> None:
    """Raise UserError where a published folder is not as bench wrote it. content: the folder's manifest."""
    refuse_foreign(folder, content)
    if not manifest.is_published(folder):
        return
    if any(map(is_interrupted, filter(is_unfinished, folder.iterdir()))):
        raise UserError(f"{folder} was not published to the end: publish into it again, which restores it first")
    changed = [*manifest.record_changes(folder), *manifest.table_changes(folder, dict(content))]
    if changed:
        raise UserError(f"{changed[0]}: fetch the folder again from where it was published")
