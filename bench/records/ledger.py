"""The records of one experiment while it runs: what is there is never measured again, what is new is appended.

In memory is only where each record is, so that ten thousand trainings cost the parent a few megabytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.records.atomic import FILES, write_kept_files
from bench.records.folder import command_name
from bench.records.jsonl import RecordFile, Span, refuse_newer, scan
from bench.records.kept_models import FOLDER as MODELS
from bench.records.kept_models import is_kept
from bench.records.schema import Record

# what makes two records of one key different entries of the experiment
IDENTITY = ("stage", "match", "trial")
OF_A_PLACE = ("search_kernel",)  # keys that a record of another place, used again here, does not bring along
RETRIED = ("failed", "timeout", "out_of_memory")  # what another attempt may mend; a divergence comes again


class Source(Protocol):
    """Where a training that this experiment lacks may have been recorded."""

    def find(self, key: str) -> Record | None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of the experiment a record is. `task` and `model` are labels."""

    stage: str | None
    match: str | None
    trial: int | None
    replicate: int | None
    task: str | None
    model: str | None


@dataclass(slots=True)
class _Entry:
    """A recorded measurement. again: it failed in an earlier run and is to be tried once more."""

    place: Place
    span: Span
    status: str
    again: bool = False


class Ledger:
    """Reads `records.jsonl` once, then is its only writer.

    common: what every new record says of the experiment (its name, budget, environment).
    rerun: the command that trains a record again, without its key.
    elsewhere: other experiments whose trainings may be used. retry_failed: what failed counts as not recorded.
    all_files: so does what is to leave a file beside its record and did not, or whose file is gone.
    note: told of damage, in a sentence. Records of a newer schema raise UserError.
    """

    def __init__(
        self,
        file: RecordFile,
        common: Mapping[str, Any],
        rerun: str,
        *,
        elsewhere: Source | None = None,
        retry_failed: bool = False,
        all_files: bool = False,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._file, self._common, self._rerun, self._elsewhere = file, dict(common), rerun, elsewhere
        self._all_files = all_files
        self._entries: dict[bytes, list[_Entry]] = {}
        self._places: dict[Place, Place] = {}  # each once: thousands of records share a few hundred
        torn = file.drop_torn_end()
        if torn is not None:
            note(f"{file.path}:{torn.number} was only begun when its writer ended: dropped, it is measured again")
        file.open()
        for line in scan(file.path):
            refuse_newer(file.path, line)
            if line.record is None:
                folder = file.path.parent
                doctor = f"python -m bench doctor{command_name(folder.parent)} {folder.name}"
                note(f"{file.path}:{line.number} is damaged ({line.problem}): see {doctor}")
                continue
            again = retry_failed and line.record.get("status") in RETRIED
            self._remember(line.record, Span(line.start, line.length), again)

    def __contains__(self, key: str) -> bool:
        return _short(key) in self._entries

    def verify(self) -> None:
        """Raise UserError unless the file still holds every entry."""
        self._file.verify()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @property
    def records(self) -> list[Record]:
        """Everything recorded, in the order it was written, read from the file."""
        return self._file.read()

    def statuses(self) -> Iterator[tuple[Place, str]]:
        """Place and status of what is recorded; of several attempts the last."""
        for entries in self._entries.values():
            for place, entry in {entry.place: entry for entry in entries}.items():
                yield place, entry.status

    def find(self, key: str, identity: Mapping[str, Any], leaves: str | None = None) -> Record | None:
        """A record of this key. One of another trial, comparison or experiment serves too: it is written again here.

        leaves: a file, without its ending, that belongs to the record. One of another experiment must bring it.
        """
        found = [entry for entry in self._entries.get(_short(key), ()) if not entry.again]
        label = (identity.get("model") or {}).get("label")  # what this experiment calls the model
        place = None
        for entry in reversed(found):
            same_name = label is None or entry.place.model == label
            if same_name and all(getattr(entry.place, name) == identity.get(name) for name in IDENTITY):
                place = entry
                break
        if found:
            record = self._file.read_at((place or found[-1]).span)
            if self._all_files and leaves and not (_left(record, leaves) and self._is_there(record, leaves)):
                return None
            return record if place else self.add(record, identity)
        if self._elsewhere is None or self._entries.get(_short(key)):
            return None
        elsewhere = self._elsewhere.find(key)
        if elsewhere is None or (leaves and not _left(elsewhere, leaves)):
            return None
        if not leaves:  # its model is not wanted
            files = (elsewhere.get(FILES) or {}).items()
            elsewhere[FILES] = {name: content for name, content in files if not name.startswith(f"{MODELS}/")}
        return self.add(elsewhere, identity)

    def _is_there(self, record: Record, leaves: str) -> bool:
        """Whether the file that a record left is in the folder still, and as it was."""
        names = [name for name in record.get("kept_files") or {} if name.rpartition(".")[0] == leaves]
        return all(is_kept(self._file.path.parent, record, name) for name in names)

    def labels(self, key: str) -> set[str | None]:
        """The models that have a record of this key: of the references of one replicate, which share it."""
        return {entry.place.model for entry in self._entries.get(_short(key), ())}

    def add(self, record: Record, identity: Mapping[str, Any]) -> Record:
        """Append what a job measured, under its place in the experiment; returns the record as written."""
        return self.add_all([(record, identity)])[0]

    def add_all(self, records: Sequence[tuple[Record, Mapping[str, Any]]]) -> list[Record]:
        """Append several with one write and one fsync; UserError where the disk is full, then none is there."""
        self._file.check()  # before anything is written: a folder that was removed stays so
        for record, _ in records:
            kept = write_kept_files(self._file.path.parent, record)  # first: a record without them is never made again
            if kept:
                record["kept_files"] = kept
        complete = [self._complete(record, identity) for record, identity in records]
        for record, span in zip(complete, self._file.append(*complete), strict=True):
            self._remember(record, span, again=False)
        return complete

    def _complete(self, record: Record, identity: Mapping[str, Any]) -> Record:
        first = {"schema": record["schema"], "key": record["key"], **self._common, **identity}
        if record.get("environment"):
            first["environment"] = record["environment"]  # where it was measured, not where it is used again
        rest = {key: value for key, value in record.items() if key not in first and key not in OF_A_PLACE}
        return {**first, **rest, "command": f"{self._rerun} {record['key'][:12]}"}

    def _remember(self, record: Record, span: Span, again: bool) -> None:
        task, model = record.get("task") or {}, record.get("model") or {}
        place = Place(
            stage=record.get("stage"),
            match=record.get("match"),
            trial=record.get("trial"),
            replicate=record.get("replicate"),
            task=task.get("label"),
            model=model.get("label"),
        )
        place = self._places.setdefault(place, place)
        entry = _Entry(place, span, sys.intern(str(record.get("status", "ok"))), again)
        self._entries.setdefault(_short(record["key"]), []).append(entry)


def _left(record: Record, leaves: str) -> bool:
    """Whether the file is there, or nothing that could have left one."""
    names = [*(record.get("kept_files") or {}), *(record.get(FILES) or {})]
    return record.get("status") != "ok" or any(name.rpartition(".")[0] == leaves for name in names)


def _short(key: str) -> bytes:
    """A key in half the memory."""
    try:
        return bytes.fromhex(key)
    except ValueError:
        return key.encode()
