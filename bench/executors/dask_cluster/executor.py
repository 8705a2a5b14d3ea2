"""Jobs on a Dask cluster: `--executor dask://HOST:PORT`, or `dask+tls://` with certificates (extra `distributed`).

A scheduler without TLS asks nobody who they are, and jobs travel as pickles: whoever reaches it can run code on it.

The package travels to every worker, to those that join later too. A slot is a thread of a worker; the scheduler decides
which, moves a job on when its worker is lost, and passes on how far the jobs are.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import math
import pickle
import time
import uuid
import zipfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.executors.executor import Curve, Evaluation, Executor, WorkerDied
from bench.records.schema import Record
from bench.training.jobs import Job
from bench.training.loop import CURVE, finite_or_none
from tasks.errors import UserError

CONNECT_SECONDS = 10
FIRST_WORKER_SECONDS = 60
RESTART_SECONDS = 30
SLOTS_SECONDS = 1.0  # between two questions how many workers there are
ROOT = Path(__file__).resolve().parents[3]
LEFT_OUT = {"__pycache__", ".git"}


@dataclass
class _Running:
    """What a slot does."""

    serial: int
    remote: Any
    local: Future[Record]
    began: float | None = None
    evaluations: list[Sequence[float | None]] = field(default_factory=list)


class DaskExecutor(Executor):
    """Slots are the threads of a cluster's workers; their number grows when workers join.

    address: "dask://HOST:PORT", or "dask+tls://HOST:PORT" with the certificates that Dask's own configuration names.
    note: told of workers that can't be used. Raises UserError where no scheduler or worker
    answers, or a worker has other versions of what decides numbers.
    """

    def __init__(self, address: str, plugins: Sequence[str], note: Callable[[str], None]) -> None:
        try:
            import cloudpickle
            import distributed

            from bench.executors.dask_cluster import bootstrap as dask_bootstrap
        except ImportError as error:
            raise UserError(
                f"--executor {address} needs the extra 'distributed' ({error.name} is missing): "
                "pip install 'bench[distributed]'"
            ) from error
        cloudpickle.register_pickle_by_value(dask_bootstrap)
        self._bootstrap, self._address, self._note = dask_bootstrap, address, note
        try:
            client: Any = distributed.Client
            place = address.replace("dask+tls://", "tls://").replace("dask://", "tcp://")
            security = _certificates(distributed) if place.startswith("tls://") else None
            self._client = client(place, timeout=CONNECT_SECONDS, set_as_default=False, security=security)
        except (OSError, ValueError) as error:
            hint = ", look at its certificates and yours" if address.startswith("dask+tls") else ""
            raise UserError(
                f"no Dask scheduler answers at {address}: start one, correct the address{hint} (docs/scaling.md)"
            ) from error
        self._running: dict[int, _Running] = {}
        self._by_serial: dict[int, _Running] = {}
        self._serials = itertools.count(1)
        self._slots, self._asked = 0, -math.inf
        self._topic = f"bench-{uuid.uuid4().hex}"
        try:
            self._prepare(plugins)
        except BaseException:
            self._client.close()
            raise

    def _prepare(self, plugins: Sequence[str]) -> None:
        try:
            self._client.wait_for_workers(1, timeout=FIRST_WORKER_SECONDS)
        except TimeoutError as error:
            raise UserError(f"{self._address} has no workers: start some (docs/scaling.md says how)") from error
        expected = own_versions(self._bootstrap)
        for worker, found in self._client.run(self._bootstrap.versions).items():
            for name, version in found.items():
                if version != expected[name]:
                    has = f"{name} {version}" if version else f"no {name}"
                    raise UserError(
                        f"Dask worker {worker} has {has}, this machine {expected[name]}: install the same versions "
                        "there (constraints.txt), or stop that worker"
                    )
        archive, digest = pack(ROOT, plugins)
        names = [f"plugins/{Path(path).name}" for path in plugins]
        self._client.register_plugin(self._bootstrap.Package(archive, digest, names, expected))
        self._client.subscribe_topic(self._topic, self._hear)

    @property
    def slots(self) -> int:
        if time.monotonic() - self._asked >= SLOTS_SECONDS:
            self._asked = time.monotonic()
            self._slots = max(self._slots, sum(self._client.nthreads().values()), 1)
        return self._slots

    def submit(self, job: Job, slot: int) -> Future[Record]:
        serial, local = next(self._serials), Future[Record]()
        remote = self._client.submit(
            self._bootstrap.perform, pickle.dumps(job), serial, self._topic, pure=False, key=f"{self._topic}-{serial}"
        )
        running = _Running(serial, remote, local)
        self._running[slot] = self._by_serial[serial] = running
        remote.add_done_callback(lambda _: self._finish(running))
        return local

    def progress(self, slot: int) -> tuple[int, float]:
        told = self._running[slot].evaluations[-1:]
        if not told:
            return 0, math.nan
        loss = told[0][CURVE.index("valid_loss")]
        return int(told[0][0] or 0), math.nan if loss is None else loss

    def curve(self, slot: int) -> Curve | None:
        columns = zip(*self._running[slot].evaluations, strict=True)
        return {name: [finite_or_none(x) for x in column] for name, column in zip(CURVE, columns, strict=False)} or None

    def evaluations(self, slot: int, since: int = 0) -> list[Evaluation]:
        return [(*row, None) for row in self._running[slot].evaluations[since:]]  # seconds are not told

    def seconds(self, slot: int) -> float:
        began = self._running[slot].began
        return 0.0 if began is None else time.monotonic() - began

    def restart(self, slot: int) -> None:
        self._end([self._running[slot]])

    def close(self) -> None:
        if self._client.status == "closed":
            return
        self._end([running for running in self._running.values() if not running.remote.done()])
        self._client.close(timeout=CONNECT_SECONDS)

    def _end(self, jobs: Iterable[_Running]) -> None:
        """End jobs by force: cancelling alone would let a training that has begun go on to its end."""
        unfinished = {job.remote.key: job for job in jobs if not job.remote.done()}
        if not unfinished:
            return
        where = [w for w, keys in self._client.processing().items() if any(str(key) in unfinished for key in keys)]
        self._client.cancel([job.remote for job in unfinished.values()], force=True)
        try:
            self._client.restart_workers(where, timeout=RESTART_SECONDS, raise_for_error=False)
        except ValueError:  # workers without a nanny
            self._note(f"{', '.join(where)} can't be restarted (no nanny): what it trains goes on to its end there")

    def _hear(self, event: tuple[float, tuple[int, list[Sequence[float | None]]]]) -> None:
        """A message from a worker, in the client's own thread."""
        serial, evaluations = event[1]
        running = self._by_serial.get(serial)
        if running is None:
            return
        if not evaluations:  # it begins, or begins again elsewhere
            running.began, running.evaluations = time.monotonic(), []
        running.evaluations = [*running.evaluations, *evaluations]

    def _finish(self, running: _Running) -> None:
        """Hand a remote result over, in a thread of the client's."""
        self._by_serial.pop(running.serial, None)
        try:
            record = running.remote.result()
        except Exception as error:  # KilledWorker, a lost connection, a cancelled job: the driver decides what then
            if not running.local.cancelled():
                died = WorkerDied(f"{type(error).__name__}: {error}".splitlines()[0])
                died.for_good = type(error).__name__ == "KilledWorker"  # the scheduler has tried again by itself
                running.local.set_exception(died)
            return
        finally:
            running.remote.release()
        if "unfit" in record:
            self._note(f"Dask worker {record['worker']} is not used: it has {record['unfit']}")
            self._client.retire_workers([record["worker"]], close_workers=False)
            running.local.set_exception(WorkerDied(record["unfit"]))
        else:
            running.local.set_result(record)


