"""One run at a time in a results folder: a lock that its holder's death releases, and that says who holds it.

`.lock` is held through the kernel (`flock`): a killed holder, its power cut even, holds it no more. Where there is no
`flock` (some network file systems, Windows) the file is made exclusively, and its holder touches it every few seconds:
see `heartbeat.py`. The `filelock` package would not serve: its hard lock is the same `flock`, and its soft lock has
neither a heartbeat nor a holder's name, so that a killed run would lock its folder for ever.
"""

from __future__ import annotations

import errno
import os
import platform
import stat
import sys
from pathlib import Path

from bench.records.heartbeat import Heartbeat
from bench.records.plain import plain
from tasks.errors import UserError

NAME = ".lock"
NAMES = (NAME, f"{NAME}.held")
_NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_LONGEST = 200  # characters that are read of whom a lock names
_OPEN = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class FolderLock:
    """`.lock` in a folder. It is never followed through a link, and is a regular file or none.

    other: what else somebody can do who finds it locked, for the sentence that refuses: "choose another --name".
    """

    def __init__(self, folder: Path, other: str = "") -> None:
        self._folder, self._path, self._other = folder, folder / NAME, other
        self._descriptor: int | None = None
        self._heartbeat: Heartbeat | None = None

    def check(self) -> None:
        """Raise UserError where another run holds the folder; changes nothing."""
        try:
            descriptor = self._open(0)
        except FileNotFoundError:
            return
        try:
            held = _lock(descriptor)
            if held is False or (held is None and Heartbeat(self._path).is_held()):
                raise UserError(self._refusal(descriptor))
        finally:
            os.close(descriptor)

    def acquire(self) -> str | None:
        """Take the lock. Returns who left it behind, where that was a run which died; UserError where one lives."""
        while True:
            descriptor = self._open(os.O_CREAT)
            try:
                held = _lock(descriptor)
                if held is False:
                    raise UserError(self._refusal(descriptor))
                if held and _is_still(self._path, descriptor):
                    left_by = _read(descriptor) or None
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, f"{_myself()}\n".encode(), 0)
                    self._descriptor = descriptor
                    return left_by
            finally:
                if self._descriptor is None:
                    os.close(descriptor)
            if held is None:
                return self._acquire_by_heartbeat()
            # its holder went away, and took the file with it, between opening and locking

    def release(self) -> None:
        """Give the lock back."""
        if self._heartbeat is not None:
            self._heartbeat.stop()
            self._heartbeat = None
        if self._descriptor is not None:
            try:
                if _is_still(self._path, self._descriptor):
                    self._path.unlink(missing_ok=True)
            finally:
                os.close(self._descriptor)
                self._descriptor = None

    def _acquire_by_heartbeat(self) -> str | None:
        heartbeat = Heartbeat(self._path)
        left_by = heartbeat.take(_myself())
        if left_by is None:
            descriptor = self._open(0)
            try:
                raise UserError(self._refusal(descriptor))
            finally:
                os.close(descriptor)
        self._heartbeat = heartbeat
        return left_by or None

    def _open(self, more: int) -> int:
        try:
            descriptor = os.open(self._path, _OPEN | more, 0o644)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
                raise UserError(f"{self._path} is a link or no file, and a lock is never followed: remove it") from None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UserError(f"{self._path} is no regular file, so it is no lock: remove it")
        return descriptor

    def _refusal(self, descriptor: int) -> str:
        holder = _read(descriptor) or "another process"
        what = f"wait for it, stop it, or {self._other}" if self._other else "wait for it or stop it"
        return f"{self._folder} is in use by {holder}: {what}"


def _myself() -> str:
    return f"process {os.getpid()} on {platform.node()}"


def _read(descriptor: int) -> str:
    """Whom a lock names: its first line."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, 4 * _LONGEST).decode("utf-8", errors="replace")
    return plain(text.strip().partition("\n")[0])[:_LONGEST]


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the path leads to the open file, and not to a newer one or to none."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool | None:
    """Whether the lock was to be had; None: the system has none."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise
        return None
    return True
