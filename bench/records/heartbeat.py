"""A lock without the kernel's help: a file made exclusively, whose holder touches it every few seconds.

`FILE.held` names its holder (host, process, and a token of its own). A holder is alive while its file is younger than
`STALE_SECONDS`, whatever machine it is on. A death is claimed only where it is seen: on this machine the process is
gone; on another, the file's time does not change while it is watched.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import sys
import threading
import time
from pathlib import Path

BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0  # without a beat: then it is watched
WATCH_SECONDS = 15.0  # three beats
_LONGEST = 500  # characters that are read of a file


class Heartbeat:
    """`NAME.held` beside a lock file."""

    def __init__(self, lock: Path) -> None:
        self._path = lock.with_name(f"{lock.name}.held")
        self._token = ""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def is_held(self) -> bool:
        """Whether another holder is alive, as far as can be seen at once; `take` watches one of another machine."""
        found = self._look()
        return found is not None and not self._is_dead(*found, watch=False)

    def take(self, name: str) -> str | None:
        """Hold the lock. "": nobody had it; else who left it behind. None: a live holder has it."""
        left_by = ""
        while True:
            self._token = f"{platform.node()}\n{os.getpid()}\n{secrets.token_hex(8)}\n"
            try:
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                found = self._look()
                if found is None:
                    continue  # it went away just now
                if not self._is_dead(*found, watch=True):
                    return None
                left_by = self._describe(found[0])
                # of two that saw the death, one renames this very file away; the other finds another, or none
                aside = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
                with contextlib.suppress(FileNotFoundError):
                    self._path.rename(aside)
                    mistaken = aside.read_text(encoding="utf-8", errors="replace")[:_LONGEST] != found[0]
                    if mistaken:  # a new holder's: give it back
                        with contextlib.suppress(FileExistsError):
                            os.link(aside, self._path)
                    aside.unlink()
                    if mistaken:
                        return None
                continue
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self._token)
                file.flush()
                os.fsync(file.fileno())
            lock = self._path.with_name(self._path.name.removesuffix(".held"))
            lock.write_text(f"{name}\n", encoding="utf-8")
            self._thread = threading.Thread(target=self._beat, daemon=True, name="bench-lock")
            self._thread.start()
            return left_by

    def stop(self) -> None:
        """Give it back, if it is still ours."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(BEAT_SECONDS)
        found = self._look()
        if found is not None and found[0] == self._token:
            for path in (self._path, self._path.with_name(self._path.name.removesuffix(".held"))):
                path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # a network file system that is away for a while
                os.utime(self._path)

    def _look(self) -> tuple[str, float] | None:
        """What the file says, and its time; None where there is none."""
        try:
            return self._path.read_text(encoding="utf-8", errors="replace")[:_LONGEST], self._path.lstat().st_mtime
        except FileNotFoundError:
            return None

    def _is_dead(self, text: str, beat: float, *, watch: bool) -> bool:
        if abs(time.time() - beat) < STALE_SECONDS:
            return False
        host, process, *_ = [*text.split("\n"), "", ""]
        if host == platform.node():
            return not _may_live(process)
        if not watch:
            return True  # as it seems
        deadline = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < deadline:
            time.sleep(WATCH_SECONDS / 15)
            now = self._look()
            if now is None or now != (text, beat):
                return False  # it beats, or somebody else has it by now
        return True

    def _describe(self, text: str) -> str:
        host, process, *_ = [*text.split("\n"), "", ""]
        return f"process {process} on {host}"


def _may_live(process: str) -> bool:
    """Whether a process of this machine may be alive; False only where the system says that there is none."""
    if sys.platform == "win32" or not process.isdigit():  # there, signal 0 is no question
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
