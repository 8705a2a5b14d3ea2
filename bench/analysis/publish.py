"""`bench publish`: an experiment as a folder for a repository, from which all that is said of it can be read again."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.analysis.added_tasks import with_tasks_of
from bench.analysis.published_tables import published_tables
from bench.analysis.results import Results, load
from bench.records import manifest
from bench.records.atomic import is_interrupted, is_unfinished, put_back, replaced_together, write_bytes_atomically
from bench.records.lock import NAMES as LOCKS
from bench.records.lock import FolderLock
from bench.records.published import pack_records, thinned
from bench.records.schema import Record
from tasks.errors import UserError

FOLDERS = ("--results", "--reports", "--storage")  # flags of places that nobody else has
FILES = ("--data", "--plugin", "--config")  # flags of files, which others may have elsewhere
PATHS = ("data", "plugins", "storage", "results", "reports")  # options that say where files were on the machine


def publish(results: Results, folder: Path, *, add: bool = False) -> list[Path]:
    """Write `experiment.json`, records and tables of an experiment into a folder for others; returns the paths.

    The tables are derived from what is published, so they are what a reader derives again. UserError, and nothing is
    written, where the folder holds anything but an earlier publication, or where the experiment is damaged or is a
    publication itself.

    add: to the tasks of the publication in the folder, instead of replacing it; see `added_tasks`.
    """
    folder = folder if folder.name not in ("", "..") else folder.resolve()  # its name is that of the publication
    _refuse(results, folder, add)
    lock = FolderLock(folder, "give another --to")
    if add:
        lock.acquire()  # from reading to writing: of two that add, neither is lost
    try:
        if add:
            _put_back(folder)
        content, records = _content(results, folder, add)
        files = files_of(results, content, records)
        if not add:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
            _put_back(folder)
        return put(folder, files, content)
    finally:
        lock.release()


def files_of(results: Results, content: dict[str, Any], records: tuple[Record, ...]) -> dict[str, bytes]:
    """The files beside the manifest `content`, by name: the records, and the tables that follow from them."""
    shown = replace(results, records=records, manifest=content, folder=None)
    return {manifest.PUBLISHED_RECORDS: pack_records(records), **published_tables(shown)}


def put(folder: Path, files: dict[str, bytes], content: dict[str, Any]) -> list[Path]:
    """Files and manifest in place of a publication, all or none; returns their paths."""
    with replaced_together(folder, manifest.MANIFEST) as new:
        for name, data in files.items():
            write_bytes_atomically(new / name, data)
        manifest.write(new, content)
    return [folder / name for name in (*files, manifest.MANIFEST)]


def tasks_to_go(results: Results, folder: Path) -> list[str]:
    """The tasks that were added to the publication in a folder and would go if `results` took its place."""
    before = manifest.read(folder) if manifest.is_published(folder) else None
    added = [task for part in (before or {}).get(manifest.ADDED) or () for task in part.get("tasks") or ()]
    return [task for task in added if task not in results.tasks]


def _put_back(folder: Path) -> None:
    """Remove what a publication that was killed left, and restore what it had replaced in part."""
    for path in filter(is_unfinished, list(folder.iterdir())):
        put_back(folder, path) if path.is_dir() else path.unlink()


def _content(results: Results, folder: Path, add: bool) -> tuple[dict[str, Any], tuple[Record, ...]]:
    """The manifest and the records."""
    records = tuple(thinned(results.records, {record["key"] for record in results.selected_records}))
    content: dict[str, Any] = {
        **results.manifest,
        "name": folder.name,
        "command": _without_folders(str(results.manifest.get("command") or "")),
        "experiment": _without_paths(dict(results.settings)),
        manifest.PUBLISHED: {"name": results.name, "records": len(records)},
    }
    if add:
        return with_tasks_of(load(folder.name, folder.parent), results, content, records)
    return content, records


def _refuse(results: Results, folder: Path, add: bool) -> None:
    """Raise UserError for what can't be published, or not there."""
    if manifest.PUBLISHED in results.manifest:
        raise UserError(f"'{results.name}' is published already: give the name of an experiment that was run here")
    changed = manifest.record_changes(results.folder) if results.folder else []  # what was repaired is told, and whole
    if results.damaged or changed or not results.manifest:
        what = changed[0] if changed else f"{results.folder} is damaged"
        raise UserError(f"{what}: see python -m bench doctor {results.name}, and publish what is whole")
    if not results.selected_records:
        raise UserError(f"'{results.name}' has no result yet: run it until a replicate has ended")
    if add and not manifest.is_published(folder):
        raise UserError(f"--to is {folder}, where no whole publication is that tasks could be added to")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"--to is {folder}, which is a file: give a folder")
    known = {manifest.MANIFEST, manifest.PUBLISHED_RECORDS, *manifest.PUBLISHED_TABLES}
    left = list(filter(is_unfinished, folder.iterdir()))
    there = sorted(path.name for path in folder.iterdir() if path not in left and path.name not in LOCKS)
    other = next((name for name in there if name not in known), None)
    ours = manifest.is_published(folder) or any(map(is_interrupted, left))
    if other is not None or (there and not ours):
        raise UserError(
            f"--to is {folder}, which holds {other or 'a run'}: give a new folder, or one that was published into"
        )


def _without_paths(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with the names of files alone."""

    def name(value: Any) -> Any:
        return [name(one) for one in value] if isinstance(value, list) else Path(value).name if value else value

    return {key: name(value) if key in PATHS else value for key, value in settings.items()}


def _without_folders(command: str) -> str:
    """A command as others give it: without the folders of this machine, files by their names alone."""
    words = shlex.split(command)
    before = ["", *words]
    kept = [
        Path(word).name if flag in FILES else word
        for flag, word in zip(before, words, strict=False)
        if word not in FOLDERS and flag not in FOLDERS
    ]
    return shlex.join(kept)
