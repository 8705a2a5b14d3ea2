"""Files that a training leaves beside its record: predictions, a checkpoint. Workers make them, the parent writes."""

from __future__ import annotations

import os
from pathlib import Path

from bench.records import Record

KEY = "files"  # of a record on its way to the parent: {path within the results folder: content}; never written


def write_kept_files(folder: Path, record: Record) -> None:
    """Take the files out of a record and write each, whole or not at all, into the results folder."""
    for name, content in (record.pop(KEY, None) or {}).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
