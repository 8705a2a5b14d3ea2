"""`experiment.json`: what an experiment was, and the seal on what it left, so that a later change is noticed.

Three checksums: of `records.jsonl` as far as it went (`records_bytes`, `records_sha256`), of the tables that were
derived from it (`tables_sha256`), and of the manifest's own text (`manifest_sha256`, its last key). Manifests of an
earlier bench have the second of these alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from bench.records.atomic import write_atomically
from bench.records.plain import plain_values
from bench.records.secrets import masked

MANIFEST = "experiment.json"
RECORDS = "records.jsonl"
TABLES = ("trainings.csv", "curves.csv", "timings.csv", "summary.csv")
PUBLISHED = "published"  # key: how a folder for others was made of these (`bench.records.published`)
ADDED = "added"  # key: the experiments whose tasks were added to a publication later, and where each was run
PUBLISHED_RECORDS = "records.jsonl.xz"
PUBLISHED_TABLES = ("summary.csv", "pairs.csv", "trainings.csv.gz")
NOTICED = "noticed"  # key: what was found changed since it was sealed, in sentences; later manifests keep them
IN_PROGRESS = "in progress"
IN_PART = "in part"  # status: what was asked for last is complete, other tasks of the experiment are not
_OWN = re.compile(r',\n  "manifest_sha256": "([0-9a-f]{64})"\n\}\n\Z')
_LARGEST = 1 << 28  # bytes; a manifest of a large experiment has a few thousand
PLUGINS = "plugins"  # copies of the plug-in files, so that the folder is enough to repeat the experiment
_PART = 1 << 20

_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("name", "command", "status", "identity", "records_sha256", "environment_fingerprint"), str),
    **dict.fromkeys(
        ("experiment", "environment", "device", "lr_ranges", "tables_sha256", "matched", "inputs", "left_out", "asks"),
        dict,
    ),
    PUBLISHED: dict,
    **dict.fromkeys(("comparisons", "missing", "cohort_notes", NOTICED, ADDED), list),
    **dict.fromkeys(("schema", "protocol", "first_look", "trainings_planned", "records_bytes"), int),
    "seconds": (int, float),
}
_ENTRIES: dict[str, type] = {
    "comparisons": str,
    "missing": dict,
    "cohort_notes": str,
    NOTICED: str,
    ADDED: dict,
    "lr_ranges": list,
    "matched": dict,
    "inputs": dict,
    "left_out": str,
    "asks": str,
}

_OF_ADDED: dict[str, type] = {
    **dict.fromkeys(("name", "command", "environment_fingerprint"), str),
    **dict.fromkeys(("environment", "device"), dict),
    "tasks": list,
}


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Seal what lies in the folder now, and write `experiment.json` whole or not at all."""
    records = records_path(folder)
    size = records.stat().st_size if records.exists() else 0
    tables: tuple[str, ...] = PUBLISHED_TABLES if PUBLISHED in manifest else TABLES
    if manifest.get("status") == IN_PROGRESS and PUBLISHED not in manifest:  # tables are still the ones of before
        tables = ()
    whole = {
        **manifest,
        "records_sha256": _hash(records) if records.exists() else None,
        "records_bytes": size,
        "tables_sha256": {name: _hash(folder / name) for name in tables if (folder / name).exists()},
    }
    whole.pop("manifest_sha256", None)
    body = json.dumps(whole, indent=2, ensure_ascii=False).removesuffix("\n}")
    own = hashlib.sha256(body.encode("utf-8", errors="replace")).hexdigest()
    write_atomically(folder / MANIFEST, f'{body},\n  "manifest_sha256": "{own}"\n}}\n')


def records_path(folder: Path) -> Path:
    """The file of an experiment's records: what its run writes or, in a published folder, those for others."""
    published = folder / PUBLISHED_RECORDS
    return published if published.exists() and not (folder / RECORDS).exists() else folder / RECORDS


