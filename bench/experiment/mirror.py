"""A copy of every search in an Optuna storage, for optuna-dashboard and other tools to look at while it runs.

The copy is never read back: the records are the truth. It is written by a thread of its own, so that a slow or absent
database holds up no training, and when it fails the run is told once and goes on without it.
"""

from __future__ import annotations

import queue
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from bench.experiment.search import Space, distributions, parameters, point_of
from bench.records.schema import Record
from bench.records.selection import finished_loss, is_whole
from tasks.errors import UserError

FLUSH_SECONDS = 30.0  # at the end of an experiment, for what is still to be copied
Name = tuple[str, str, str]


def check_storage(url: str | None) -> None:
    """Raise UserError for a URL that no database driver here can open; whether it can be reached is found later."""
    if url is None or "://" not in url:
        return
    from sqlalchemy import exc  # Optuna's way to databases
    from sqlalchemy.engine import make_url

    expected = "expected sqlite:///FILE, the URL of another database, or a path for Optuna's journal file"
    try:
        dialect = make_url(url).get_dialect()
    except exc.ArgumentError:
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

    None: copies nothing. note: told, from the thread of whoever calls `show` or `close`, that the copy has failed.
    """

    def __init__(self, url: str | None, experiment: str, note: Callable[[str], None]) -> None:
        self._url, self._experiment, self._note = url, experiment, note
        self._queue: queue.SimpleQueue[tuple[Name, int, Space, list[Record]] | None] = queue.SimpleQueue()
        self._failure: str | None = None
        self._told = False
        self._writer: threading.Thread | None = None
        if url is not None:
            self._writer = threading.Thread(target=self._write, args=(url,), daemon=True, name="bench-mirror")
            self._writer.start()

    def show(self, name: Name, replicate: int, space: Space, records: Sequence[Record]) -> None:
        """Copy trials of one search (comparison, task, model, replicate; 0: the search for all replicates)."""
        if self._writer is not None and self._failure is None:
            self._queue.put((name, replicate, space, list(records)))
        self._tell()

    def close(self) -> None:
        """Wait, but not for ever, until all is copied."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join(FLUSH_SECONDS)
            if self._writer.is_alive():
                self._failure = f"not all was copied within {FLUSH_SECONDS:g} s"
            self._writer = None
        self._tell()

    def _tell(self) -> None:
        if self._failure is not None and not self._told:
            self._told = True
            self._note(f"the copy in --storage {self._url} is not complete, and the run goes on: {self._failure}")

    def _write(self, url: str) -> None:
        try:
            writer = _Writer(url)
            while (item := self._queue.get()) is not None:
                (match, task, model), replicate, space, records = item
                which = f" replicate {replicate}" if replicate else ""
                writer.add(f"{self._experiment} {task} {model} {match}{which}", space, records)
        except Exception as error:  # whatever a database may raise: its failure is a sentence, never the run's
            self._failure = f"{type(error).__name__}: {error}".splitlines()[0]


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
