"""Read a baseline's `gate.toml`: cells with other margins or without a check, each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gate.errors import NotComparable
from bench.gate.replicates import CellName
from bench.gate.rule import Rule
from tasks.errors import UserError, unknown

NAME = "gate.toml"
EMPTY = """\
# Exceptions to the gate's rule, written by hand: one [[cell]] for each, always with its reason.
#
# [[cell]]
# task = "copy"
# model = "rnn"
# reason = "its loss hardly moves: nothing to protect"
# skip = true            # not judged at all; or wider margins:
# steps_margin = 1.20    # largest accepted mean slow-down, a ratio (1.05 without an exception)
# loss_margin = 0.10     # largest accepted difference of mean log10 validation loss (0.05 without an exception)
"""
_KEYS = {"task": str, "model": str, "reason": str, "skip": bool, "steps_margin": float, "loss_margin": float}


@dataclass(frozen=True)
class Exemption:
    """The exception of one cell: its own margins, or no check at all."""

    rule: Rule
    skip: bool
    reason: str


def read_exceptions(folder: Path) -> dict[CellName, Exemption]:
    """Read the exceptions by cell; empty if there is no `gate.toml`. Raises NotComparable if it is invalid."""
    path = folder / NAME
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NotComparable(f"{path} is not valid TOML: {error}") from None
    found: dict[CellName, Exemption] = {}
    try:
        if set(tables) - {"cell"} or not isinstance(tables.get("cell", []), list):
            raise UserError("expected only [[cell]] tables")
        for number, table in enumerate(tables.get("cell", []), start=1):
            cell, exemption = _exemption(table, f"[[cell]] number {number}")
            if cell in found:
                raise UserError(f"{cell} has two exceptions: give it one")
            found[cell] = exemption
    except UserError as error:
        raise NotComparable(f"{path}: {error}") from None
    return found


def _exemption(table: Mapping[str, Any], where: str) -> tuple[CellName, Exemption]:
    for key, value in table.items():
        if key not in _KEYS:
            raise unknown("key", key, _KEYS)
        expected = _KEYS[key]
        if isinstance(value, bool) != (expected is bool) or not isinstance(value, (expected, int)):
            raise UserError(f"{where}: {key} is {value!r}, expected {expected.__name__}")
    for key in ("task", "model", "reason"):
        if not str(table.get(key, "")).strip():
            raise UserError(f"{where} has no {key}: expected task, model, reason, and skip or a margin")
    if not table.get("skip") and "steps_margin" not in table and "loss_margin" not in table:
        raise UserError(f"{where} changes nothing: give skip = true, steps_margin or loss_margin")
    standard = Rule()
    rule = Rule(
        float(table.get("steps_margin", standard.steps_margin)), float(table.get("loss_margin", standard.loss_margin))
    )
    if not rule.steps_margin >= 1 or not rule.loss_margin >= 0:
        raise UserError(f"{where}: expected steps_margin of at least 1 (a ratio) and loss_margin of at least 0")
    cell = CellName(table["task"], table["model"])
    return cell, Exemption(rule, bool(table.get("skip", False)), table["reason"].strip())
