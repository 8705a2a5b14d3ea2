"""Whether a result can be written where it is to go: asked before minutes or hours are spent on it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.records.disk import reason
from tasks.errors import UserError


def refuse_unwritable(path: Path, name: str, *, folder: bool = False) -> None:
    """Raise UserError where no file (or folder) can be at `path`; folders above it are made later.

    name: of the flag or argument that gave the path. A file is made and removed again, where the first one would be:
    permissions do not tell of a full disk, of a file system that is read only, or what root may do.
    """
    kind = "folder" if folder else "file"
    if path.is_symlink() and not path.exists():
        raise UserError(f"{name} is {path}, a link that leads nowhere: give another {kind}")
    if path.exists() and path.is_dir() != folder:
        raise UserError(f"{name} is {path}, which is a {'file' if folder else 'folder'}: give a {kind}")
    place = next(parent for parent in (path if folder else path.parent, *path.absolute().parents) if parent.exists())
    if not place.is_dir():
        raise UserError(f"{name} is {path}, but {place} is a file: give another {kind}")
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise UserError(
            f"{name} is {path}, but no file can be made in {place} ({reason(place, error)}): give another {kind}"
        ) from None
