"""One run at a time in a results folder: a lock that its holder's death releases, and that says who holds it."""

from __future__ import annotations

import errno
import os
import platform
import sys
from pathlib import Path
from typing import IO

from tasks.errors import UserError

NAME = ".lock"
_NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)  # some network file systems


class FolderLock:
    """`.lock` in a folder, held through the kernel (`flock`): a killed holder, its power cut even, holds it no more.

    The file names process and host for people. Without locks (Windows, some network file systems) it only does that.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / NAME
        self._file: IO[str] | None = None

    def check(self) -> None:
        """Raise UserError where another run holds the folder; touches nothing."""
        try:
            with self._path.open("r+", encoding="utf-8") as file:
                if not _lock(file):
                    raise UserError(self._refusal(file))
        except FileNotFoundError:
            return

    def acquire(self) -> str | None:
        """Take the lock. Returns who left it behind, where that was a run which died; UserError where one lives."""
        while True:
            file = self._path.open("a+", encoding="utf-8")
            if not _lock(file):
                with file:
                    raise UserError(self._refusal(file))
            if _is_still(self._path, file):
                break
            file.close()  # its holder went away, and took the file with it, between opening and locking
        file.seek(0)
        left_by = file.read().strip() or None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        self._file = file
        return left_by

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def _refusal(self, file: IO[str]) -> str:
        file.seek(0)
        holder = file.read().strip() or "another process"
        return f"{self._folder} is in use by {holder}: wait for it, stop it, or choose another --name"


def _is_still(path: Path, file: IO[str]) -> bool:
    """Whether the path leads to the open file, and not to a newer one or to none."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _lock(file: IO[str]) -> bool:
    """Whether the lock was to be had (or the system has none)."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise
    return True
