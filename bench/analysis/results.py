"""The results of one experiment, read back: its records, and the tables derived from them.

>>> results = bench.load("quick")          # doctest: +SKIP
>>> results.summary                        # doctest: +SKIP
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.analysis.conclusions import Conclusions
from bench.analysis.recorded import Recorded
from bench.analysis.verdict import Verdict
from bench.records import manifest
from bench.records.folder import command_name, located, names
from bench.records.jsonl import read_records
from bench.records.published import refuse_changed
from bench.records.schema import PROTOCOL, SCHEMA, unique
from bench.records.selection import drop_superseded
from tasks.errors import UserError, unknown


@dataclass(frozen=True, eq=False)
class Results(Recorded):
    """What an experiment recorded, with everything that is concluded from it."""

    @cached_property
    def conclusions(self) -> Conclusions:
        """Everything that is concluded from these results, each computed once."""
        return Conclusions(self)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What can be said of each task; see `bench.analysis.verdicts`."""
        return self.conclusions.verdicts

    def __repr__(self) -> str:
        from bench.analysis.notebook import screen

        return screen(self, self.verdicts)

    def _repr_html_(self) -> str:
        """What a notebook shows: the decisions, and the leaderboard as a styled table."""
        from bench.analysis.notebook import styled

        decisions = "; ".join(f"{verdict.task}: {verdict.answer}" for verdict in self.verdicts)
        html: str = styled(self.summary, f"{self.name}{f' ({decisions})' if decisions else ''}").to_html()
        return html


def load(name: str, results: str | Path = "results") -> Results:
    """Read the experiment `name` from `results/NAME`; a name that is not there raises UserError with those that are.

    name: or the path of a folder with records, as `results/study`. One that was published must be as it was then:
    UserError where it is damaged or was made by something else.
    """
    name, folder = located(name, results)
    if name not in names(folder):
        if not names(folder):
            again = f"python -m bench run --name {shlex.quote(name)}{command_name(folder)}"
            raise UserError(f"no experiment in '{folder}': run one first: {again}")
        raise unknown("experiment", name, names(folder))
    try:
        content = manifest.read(folder / name) or {}
    except ValueError as error:
        path = folder / name / manifest.MANIFEST
        raise UserError(f"{path} is damaged ({error}): mend it, or delete it to read the records alone") from error
    for what, newest in (("schema", SCHEMA), ("protocol", PROTOCOL)):
        if isinstance(found := content.get(what), int) and found > newest:
            raise UserError(
                f"{folder / name} has {what} {found}, this bench reads up to {newest}: install the bench that wrote it"
            )
    refuse_changed(folder / name, content)
    damaged: list[int] = []
    lines = read_records(manifest.records_path(folder / name), lambda line: damaged.append(line.number))
    changed = [*(content.get(manifest.NOTICED) or ()), *manifest.record_changes(folder / name)]
    return Results(
        name,
        tuple(drop_superseded(unique(lines))),
        content,
        folder / name,
        tuple(damaged),
        tuple(dict.fromkeys(changed)),
    )
