"""Whether a result can be written where it is to go: asked before minutes are spent on it."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.errors import UserError


def refuse_unwritable(path: Path, name: str, *, folder: bool = False) -> None:
    """Raise UserError where no file (or folder) can be at `path`; those above it are made. name: of its flag."""
    kind = "folder" if folder else "file"
    if path.exists() and path.is_dir() != folder:
        raise UserError(f"{name} is {path}, which is a {'file' if folder else 'folder'}: give a {kind}")
    place = next(parent for parent in (path if folder else path.parent, *path.absolute().parents) if parent.exists())
    if not place.is_dir():
        raise UserError(f"{name} is {path}, but {place} is a file: give another {kind}")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"{name} is {path}, but {place} can't be written: give another {kind}")
