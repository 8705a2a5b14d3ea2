"""What a check finds beside its trainings, kept in their folder so that `--against` decides as the check itself did.

A record says nothing of the first steps in float64, of what trainings start from, and of the NumPy cells' comparison
with torch's. `exact.json` does, by cell. A folder without it, as an earlier bench left it, has nothing of these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.gate.errors import NotComparable
from bench.gate.exact import ExactProblem
from bench.gate.replicates import CellName
from bench.gate.sketch import Sketch
from bench.gate.tables import Sketches
from bench.gate.trace import Trace
from bench.records.atomic import write_atomically

NAME = "exact.json"


@dataclass
class KeptCell:
    """What is kept of a cell: traces and sketches by replicate, and differences from a cell that computes the same."""

    traces: dict[int, Trace] = field(default_factory=dict)
    sketches: dict[int, Sketches] = field(default_factory=dict)
    problems: list[ExactProblem] = field(default_factory=list)


def write_kept(folder: Path, cells: Mapping[CellName, KeptCell]) -> None:
    """Write `exact.json`, whole or not at all. Raises OSError if writing fails."""
    content = [{"task": name.task, "model": name.model, **asdict(cell)} for name, cell in sorted(cells.items())]
    write_atomically(folder / NAME, json.dumps({"cells": content}, ensure_ascii=False) + "\n")


def read_kept(folder: Path) -> dict[CellName, KeptCell]:
    """Read `exact.json`; empty if there is none. Raises NotComparable if it is damaged."""
    path = folder / NAME
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return {CellName(entry["task"], entry["model"]): _cell(entry) for entry in cells}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotComparable(
            f"{path} cannot be read ({type(error).__name__}: {error}): restore it, or check again without --against"
        ) from None


def _cell(entry: Mapping[str, Any]) -> KeptCell:
    return KeptCell(
        {int(number): dict(trace) for number, trace in entry["traces"].items()},
        {
            int(number): {
                name: Sketch(size, norm, tuple(projections)) for name, (size, norm, projections) in found.items()
            }
            for number, found in entry["sketches"].items()
        },
        [ExactProblem(**problem) for problem in entry["problems"]],
    )
