"""The results folder of an experiment: whose it is, and its `experiment.json`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.records import manifest
from bench.records.atomic import is_unfinished, write_bytes_atomically
from bench.records.disk import reason
from bench.records.jsonl import scan
from bench.records.kept_models import lost_models
from bench.records.lock import NAMES as LOCKS
from bench.records.lock import FolderLock
from bench.records.manifest import MANIFEST as MANIFEST
from bench.records.manifest import PLUGINS as PLUGINS
from bench.records.manifest import PUBLISHED, PUBLISHED_RECORDS
from bench.records.manifest import RECORDS as RECORDS
from bench.records.manifest import TABLES as TABLES
from bench.records.schema import unique
from tasks.errors import UserError

KEPT_FOLDERS = ("predictions", "models")  # what trainings leave beside their records


class ResultsFolder:
    """`results/NAME`. One folder holds one experiment; nothing is written before `open` has found that so."""

    def __init__(self, path: Path, identity: str, extends: str | None = None) -> None:
        """identity: the hash of all that decides the experiment's outcome. extends: that of a smaller experiment, which
        may be continued here."""
        self.path, self._identity, self._own = path, identity, (identity, extends or identity)
        self._lock = FolderLock(self.path, "choose another --name")
        self.changed: list[str] = []  # since it was sealed; found by `check`
        self._noticed: list[str] = []

    def check(self, fresh: bool, difference: str | None = None) -> None:
        """Raise UserError where the folder holds something else; `fresh` allows another experiment, nothing else.

        Likewise where another run is at work in it. difference: how another experiment differs, where that is known.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file: choose another --name or --results")
        if not self.path.exists() or all(_is_leftover(path) for path in self.path.iterdir()):
            return
        self._lock.check()
        found = self._read()
        if found is not None and PUBLISHED in found:
            raise UserError(
                f"{self.path} holds a published experiment, which is only read: give another --name to measure it "
                f"here, then: python -m bench compare {self.path} NAME"
            )
        if found is None:
            raise UserError(
                f"{self.path} holds files but no readable {MANIFEST}, so it may not be bench's: choose another --name "
                "or --results, or move these files away"
            )
        if found.get("identity") not in self._own and not fresh:
            if difference is not None and "protocol" in found:
                raise UserError(f"{difference}: give another --name, or --fresh")
            earlier = (
                ""
                if "protocol" in found
                else f", or give --tune once --name {self.path.name} if it is this "
                "experiment, made when one search served all replicates"
            )
            raise UserError(
                f"{self.path} holds another experiment ({found.get('command') or 'unknown command'}): "
                "choose another --name (trainings that both have are not repeated), or give --fresh to throw its "
                f"records away{earlier}"
            )
        if not fresh:
            self.changed = manifest.record_changes(self.path)
            self._noticed = list(dict.fromkeys([*(found.get(manifest.NOTICED) or ()), *self.changed]))
            if any(RECORDS in text for text in self.changed) and _has_unprotected(self.path / RECORDS):
                raise UserError(
                    f"{self.changed[-1]}, and it has lines without a checksum, so what has changed can't be found. "
                    "Restore the file from a copy; or measure all of it again with --fresh; or accept it as it is: "
                    f"python -m bench doctor{command_name(self.path.parent)} {self.path.name} --repair"
                )

    @property
    def own_manifest(self) -> dict[str, Any] | None:
        """`experiment.json` as it is now, where it is this experiment's."""
        found = self._read()
        return found if found is not None and found.get("identity") in self._own else None

    def finished(self) -> dict[str, Any] | None:
        """The manifest, where this very experiment was completed here and all that it left is as it was then."""
        found = self._read()
        if found is None or found.get("identity") not in self._own or found.get("status") != "complete":
            return None
        if manifest.record_changes(self.path) or manifest.table_changes(self.path, found):
            return None
        if "records_bytes" in found or self._count() >= (found.get("trainings_planned") or 0):
            return found
        return None  # sealed by a bench that did not count: what is missing is found cell by cell

    def lost_models(self) -> list[str]:
        """The models that were kept here and are gone, or damaged."""
        return lost_models(self.path, (line.record for line in scan(self.path / RECORDS) if line.record is not None))

    def _count(self) -> int:
        """Trainings and timings that are recorded."""
        records = [line.record for line in scan(self.path / RECORDS) if line.record is not None]
        return sum(record["stage"] != "reference" for record in unique(records))

    def open(self, fresh: bool) -> str | None:
        """Make the folder and lock it; with `fresh`, throw away what an earlier run left there.

        Returns who left a lock behind, if a run died here. `close` gives the folder back.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            died = self._lock.acquire()
            for folder in (self.path, *(self.path / name for name in KEPT_FOLDERS)):
                for path in folder.iterdir() if folder.is_dir() else ():
                    if _is_leftover(path) and path.name not in LOCKS:
                        path.unlink()
            for name in (RECORDS, *TABLES, MANIFEST) if fresh else ():
                (self.path / name).unlink(missing_ok=True)
            for name in KEPT_FOLDERS if fresh else ():
                for path in (self.path / name).glob("*"):
                    path.unlink()
        except OSError as error:
            self._lock.release()
            why = reason(self.path, error)
            raise UserError(f"{self.path} can't be written: {why}. Choose another --results") from error
        return died

    def keep_plugins(self, paths: Iterable[str]) -> None:
        """Copy the plug-in files of the experiment into the folder; a file that one of them imports is not copied."""
        for path in map(Path, paths):
            kept = self.path / PLUGINS / path.name
            content = path.read_bytes()
            if not kept.is_file() or kept.read_bytes() != content:
                kept.parent.mkdir(exist_ok=True)
                write_bytes_atomically(kept, content)

    def tidy(self) -> None:
        """Remove folders for files beside the records that hold none."""
        for folder in (self.path / name for name in KEPT_FOLDERS):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def close(self) -> None:
        """Let another run have the folder."""
        self._lock.release()

    def write_manifest(self, content: dict[str, Any]) -> None:
        """Write `experiment.json`, and in it the checksums of what is recorded now."""
        noticed = {manifest.NOTICED: self._noticed} if self._noticed else {}
        manifest.write(self.path, {**content, **noticed, "identity": self._identity})

    def _read(self) -> dict[str, Any] | None:
        try:
            return manifest.read(self.path)
        except (OSError, ValueError):
            return None


def _has_unprotected(path: Path) -> bool:
    return any(line.record is not None and not line.protected for line in scan(path))


def _is_leftover(path: Path) -> bool:
    """A lock, or a file that a killed run had not finished writing."""
    return path.name in LOCKS or is_unfinished(path)


def names(results: str | Path = "results") -> list[str]:
    """The experiments in a results folder, by name."""
    folder = Path(results)
    found = {path.parent.name for file in (RECORDS, PUBLISHED_RECORDS) for path in folder.glob(f"*/{file}")}
    return sorted(found)


def located(name: str, results: str | Path = "results") -> tuple[str, Path]:
    """The name of an experiment and the folder that it lies in, where it may be given as a path: `results/study`.

    UserError for the path of a folder without records.
    """
    path = Path(name)
    if path.name == name:
        return name, Path(results)
    if not any((path / file).is_file() for file in (RECORDS, PUBLISHED_RECORDS)):
        lacks = f"has neither {RECORDS} nor {PUBLISHED_RECORDS}" if path.is_dir() else "is no folder"
        raise UserError(f"{path} {lacks}: give the name of an experiment in {results}, or a folder with records")
    path = path.resolve() if path.name in ("", "..") else path
    return path.name, path.parent


def command_name(results: Path) -> str:
    """The flag that names a results folder on a command line: none for the usual one."""
    return "" if results == Path("results") else f" --results {shlex.quote(str(results))}"
