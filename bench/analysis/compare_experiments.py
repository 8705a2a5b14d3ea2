"""Experiments against each other: the same model on the same task, on another machine or at another commit.

Trainings are paired where task, configuration of the comparison, replicate and the hashes of the first weights and the
first batch agree: then whatever differs was not drawn differently. Times are shown and never ranked unless all come
from one environment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis import stats
from bench.analysis.confirmed import RESOLUTION
from bench.analysis.model_pairs import ENOUGH, LEVEL, NEGLIGIBLE
from bench.analysis.results import Results, load
from bench.records.schema import Record, label, unique
from bench.records.schema import trainings as trainings_of
from tasks.errors import UserError

Cell = tuple[str, str, str]  # comparison, task, model


@dataclass(frozen=True)
class Difference:
    """One cell of the later experiment against the first. `effect`: ratio of test losses (first = 1), with interval.

    n: pairs of seeds whose hashes agree. unpaired: seeds that both have, but drawn differently. identical: pairs with
    the very same test loss. p_holm: over all cells and experiments of the comparison. steps: ratio of steps to target.
    """

    cell: Cell
    first: str
    second: str
    n: int
    unpaired: int
    identical: int
    effect: float
    low: float
    high: float
    p: float
    p_holm: float
    steps: stats.Paired
    solved: tuple[int, int]
    runs: tuple[int, int]

    @property
    def state(self) -> str:
        """What can be said: "identical", "equal", "better", "worse", "not settled", "not paired"."""
        if self.n == 0:
            return "not paired"
        if self.identical == self.n:
            return "identical"
        if 1 / (1 + NEGLIGIBLE) <= self.low <= self.high <= 1 + NEGLIGIBLE:
            return "equal"
        if self.n >= ENOUGH and self.p_holm < LEVEL:
            return "better" if self.effect < 1 else "worse"
        return "not settled"


@dataclass(frozen=True)
class Comparison:
    """Two or more experiments, the first of them the one that the others are compared with."""

    experiments: tuple[Results, ...]
    differences: tuple[Difference, ...]

    @property
    def names(self) -> list[str]:
        return [results.name for results in self.experiments]

    @property
    def environments(self) -> list[str | None]:
        """The environment that each experiment was timed in; None: more than one, or unknown."""
        found: list[str | None] = []
        for results in self.experiments:
            timed = {r.get("environment") for r in results.records if r.get("stage") == "time"}
            found.append(timed.pop() if len(timed) == 1 else None)
        return found

    @property
    def same_machine(self) -> bool:
        """Whether times may be compared: all from one known environment."""
        environments = set(self.environments)
        return len(environments) == 1 and None not in environments


def compare(names: Sequence[str], results_dir: str | Path = "results") -> Comparison:
    """Compare experiments by name; UserError for an unknown one, fewer than two, or nothing in common."""
    if len(dict.fromkeys(names)) < 2:
        raise UserError("compare needs two or more different experiments: python -m bench compare A B")
    experiments = tuple(load(name, results_dir) for name in dict.fromkeys(names))
    return compared(experiments)


def compared(experiments: Sequence[Results]) -> Comparison:
    """As `compare`, for results that are loaded already."""
    first, *others = experiments
    base = _confirmed(first)
    raw = []
    for other in others:
        own = _confirmed(other)
        raw += [_difference(cell, first.name, other.name, base[cell], own[cell]) for cell in base if cell in own]
    if not raw:
        known = ", ".join(sorted({f"{model} on {task} ({match})" for match, task, model in base})[:3]) or "nothing"
        raise UserError(
            f"'{first.name}' has no task and model in common with {', '.join(r.name for r in others)}: "
            f"it confirmed {known}"
        )
    adjusted = stats.holm([found["p"] if found["n"] >= ENOUGH else math.nan for found in raw])
    differences = [Difference(**found, p_holm=float(p)) for found, p in zip(raw, adjusted, strict=True)]
    return Comparison(tuple(experiments), tuple(differences))


def _confirmed(results: Results) -> dict[Cell, dict[int, Record]]:
    """The confirmed trainings of each cell by replicate."""
    kept = list(trainings_of(unique(results.records)))
    found: dict[Cell, dict[int, Record]] = {}
    for place in results.confirmed.index:
        record = kept[place]
        cell = (str(record.get("match")), label(record.get("task")), label(record.get("model")))
        found.setdefault(cell, {})[record["replicate"]] = record
    return {
        cell: found[cell]
        for match in results.matches
        for task in results.tasks
        for model in results.models
        if (cell := (match, task, model)) in found
    }


def _difference(
    cell: Cell, first: str, second: str, base: Mapping[int, Record], own: Mapping[int, Record]
) -> dict[str, Any]:
    shared = [replicate for replicate in base if replicate in own]
    pairs = [(base[r], own[r]) for r in shared if _same_draw(base[r], own[r])]
    ended = [(a, b) for a, b in pairs if a.get("status") == b.get("status") == "ok"]
    losses = [(_loss(a), _loss(b)) for a, b in ended]
    logs = [(math.log(b), math.log(a)) for a, b in losses]
    found = stats.paired_difference(*(np.array(logs).T if logs else ([], [])))
    times = [(a.get("steps_to_target"), b.get("steps_to_target")) for a, b in ended]
    known = np.array([(math.log(max(b, 1)), math.log(max(a, 1))) for a, b in times if a is not None and b is not None])
    return {
        "cell": cell,
        "first": first,
        "second": second,
        "n": found.n,
        "unpaired": len(shared) - len(pairs),
        "identical": sum(a == b for a, b in losses),
        "effect": math.exp(found.value),
        "low": math.exp(found.low),
        "high": math.exp(found.high),
        "p": found.p,
        "steps": stats.paired_difference(*(known.T if len(known) else ([], []))),
        "solved": (_solved(base), _solved(own)),
        "runs": (len(base), len(own)),
    }


def _same_draw(a: Record, b: Record) -> bool:
    """Whether two trainings saw the same data and began at the same weights; unknown hashes pair nothing."""
    hashes = a.get("hashes"), b.get("hashes")
    versions = [(record.get("task") or {}).get("version") for record in (a, b)]
    return bool(hashes[0]) and hashes[0] == hashes[1] and versions[0] == versions[1]


def _loss(record: Record) -> float:
    return max(float((record.get("test") or {}).get("loss") or 0.0), RESOLUTION)


def _solved(trainings: Mapping[int, Record]) -> int:
    return sum(r.get("steps_to_target") is not None and r.get("status") == "ok" for r in trainings.values())
