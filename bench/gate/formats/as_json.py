"""JSON for programs: the complete outcome, with unrounded numbers and null for unknown values.

`state` and `subject` are identifiers (`outcome.State`); `sentence`, `why` and `notes` are for people.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from bench.gate.comparison import CellComparison
from bench.gate.outcome import CellOutcome, CheckOutcome


def write(outcome: CheckOutcome) -> str:
    content = {
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
        "task": cell.name.task,
        "model": cell.name.model,
        "state": cell.state,
        "why": cell.why,
        "p": cell.p,
        "first": _comparison(cell.first),
        "confirmation": _comparison(cell.confirmation),
        "problems": [asdict(problem) for problem in cell.problems],
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
