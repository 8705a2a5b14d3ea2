"""Whether a JSON object has the types of a record: what reads records may then rely on them.

Checked are the keys that `schema.py` names, where a record has them; a record of the second protocol must have those by
which a trial is selected (`selection.py`). What it has besides is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bench.records.schema import STATUSES

Check = Callable[[Any], bool]
_LARGEST = 1 << 62  # of a whole number: what NumPy's int64 holds, and more than anything counts


def problem_of(record: dict[str, Any]) -> str | None:
    """What is wrong with the types of a record; None where nothing is."""
    for name in ("key", "stage"):
        if not isinstance(record.get(name), str):
            return f"it has no {name}"
    for path in _SELECTED_BY.get(record["stage"], ()):
        if _at(record, path) is None:
            return f"it has no {path}"
    for name, value in record.items():
        expected = _EXPECTED.get(name)
        if value is not None and expected is not None and not expected[1](value):
            return f"its {name} is not {expected[0]}"
    for part, checks in _PARTS.items():
        for name, value in (record.get(part) or {}).items():
            expected = checks.get(name)
            if value is not None and expected is not None and not expected[1](value):
                return f"its {part} has a {name} that is not {expected[0]}"
    return None


def _at(record: dict[str, Any], path: str) -> Any:
    """The value at a key, or at "part.key"; None where there is none."""
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return type(value) is int and abs(value) < _LARGEST


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _number(value: Any) -> bool:
    return _whole(value) or (type(value) is float and math.isfinite(value))


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(map(_object, value))


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values())


def _scores(value: Any) -> bool:
    return isinstance(value, dict) and all(
        entry is None or isinstance(entry, bool) or _number(entry) for entry in value.values()
    )


def _counts(value: Any) -> bool:
    return isinstance(value, dict) and all(entry is None or _count(entry) for entry in value.values())


def _column(value: Any) -> bool:
    return isinstance(value, list) and all(entry is None or _number(entry) for entry in value)


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_number, value))


def _columns(value: Any) -> bool:
    """Lists of numbers or null, all of one length, beside the steps that they belong to."""
    if not isinstance(value, dict) or not all(map(_column, value.values())):
        return False
    steps = value.get("step")
    return (
        isinstance(steps, list)
        and all(map(_count, steps))
        and {len(column) for column in value.values()} == {len(steps)}
    )


def _timing(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _text(entry)
        if name == "kernel"
        else _count(entry)
        if name == "threads"
        else entry is None or isinstance(entry, bool) or _number(entry)
        for name, entry in value.items()
    )


def _status(value: Any) -> bool:
    return value in STATUSES if isinstance(value, str) else False


_TEXT, _COUNT, _NUMBER = ("text", _text), ("a whole number from 0 on", _count), ("a number", _number)
_OBJECT, _SCORES = ("an object", _object), ("an object of numbers", _scores)
_EXPECTED: dict[str, tuple[str, Check]] = {
    **dict.fromkeys(("experiment", "budget", "match", "error", "traceback", "command", "reused_from"), _TEXT),
    **dict.fromkeys(("kernel", "search_kernel", "environment", "examined"), _TEXT),
    **dict.fromkeys(("trial", "replicate", "round", "train_sequences", "peak_bytes", "test_scored"), _COUNT),
    **dict.fromkeys(
        ("wall_seconds", "cpu_seconds", "steps_to_target", "valid_loss", "energy_joules", "outside_range"), _NUMBER
    ),
    **dict.fromkeys(("task", "model", "training", "target", "origin"), _OBJECT),
    "test": _SCORES,
    "parameters": ("an object of whole numbers", _counts),
    "splits": ("an object of whole numbers", _counts),
    "timing": ("an object of numbers", _timing),
    "status": ("one of " + ", ".join(STATUSES), _status),
    "curve": ("lists of numbers, all of one length", _columns),
    "first_losses": ("lists of numbers, all of one length", _columns),
    "evaluation_seconds": ("a list of numbers", _numbers),
    "hashes": ("an object of texts", _texts),
    "gradient_flow": ("a list of objects", _objects),
    "kept_files": ("an object of texts", _texts),
}
_ENTRY: dict[str, tuple[str, Check]] = {"name": _TEXT, "label": _TEXT, "parameters": _OBJECT}
_PARTS: dict[str, dict[str, tuple[str, Check]]] = {
    "task": _ENTRY,
    "model": {**_ENTRY, **dict.fromkeys(("hidden_size", "num_layers"), _COUNT), "init": _TEXT},
    "training": {
        **dict.fromkeys(("batch_size", "steps", "budget_steps", "evaluation_interval", "warmup"), _COUNT),
        **dict.fromkeys(("learning_rate", "weight_decay", "clip_norm"), _NUMBER),
        **dict.fromkeys(("device", "dtype", "precision", "optimizer", "schedule"), _TEXT),
    },
    "origin": dict.fromkeys(("block", "blocks", "train_rows", "test_rows", "rows"), _COUNT),
    "target": {"metric": _TEXT, "direction": _TEXT, "threshold": _NUMBER},
}
_CONFIGURATION = ("model.hidden_size", "model.num_layers", "model.init")
_SELECTED_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("trial", "train"), ("replicate", "trial", "status", "training", *_CONFIGURATION)),
    "examine": ("examined",),
    "time": _CONFIGURATION,
}
