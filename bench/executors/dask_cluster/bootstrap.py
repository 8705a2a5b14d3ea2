"""What a Dask worker is given before it has the package: how to unpack it, and how to hand a job over to it.

This file travels by value (see `executor.py` beside it), so it imports nothing of bench at the top, and the scheduler
needs neither bench nor torch: to it a job is bytes.
"""

from __future__ import annotations

import importlib
import io
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

CHECKED = ("torch", "numpy")  # what decides numbers; distributed checks itself
PACKAGES = ("bench", "tasks")


def versions() -> dict[str, str | None]:
    """What this process would train with. None: not installed."""
    import importlib.metadata as metadata

    found: dict[str, str | None] = {"python": ".".join(map(str, sys.version_info[:2]))}
    for name in CHECKED:
        try:
            found[name] = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


class Package(WorkerPlugin):
    """Bring the package to a worker: to those that are there, and to those that join later."""

    def __init__(self, archive: bytes, digest: str, plugins: list[str], expected: dict[str, str | None]) -> None:
        self.name = "bench-package"
        self.archive, self.digest, self.plugins, self.expected = archive, digest, plugins, expected

    def setup(self, worker: Any) -> None:
        """Called by the worker. One that can't train as the others do says so when it gets its first job."""
        worker.bench_unfit = self._refusal()
        if worker.bench_unfit is not None:
            return
        folder = Path(worker.local_directory) / f"bench-{self.digest}"
        if not folder.exists():
            unfinished = folder.with_suffix(".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            with zipfile.ZipFile(io.BytesIO(self.archive)) as archive:
                archive.extractall(unfinished)
            unfinished.rename(folder)
        self._forget_earlier(Path(worker.local_directory))
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        importlib.import_module("bench.executors.worker").load_plugins([str(folder / name) for name in self.plugins])

    def _refusal(self) -> str | None:
        own = versions()
        wrong = [
            f"{name} {own[name]} instead of {self.expected[name]}" for name in own if own[name] != self.expected[name]
        ]
        return ", ".join(wrong) or None

    def _forget_earlier(self, place: Path) -> None:
        """Code of an earlier experiment, or one that is installed there: it may be of another version."""
        sys.path[:] = [entry for entry in sys.path if not entry.startswith(str(place / "bench-"))]
        for name in list(sys.modules):
            if name.partition(".")[0] in PACKAGES or name.startswith("bench_plugin_"):
                del sys.modules[name]


def perform(payload: bytes, serial: int, topic: str) -> dict[str, Any]:
    """Do a pickled job in a worker; its record, or {"unfit": why} where this worker must not train."""
    from distributed import get_worker

    worker = get_worker()
    unfit = getattr(worker, "bench_unfit", "the package did not arrive")
    if unfit is not None:
        return {"unfit": unfit, "worker": worker.address}
    remote = importlib.import_module("bench.executors.dask_cluster.worker")
    record: dict[str, Any] = remote.perform(payload, lambda message: worker.log_event(topic, (serial, message)))
    return record
