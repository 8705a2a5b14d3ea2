"""The results folder of an experiment: whose it is, and its `experiment.json`."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

from bench.records.atomic import write_atomically
from bench.records.lock import NAME as LOCK
from bench.records.lock import FolderLock
from tasks.errors import UserError

MANIFEST = "experiment.json"
RECORDS = "records.jsonl"
TABLES = ("trainings.csv", "curves.csv", "timings.csv", "summary.csv")
KEPT_FOLDERS = ("predictions", "models")  # what trainings leave beside their records


def check_reports_folder(path: Path) -> None:
    """Raise UserError where the report could not be written, before hours are spent on what it would say."""
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise UserError(f"{existing} is a file, so no report can be written to {path}: choose another --reports")
    try:
        tempfile.TemporaryFile(dir=existing).close()  # permissions alone do not tell: not of /proc, not of a full disk
    except OSError as error:
        why = f"no file can be made in {existing} ({error.strerror})"
        raise UserError(f"{why}, so no report can go to {path}: choose another --reports") from None


class ResultsFolder:
    """`results/NAME`. One folder holds one experiment; nothing is written before `open` has found that so."""

    def __init__(self, path: Path, identity: str) -> None:
        """identity: the hash of all that decides the experiment's outcome."""
        self.path, self._identity = path, identity
        self._lock = FolderLock(self.path)

    def check(self, fresh: bool) -> None:
        """Raise UserError where the folder holds something else; `fresh` allows another experiment, nothing else.

        Likewise where another run is at work in it.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file: choose another --name or --results")
        if not self.path.exists() or all(_is_leftover(path) for path in self.path.iterdir()):
            return
        self._lock.check()
        manifest = self._read()
        if manifest is None:
            raise UserError(
                f"{self.path} holds files but no readable {MANIFEST}, so it may not be bench's: choose another --name "
                "or --results, or move these files away"
            )
        if manifest.get("identity") != self._identity and not fresh:
            earlier = (
                ""
                if "protocol" in manifest
                else f", or give --tune once --name {self.path.name} if it is this "
                "experiment, made when one search served all replicates"
            )
            raise UserError(
                f"{self.path} holds another experiment ({manifest.get('command') or 'unknown command'}): "
                "choose another --name (trainings that both have are not repeated), or give --fresh to throw its "
                f"records away{earlier}"
            )

    def finished(self) -> dict[str, Any] | None:
        """The manifest, where this very experiment was completed here and its records are as they were then."""
        manifest = self._read()
        if manifest is None or manifest.get("identity") != self._identity or manifest.get("status") != "complete":
            return None
        return manifest if manifest.get("records_sha256") == self._hash_records() else None

    def open(self, fresh: bool) -> str | None:
        """Make the folder and lock it; with `fresh`, throw away what an earlier run left there.

        Returns who left a lock behind, if a run died here. `close` gives the folder back.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            died = self._lock.acquire()
            for folder in (self.path, *(self.path / name for name in KEPT_FOLDERS)):
                for path in folder.iterdir() if folder.is_dir() else ():
                    if _is_leftover(path) and path.name != LOCK:
                        path.unlink()
            for name in (RECORDS, *TABLES, MANIFEST) if fresh else ():
                (self.path / name).unlink(missing_ok=True)
            for name in KEPT_FOLDERS if fresh else ():
                for path in (self.path / name).glob("*"):
                    path.unlink()
        except OSError as error:
            self._lock.release()
            raise UserError(f"{self.path} can't be written: {error.strerror}. Choose another --results") from error
        return died

    def tidy(self) -> None:
        """Remove folders for files beside the records that hold none."""
        for folder in (self.path / name for name in KEPT_FOLDERS):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def close(self) -> None:
        """Let another run have the folder."""
        self._lock.release()

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write `experiment.json` whole or not at all."""
        whole = {**manifest, "records_sha256": self._hash_records(), "identity": self._identity}
        write_atomically(self.path / MANIFEST, json.dumps(whole, indent=2, ensure_ascii=False) + "\n")

    def _hash_records(self) -> str | None:
        path = self.path / RECORDS
        if not path.exists():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _read(self) -> dict[str, Any] | None:
        path = self.path / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return manifest if isinstance(manifest, dict) else None


def _is_leftover(path: Path) -> bool:
    """A lock, or a file that a killed run had not finished writing."""
    return path.name == LOCK or bool(re.fullmatch(r"\..+\.\d+\.tmp", path.name))


def names(results: str | Path = "results") -> list[str]:
    """The experiments in a results folder, by name."""
    folder = Path(results)
    return sorted(path.parent.name for path in folder.glob(f"*/{RECORDS}")) if folder.is_dir() else []


def command_name(results: Path) -> str:
    """The flag that names a results folder on a command line: none for the usual one."""
    return "" if results == Path("results") else f" --results {shlex.quote(str(results))}"
