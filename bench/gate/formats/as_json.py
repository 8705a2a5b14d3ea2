"""JSON for programs: the complete outcome, with unrounded numbers and null for unknown values.

Stable identifiers: the keys, `schema` (raised if a key changes its meaning), a cell's `id` (TASK/MODEL), `subject` and
`state` (`outcome`), `measure` and `pairing` (`comparison.CellComparison`), a problem's `code` (`exact.Code`).
`sentence`, `why`, `text` and `notes` are for people.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from bench.gate.comparison import CellComparison
from bench.gate.outcome import CellOutcome, CheckOutcome

SCHEMA = 2


def write(outcome: CheckOutcome) -> str:
    content = {
        "schema": SCHEMA,
        "baseline": outcome.baseline,
        "subject": outcome.subject,
        "checked": outcome.checked,
        "exit_code": outcome.exit_code,
        "sentence": outcome.sentence,
        "refusal": outcome.refusal,
        "seconds": outcome.seconds,
        "notes": list(outcome.notes),
        "cells": [_cell(cell) for cell in outcome.cells],
    }
    return json.dumps(_nulls(content), indent=2, ensure_ascii=False, allow_nan=False)


def _cell(cell: CellOutcome) -> dict[str, Any]:
    return {
        "id": cell.name.id,
        "task": cell.name.task,
        "model": cell.name.model,
        "state": cell.state,
        "why": cell.why,
        "p": cell.p,
        "first": _comparison(cell.first),
        "second": _comparison(cell.second),
        "detectable": cell.detectable,
        "problems": [asdict(problem) for problem in cell.problems],
        "curves": cell.curves._asdict() if cell.curves else None,
    }


def _comparison(comparison: CellComparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    values = asdict(comparison)
    values["shift"] = comparison.shift._asdict()
    return {**values, "change": comparison.change}


def _nulls(value: Any) -> Any:
    """Replace NaN and infinity by null, at every depth."""
    if isinstance(value, dict):
        return {key: _nulls(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_nulls(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
