"""Files written whole or not at all: tables, manifests, and what a training leaves beside its record."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bench.records.schema import Record
from tasks.errors import UserError

FILES = "files"  # of a record on its way to the parent: {path within the results folder: content}; never written
_BEFORE = "before"  # folder in that of new files: copies of those that they replace; an empty folder where none was
LENT = "lent"  # likewise, of files that are removed again before the experiment ends


def write_kept_files(folder: Path, record: Record) -> dict[str, str]:
    """Take the files (predictions, a checkpoint) out of a worker's record and write each into the results folder.

    Returns the CRC-32 by name of those that stay, which the record keeps.
    """
    files: dict[str, bytes] = record.pop(FILES, None) or {}
    lent: dict[str, bytes] = record.pop(LENT, None) or {}
    for name, content in (files | lent).items():
        write_bytes_atomically(folder / name, content)
    return {name: checksum(content) for name, content in files.items()}


def checksum(content: bytes) -> str:
    """CRC-32 in hexadecimal digits, as records keep it of files."""
    return f"{zlib.crc32(content):08x}"


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text so that a reader sees the old file or the new one, never half of it."""
    write_bytes_atomically(path, text.encode("utf-8", errors="replace"))


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """As `write_atomically`, for bytes."""
    with written_atomically(path) as file:
        file.write(content)


@contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block ends, and disappears if the block raises.

    Its content reaches the disk before its name does. A kill may leave `.NAME.PID.tmp`, which the next run in that
    results folder removes.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:  # though all parents may be made: /proc is such a place
        raise UserError(f"no folder can be made at {path.parent} ({error.strerror}): choose another") from None
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.filename is None:  # of a write or a sync: the system does not say where
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):  # the next run removes it
            temporary.unlink(missing_ok=True)


@contextmanager
def replaced_together(folder: Path, last: str) -> Iterator[Path]:
    """A new folder, whose files take their places in `folder` when the block ends, and disappear if the block raises.

    All of them are on the disk before the first is renamed. `last`: the file that is renamed after the others. An error
    between two renames puts back what was there; after a kill `put_back` does.
    """
    temporary = folder / f".new.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)  # of a killed process that had this number
    temporary.mkdir(parents=True)
    try:
        yield temporary
        files = sorted(temporary.iterdir(), key=lambda path: path.name == last)
        _keep([folder / path.name for path in files], temporary)
        for path in files:
            path.replace(folder / path.name)
        shutil.rmtree(temporary / _BEFORE)
    finally:
        put_back(folder, temporary)


def put_back(folder: Path, temporary: Path) -> None:
    """Undo a replacement that `temporary` shows to have been interrupted between two renames; then remove it."""
    if is_interrupted(temporary):
        for path in (temporary / _BEFORE).iterdir():
            (folder / path.name).unlink(missing_ok=True) if path.is_dir() else path.replace(folder / path.name)
    shutil.rmtree(temporary, ignore_errors=True)


def is_interrupted(temporary: Path) -> bool:
    """Whether some of the new files may have taken their places, and others have not."""
    return (temporary / _BEFORE).is_dir() and len(list(temporary.iterdir())) > 1


def _keep(paths: Iterable[Path], temporary: Path) -> None:
    """Copy files that are to be replaced, so that they can be put back: all of them, or there is no such folder."""
    copies = temporary / f"{_BEFORE}.part"
    copies.mkdir()
    for path in paths:
        shutil.copy2(path, copies) if path.is_file() else (copies / path.name).mkdir()
    copies.rename(temporary / _BEFORE)


def is_unfinished(path: Path) -> bool:
    """Whether a file has the name of one that was being written, which a kill leaves behind."""
    return bool(re.fullmatch(r"\..+\.\d+\.tmp", path.name))
