"""What one experiment recorded: its records, and the tables derived from them. Conclusions are drawn from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.analysis import tables
from bench.analysis.shared_data import SharedRows, series_in, shared_rows
from bench.records.schema import Record, label, unique
from bench.records.schema import trainings as trainings_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Recorded:
    """What an experiment measured. `manifest` is its `experiment.json` (settings, environment, status), {} if lost.

    folder: `results/NAME`, where checkpoints and predictions lie beside the records; None for records without files.
    damaged: numbers of the lines of `records.jsonl` that could not be read and are left out.
    changed: sentences on what has changed since `experiment.json` sealed it.
    """

    name: str
    records: tuple[Record, ...]
    manifest: Mapping[str, Any]
    folder: Path | None = None
    damaged: tuple[int, ...] = ()
    changed: tuple[str, ...] = ()

    @cached_property
    def trainings(self) -> pd.DataFrame:
        """One row a training; the columns of `trainings.csv`."""
        return tables.trainings_table(self.records)

    @cached_property
    def without_target(self) -> frozenset[str]:
        """Tasks on which an untrained net already meets the target: see `tables.without_target`."""
        return tables.without_target(self.records, self.trainings)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """One row an evaluation; the columns of `curves.csv`."""
        return tables.curves_table(self.records, self.trainings)

    @cached_property
    def timings(self) -> pd.DataFrame:
        """One row a timing; the columns of `timings.csv`."""
        return tables.timings_table(self.records)

    @cached_property
    def references(self) -> pd.DataFrame:
        """One row a reference predictor and replicate: see `tables.references_table`."""
        return tables.references_table(self.records, self.trainings)

    @cached_property
    def shared_rows(self) -> Mapping[str, Mapping[int, SharedRows]]:
        """By task and replicate, where replicates share data."""
        return shared_rows(self.records)

    @cached_property
    def series(self) -> Mapping[str, int]:
        """The tasks whose replicates are forecast origins, with how many of them the rows allow."""
        return series_in(self.records)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row a model (or reference) on a task; the columns of `summary.csv`."""
        return tables.summary_table(self.records, self.trainings)

    @cached_property
    def selected(self) -> pd.DataFrame:
        """The trainings that results are made of: one row a comparison, task, model and replicate.

        That is the trial that the replicate's own search selected on validation data, or a failure where none of its
        trials ended well; where one search served all replicates, the training of what it chose.
        """
        return self.trainings[self.trainings["selected"].to_numpy(bool)]

    def rows(
        self, of: Literal["selected", "trainings", "curves", "timings", "summary"], match: str, task: str
    ) -> pd.DataFrame:
        """The rows of a table on one task in one comparison; no rows where it has none."""
        if of not in self._by_task:
            groups = getattr(self, of).groupby(["match", "task"], sort=False)
            self._by_task[of] = {(str(match), str(task)): rows for (match, task), rows in groups}
        found = self._by_task[of].get((match, task))
        return getattr(self, of).iloc[:0] if found is None else found

    @cached_property
    def _by_task(self) -> dict[str, dict[tuple[str, str], pd.DataFrame]]:
        """Tables cut into tasks: searching a table of many tasks for each of them takes longer than all else."""
        return {}

    @cached_property
    def training_records(self) -> tuple[Record, ...]:
        """The records of `trainings`, in its order: for what no table has, as whole curves."""
        return tuple(trainings_of(unique(self.records)))

    @cached_property
    def selected_records(self) -> tuple[Record, ...]:
        """The records of `selected`, in its order."""
        return tuple(self.training_records[place] for place in self.selected.index)

    @cached_property
    def described_tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """What the first record of each task says of it: name and parameters."""
        found: dict[str, Mapping[str, Any]] = {}
        for record in self.records:
            found.setdefault(label(record.get("task")), record.get("task") or {})
        return found

    @cached_property
    def targets(self) -> Mapping[str, Mapping[str, Any]]:
        """What counts as solved on each task, as its first record says that has a target."""
        found: dict[str, Mapping[str, Any]] = {}
        for record in self.records:
            if record.get("target"):
                found.setdefault(label(record.get("task")), record["target"])
        return found

    @cached_property
    def protocol(self) -> int:
        """2: every replicate searched for itself and drew its own data. 1: one search on replicate 0 served all."""
        recorded = self.manifest.get("protocol")
        return int(recorded) if recorded else (2 if any(r["stage"] == "trial" for r in self.records) else 1)

    @property
    def searched_once(self) -> bool:
        """Whether one search chose for all replicates, so that no interval covers the search."""
        return bool((self.trainings["stage"] == "search").any())

    @property
    def first_look(self) -> int | None:
        """Replicates at the first look, where replicates are added until the tasks are settled; else None.

        Results that are looked at repeatedly need a test that may be looked at (`stats.sequential`).
        """
        repeated = self.settings.get("until_settled") or self.manifest.get("extended")
        first = self.manifest.get("first_look") or self.settings.get("first_look")
        return (first if isinstance(first, int) else 7) if repeated else None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The resolved settings of the experiment."""
        return dict(self.manifest.get("experiment") or {})

    @cached_property
    def matches(self) -> list[str]:
        """The comparisons in these results, as the manifest orders them; in older folders in order of appearance."""
        return self._ordered((r.get("match") for r in trainings_of(self.records)), [self.manifest.get("comparisons")])

    @cached_property
    def tasks(self) -> list[str]:
        """Labels of the tasks."""
        return self._ordered(self.described_tasks, [self.settings.get("tasks")])

    @cached_property
    def models(self) -> list[str]:
        """Labels of the models; their place gives each its colour in every figure."""
        labels = (label(r.get("model")) for r in trainings_of(self.records))
        return self._ordered(labels, [self.settings.get("models")])

    @staticmethod
    def _ordered(labels: Iterable[str | None], wishes: list[Any]) -> list[str]:
        """Distinct labels: as the settings list them, others after them in order of appearance."""
        wished = [str(item) for wish in wishes for item in ([wish] if isinstance(wish, str) else wish or [])]
        found = list(dict.fromkeys(text for text in labels if text is not None))

        def place(label: str) -> int:
            asked = label if label in wished else label.partition("[")[0]  # a budget may have set parameters
            return wished.index(asked) if asked in wished else len(wished)

        return sorted(found, key=place)

    @property
    def progress(self) -> tuple[int, int | None]:
        """Trainings and measurements done, and how many of both the experiment plans (None: not known)."""
        planned = self.manifest.get("trainings_planned")
        done = sum(record["stage"] != "reference" for record in unique(self.records))
        return done, None if planned is None else int(planned)
