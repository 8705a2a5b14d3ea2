"""A copy of every search in an Optuna storage, for optuna-dashboard and other tools to look at while it runs.

The copy is never read back: the records are the truth. It is written by a thread of its own, so that a slow or absent
database holds up no training. When it fails the run is told and goes on, and the copy is tried again until it is whole.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from bench.experiment.search import Space, distributions, parameters, point_of
from bench.records.schema import Record
from bench.records.secrets import MASK, hidden, masked
from bench.records.selection import finished_loss, is_whole
from tasks.errors import UserError

FLUSH_SECONDS = 30.0  # at the end of an experiment, for what is still to be copied
UNSEEN_SECONDS = 3.0  # the same, where the storage has never been reached
RETRY_SECONDS, LONGEST_SECONDS = 1.0, 30.0  # between two attempts: doubled each time
Name = tuple[str, str, str]


def check_storage(url: str | None) -> None:
    """Raise UserError for a URL that no database driver here can open; whether it can be reached is found later."""
    if url is None or "://" not in url:
        return
    if MASK in url:
        raise UserError(
            f"--storage {masked(url)} has no password, which is never recorded: give --storage with it, or leave it "
            "out of the URL and set PGPASSWORD (or write ~/.pgpass)"
        )
    from sqlalchemy import exc  # Optuna's way to databases
    from sqlalchemy.engine import make_url

    expected = "expected sqlite:///FILE, the URL of another database, or a path for Optuna's journal file"
    try:
        dialect = make_url(url).get_dialect()
    except (exc.ArgumentError, ValueError):
        scheme = url.partition("://")[0]
        raise UserError(f"--storage: there is no kind of database called '{scheme}': {expected}") from None
    try:
        dialect.import_dbapi()
    except ImportError as error:
        raise UserError(
            f"--storage: {dialect.name} needs a driver that is not installed ({error}): {expected}"
        ) from None


class Mirror:
    """Copies trials to `url`: what SQLAlchemy understands, or a path, which becomes Optuna's journal file.

    None: copies nothing. note: told, from the thread of whoever calls `show` or `close`, that the copy has failed, and
    that it is up to date again.
    """

    def __init__(self, url: str | None, experiment: str, note: Callable[[str], None]) -> None:
        self._url, self._experiment, self._note = url, experiment, note
        self._pending: dict[tuple[Name, int], tuple[Space, list[Record]]] = {}  # by search, what is not copied yet
        self._lock, self._wake, self._closing = threading.Lock(), threading.Event(), threading.Event()
        self._failure: str | None = None
        self._told = self._reached = False
        self._writer: threading.Thread | None = None
        if url is not None:
            self._writer = threading.Thread(target=self._write, args=(url,), daemon=True, name="bench-mirror")
            self._writer.start()

    def show(self, name: Name, replicate: int, space: Space, records: Sequence[Record]) -> None:
        """Copy new trials of one search (comparison, task, model, replicate; 0: the search for all replicates)."""
        if self._writer is not None:
            with self._lock:
                self._pending.setdefault((name, replicate), (space, []))[1].extend(records)
            self._wake.set()
        self._tell()

    def close(self) -> None:
        """Wait, but not for ever, until all is copied."""
        if self._writer is not None:
            self._closing.set()
            self._wake.set()
            self._writer.join(FLUSH_SECONDS)
            if self._writer.is_alive():
                self._failure = self._failure or f"not all was copied within {FLUSH_SECONDS:g} s"
            self._writer = None
            self._told = self._told and self._failure is None  # the last word is whether it is whole
        self._tell()

    def _tell(self) -> None:
        failure = self._failure
        if (failure is not None) == self._told:
            return
        self._told = failure is not None
        where = f"the copy in --storage {masked(self._url or '')}"
        if failure is None:
            self._note(f"{where} is up to date again")
        else:
            again = "" if self._closing.is_set() else " (it is tried again)"
            self._note(f"{where} is not complete, and the run goes on{again}: {failure}")

    def _write(self, url: str) -> None:
        """Copy whatever is pending, until it is closed; after a failure wait, open the storage anew and try again."""
        writer: _Writer | None = None
        pause, give_up = RETRY_SECONDS, math.inf
        while True:
            self._wake.wait()
            self._wake.clear()
            last = self._closing.is_set()
            if last and math.isinf(give_up):
                give_up = time.monotonic() + (FLUSH_SECONDS if self._reached else UNSEEN_SECONDS) - RETRY_SECONDS
            try:
                writer = writer or _Writer(url)
                self._reached = True
                self._copy(writer)
                self._failure, pause = None, RETRY_SECONDS
                if last:
                    break
            except Exception as error:  # whatever a database may raise: its failure is a sentence, never the run's
                self._failure = hidden(f"{type(error).__name__}: {error}".splitlines()[0], url)
                if writer is not None:
                    writer.close()
                    writer = None
                if time.monotonic() > give_up:
                    return
                if last:
                    time.sleep(RETRY_SECONDS)
                else:
                    self._closing.wait(pause)
                    pause = min(2 * pause, LONGEST_SECONDS)
                self._wake.set()
        writer.close()

    def _copy(self, writer: _Writer) -> None:
        while True:
            with self._lock:
                if not self._pending:
                    return
                search, (space, waiting) = next(iter(self._pending.items()))
                records = list(waiting)
            (match, task, model), replicate = search
            which = f" replicate {replicate}" if replicate else ""
            writer.add(f"{self._experiment} {task} {model} {match}{which}", space, records)
            with self._lock:
                del waiting[: len(records)]
                if not waiting:
                    del self._pending[search]


class _Writer:
    """The studies of a storage, and which trainings each has."""

    def __init__(self, url: str) -> None:
        import optuna

        self._optuna: Any = optuna
        self._storage = _open(optuna, url)
        self._studies: dict[str, tuple[Any, set[str]]] = {}

    def add(self, name: str, space: Space, records: Sequence[Record]) -> None:
        """Add trials that the study has not: after an interruption it has those of before."""
        if name not in self._studies:
            study = self._optuna.create_study(study_name=name, storage=self._storage, load_if_exists=True)
            self._studies[name] = (study, {trial.user_attrs.get("key") for trial in study.get_trials(deepcopy=False)})
        study, present = self._studies[name]
        new = [record for record in records if record["key"] not in present]
        study.add_trials([_trial(self._optuna, space, record) for record in new])
        present.update(record["key"] for record in new)

    def close(self) -> None:
        """Give connections back; a database that is gone has none."""
        engine = getattr(getattr(self._storage, "_backend", self._storage), "engine", None)
        if engine is not None:
            with contextlib.suppress(Exception):
                engine.dispose()


def _open(optuna: Any, url: str) -> Any:
    if "://" in url:
        return optuna.storages.get_storage(url)
    with warnings.catch_warnings():  # marked experimental in Optuna 4
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(url))


def _trial(optuna: Any, space: Space, record: Record) -> Any:
    """A record as a finished trial, its validation losses as intermediate values."""
    states, loss = optuna.trial.TrialState, finished_loss(record)
    stopped_early = loss is not None and not is_whole(record)
    curve = record.get("curve") or {"step": [], "valid_loss": []}
    values = {s: v for s, v in zip(curve["step"], curve["valid_loss"], strict=True) if v is not None}
    return optuna.trial.create_trial(
        state=states.FAIL if loss is None else states.PRUNED if stopped_early else states.COMPLETE,
        value=loss,
        params=parameters(point_of(record), space),
        distributions=distributions(optuna, space),
        user_attrs={"key": record["key"], "trial": record["trial"], "status": record["status"]},
        intermediate_values=values,
    )