def _certificates(distributed: Any) -> Any:
    """What Dask's configuration says for TLS; UserError where a part is missing, or is no file."""
    security = distributed.Security(require_encryption=True)
    needed = {"tls_ca_file": "CA_FILE", "tls_client_cert": "CLIENT__CERT", "tls_client_key": "CLIENT__KEY"}
    for attribute, variable in needed.items():
        found = getattr(security, attribute)
        if not found or not Path(found).is_file():
            problem = f"'{found}' is no file" if found else "it is not set"
            raise UserError(
                f"--executor dask+tls:// needs DASK_DISTRIBUTED__COMM__TLS__{variable}, and {problem}: name a file "
                "there (docs/scaling.md says how to make certificates)"
            )
    return security


def own_versions(bootstrap: Any) -> dict[str, str | None]:
    """What every worker must have: what this process has."""
    versions: dict[str, str | None] = bootstrap.versions()
    return versions


def pack(root: Path, plugins: Sequence[str]) -> tuple[bytes, str]:
    """The package and the plug-in files as a zip archive, and the beginning of its content's SHA-256."""
    files = {
        str(path.relative_to(root)): path
        for package in ("bench", "tasks")
        for path in sorted((root / package).rglob("*"))
        if path.is_file() and not LEFT_OUT.intersection(path.parts)
    }
    files |= {f"plugins/{Path(path).name}": Path(path) for path in plugins}
    buffer, content = io.BytesIO(), hashlib.sha256()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            data = path.read_bytes()
            content.update(name.encode() + b"\0" + data)
            archive.writestr(name, data)
    return buffer.getvalue(), content.hexdigest()[:16]
