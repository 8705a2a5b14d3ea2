"""Files that a baseline's experiment names: gone, moved, or relative to another folder than the current one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.gate.baseline import record_command
from bench.gate.errors import NotComparable


def refuse_missing_files(folder: str | Path, experiment: Mapping[str, Any], command: str) -> None:
    """Raise NotComparable if a plug-in or the data of the experiment is not where its path leads from here.

    folder: of the baseline. command: what is to be run where the path leads to the file, before the baseline's path.
    """
    named = {str(path): "--plugin NEW.py" for path in experiment.get("plugins") or []}
    if experiment.get("data"):
        named[str(experiment["data"])] = "--config FILE"
    for path, option in named.items():
        if Path(path).exists():
            continue
        place = _folder_of(path, Path(folder))
        if place is not None:
            inside = shlex.quote(os.path.relpath(Path(folder).resolve(), place))
            raise NotComparable(
                f"the baseline in {folder} needs {path}, a path relative to {place}: go there, "
                f"cd {shlex.quote(str(place))} && {command.format(inside)}"
            )
        moved = record_command(folder, why="it moved", experiment=option)
        raise NotComparable(
            f"the baseline in {folder} needs {path}, which does not exist: restore it, or if it was moved, record the "
            f"baseline with its new place: {moved}"
        )


def _folder_of(path: str, folder: Path) -> Path | None:
    """The nearest folder above the baseline that a relative path leads from; None if there is none."""
    if Path(path).is_absolute():
        return None
    return next((parent for parent in folder.resolve().parents if (parent / path).exists()), None)