def is_published(folder: Path) -> bool:
    """Whether the folder has records for others, and not those of a run."""
    return records_path(folder).name == PUBLISHED_RECORDS


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest; None where there is none. ValueError where it is not one, or a value has another type.

    A password that an earlier bench wrote into it is masked.
    """
    try:
        manifest = _checked(_text(folder))
    except FileNotFoundError:
        return None
    if isinstance(manifest.get("command"), str):
        manifest["command"] = masked(manifest["command"])
    settings = manifest.get("experiment") or {}
    if isinstance(settings.get("storage"), str):
        settings["storage"] = masked(settings["storage"])
    return manifest


def _text(folder: Path) -> str:
    """The file's text. ValueError for one that is too large to be a manifest; OSError as the system says."""
    path = folder / MANIFEST
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"it has {path.stat().st_size:,} bytes")
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _checked(text: str) -> dict[str, Any]:
    try:
        manifest = plain_values(json.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(manifest, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004
    for name, kind in _TYPES.items():
        value = manifest.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise ValueError(f"its '{name}' is {type(value).__name__}")
    for name, kind in _ENTRIES.items():
        found = manifest.get(name) or ()
        for entry in found.values() if isinstance(found, dict) else found:
            if not isinstance(entry, kind):
                raise ValueError(f"its '{name}' has a {type(entry).__name__} in it")  # noqa: TRY004
    for part in manifest.get(ADDED) or ():
        for name, value in part.items():
            tasks = value if name == "tasks" and isinstance(value, list) else []
            if not isinstance(value, _OF_ADDED.get(name, object)) or not all(isinstance(task, str) for task in tasks):
                raise ValueError(f"its '{ADDED}' has a wrong '{name}'")
    return manifest


def record_changes(folder: Path) -> list[str]:
    """What differs in the records and the manifest from what was sealed, in sentences; empty where nothing does."""
    try:
        text = _text(folder)
        manifest = _checked(text)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        return [f"{folder / MANIFEST} is damaged ({error})"]
    found = []
    own = _OWN.search(text)
    if ("records_bytes" in manifest or "manifest_sha256" in manifest) and (
        own is None or hashlib.sha256(text[: own.start()].encode()).hexdigest() != own[1]
    ):
        found.append(f"{folder / MANIFEST} is not as bench wrote it (its checksum is not that of its content)")
    return found + _changes_of_records(records_path(folder), manifest)


def _changes_of_records(path: Path, manifest: dict[str, Any]) -> list[str]:
    sealed, status = manifest.get("records_sha256"), manifest.get("status")
    size: int | None = manifest.get("records_bytes")
    if sealed is None or (size is None and status == IN_PROGRESS):  # an earlier bench did not say how far it went
        return []
    if not path.exists():
        return [f"{path} is missing"]
    now = path.stat().st_size
    if size is not None and now < size:
        return [f"{path} has lost {size - now:,} of its {size:,} bytes since it was sealed"]
    if _hash(path, size) != sealed:
        return [f"{path} has changed since it was sealed (its checksum is not that in {MANIFEST})"]
    if size is not None and now > size and status != IN_PROGRESS:
        return [f"{path} has grown by {now - size:,} bytes since it was sealed"]
    return []


def table_changes(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Tables that are missing or no longer what was derived from the records, and copies of plug-ins that changed."""
    found = []
    for name, sealed in (manifest.get("tables_sha256") or {}).items():
        path = folder / Path(str(name)).name
        if not path.exists():
            found.append(f"{path} is missing")
        elif _hash(path) != sealed:
            found.append(f"{path} has changed since it was derived from the records")
    inputs: dict[str, Any] = manifest.get("inputs") or {}
    for path in sorted((folder / PLUGINS).glob("*.py")):
        sealed = (inputs.get(path.name) or {}).get("sha256")
        if sealed is not None and _hash(path) != sealed:
            found.append(f"{path} has changed since it was copied")
    return found


def _hash(path: Path, size: int | None = None) -> str:
    """SHA-256 of a file, or of its first `size` bytes."""
    content = hashlib.sha256()
    with path.open("rb") as file:
        left = size if size is not None else -1
        while left and (part := file.read(_PART if left < 0 else min(_PART, left))):
            content.update(part)
            left -= len(part) if left > 0 else 0
    return content.hexdigest()
