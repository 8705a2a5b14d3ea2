"""Experiments against each other: the same model on the same task, on another machine or at another commit.

Trainings are paired where task, configuration of the comparison, replicate and the hashes of the first weights and the
first batch agree: then whatever differs was not drawn differently. Where every replicate drew otherwise, as with
another --seed, all of one experiment are compared with all of the other. Times are shown and never ranked unless all
come from one environment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis import stats
from bench.analysis.levels import ENOUGH, LEVEL, NEGLIGIBLE, SMALLEST_LOSS
from bench.analysis.model_pairs import LOG_MARGIN
from bench.analysis.results import Results, load
from bench.records.schema import Record, label
from tasks.errors import UserError

Cell = tuple[str, str, str]  # comparison, task, model


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One cell of the later experiment against the first. `effect`: ratio of test losses (first = 1), with interval.

    n: pairs of replicates whose hashes agree and of which at least one finished; where nothing is paired and all was
    drawn anew (independent), the smaller number of replicates. unpaired: replicates that both have, but drawn
    differently. identical: pairs with the very same test loss. p, p_holm: a failure counts as the worst result; p_holm
    over all cells and experiments of the comparison. lower: whether p speaks for the later experiment. steps_ratio: of
    steps to target, over the steps_n pairs (independent: replicates of the side with fewer) that reached it.
    """

    cell: Cell
    first: str
    second: str
    n: int
    independent: bool
    unpaired: int
    identical: int
    effect: float
    low: float
    high: float
    p: float
    p_holm: float
    lower: bool
    failed: tuple[int, int]
    steps_ratio: float
    steps_n: int
    solved: tuple[int, int]
    runs: tuple[int, int]

    @property
    def state(self) -> str:
        """What can be said: "identical", "equal", "better", "worse", "not settled", "not paired"."""
        if self.n == 0:
            return "not paired"
        if self.identical == self.n:
            return "identical"
        if not any(self.failed) and 1 / (1 + NEGLIGIBLE) <= self.low <= self.high <= 1 + NEGLIGIBLE:
            return "equal"
        if self.n >= ENOUGH and self.p_holm < LEVEL:
            return "better" if self.lower else "worse"
        return "not settled"


@dataclass(frozen=True)
class ExperimentComparison:
    """Two or more experiments, the first of them the one that the others are compared with."""

    experiments: tuple[Results, ...]
    differences: tuple[Difference, ...]

    @property
    def names(self) -> list[str]:
        return [results.name for results in self.experiments]

    @property
    def environments(self) -> list[str | None]:
        """The environment that each experiment was timed in on the tasks that are compared.

        None: more than one, or unknown.
        """
        compared = {difference.cell[1] for difference in self.differences}
        found: list[str | None] = []
        for results in self.experiments:
            timings = [r for r in results.records if r.get("stage") == "time" and label(r.get("task")) in compared]
            timed = {r.get("environment") for r in timings}
            found.append(timed.pop() if len(timed) == 1 else None)
        return found

    @property
    def same_machine(self) -> bool:
        """Whether times may be compared: all from one known environment."""
        environments = set(self.environments)
        return len(environments) == 1 and None not in environments


def compare(names: Sequence[str], results_dir: str | Path = "results") -> ExperimentComparison:
    """Compare experiments by name; UserError for an unknown one, fewer than two, or nothing in common."""
    if len(dict.fromkeys(names)) < 2:
        raise UserError("compare needs two or more different experiments: python -m bench compare A B")
    experiments = tuple(load(name, results_dir) for name in dict.fromkeys(names))
    called = [results.name for results in experiments]
    if twice := next((name for name in called if called.count(name) > 1), None):
        raise UserError(f"two of these are called {twice}: give one of the folders another name")
    return compared(experiments)


def compared(experiments: Sequence[Results]) -> ExperimentComparison:
    """As `compare`, for results that are loaded already."""
    first, *others = experiments
    base = _selected(first)
    raw = []
    for other in others:
        own = _selected(other)
        raw += [_difference(cell, first.name, other.name, base[cell], own[cell]) for cell in base if cell in own]
    if not raw:
        known = ", ".join(sorted({f"{model} on {task} ({match})" for match, task, model in base})[:3]) or "nothing"
        raise UserError(
            f"'{first.name}' has no task and model in common with {', '.join(r.name for r in others)}: "
            f"it has results of {known}"
        )
    adjusted = stats.holm([found["p"] if found["n"] >= ENOUGH else math.nan for found in raw])
    differences = [Difference(**found, p_holm=float(p)) for found, p in zip(raw, adjusted, strict=True)]
    return ExperimentComparison(tuple(experiments), tuple(differences))


def _selected(results: Results) -> dict[Cell, dict[int, Record]]:
    """The trainings that results are made of, for each cell by replicate."""
    found: dict[Cell, dict[int, Record]] = {}
    for record in results.selected_records:
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
    shared = sorted(replicate for replicate in base if replicate in own)
    pairs = [(base[r], own[r]) for r in shared if _same_draw(base[r], own[r])]
    logs = np.array([(_log_loss(b), _log_loss(a)) for a, b in pairs], dtype=np.float64).reshape(-1, 2)
    found = stats.compare_losses(logs[:, 0], logs[:, 1], LOG_MARGIN)
    times = [(_log_steps(b), _log_steps(a)) for a, b in pairs]
    known = [later - earlier for later, earlier in times if later is not None and earlier is not None]
    ratio, steps_n = (float(np.mean(known)) if known else math.nan), len(known)
    independent = not pairs and _drawn_anew(base, own)
    if independent:
        sides = list(own.values()), list(base.values())
        found = stats.compare_independent(*([_log_loss(record) for record in side] for side in sides))
        reached = [[steps for record in side if (steps := _log_steps(record)) is not None] for side in sides]
        steps_n = min(map(len, reached))
        ratio = float(np.mean(reached[0]) - np.mean(reached[1])) if steps_n else math.nan
    return {
        "cell": cell,
        "first": first,
        "second": second,
        "n": found.n,
        "independent": independent,
        "unpaired": len(shared) - len(pairs),
        "identical": int((found.differences == 0).sum()),
        "effect": 10**found.value,
        "low": 10**found.low,
        "high": 10**found.high,
        "p": found.p,
        "lower": found.direction < 0,
        "failed": found.failed,
        "steps_ratio": math.exp(ratio),
        "steps_n": steps_n,
        "solved": (_solved(base), _solved(own)),
        "runs": (len(base), len(own)),
    }


def _same_draw(a: Record, b: Record) -> bool:
    """Whether two trainings saw the same data and began at the same weights; unknown hashes pair nothing.

    Where replicates search for themselves the weights follow from what was chosen: there the data decide.
    """
    hashes = (a.get("hashes") or {}), (b.get("hashes") or {})
    versions = [(record.get("task") or {}).get("version") for record in (a, b)]
    if _own_searches(a, b):
        parts = [part for part in ("data", "first_batch") if hashes[0].get(part)][:1]
        return bool(parts) and hashes[0][parts[0]] == hashes[1].get(parts[0]) and versions[0] == versions[1]
    return bool(hashes[0]) and hashes[0] == hashes[1] and versions[0] == versions[1]


def _own_searches(*records: Record) -> bool:
    return {record.get("stage") for record in records} <= {"trial", "train"}


def _drawn_anew(base: Mapping[int, Record], own: Mapping[int, Record]) -> bool:
    """Whether no replicate of one experiment saw the data of any of the other (or, where one search served all, began
    at its weights). Not known of records without hashes; forecast origins are stretches of one table."""
    records = [*base.values(), *own.values()]
    if any(record.get("origin") or not record.get("hashes") for record in records):
        return False
    if len({(record.get("task") or {}).get("version") for record in records}) > 1:
        return False
    part = next((part for part in ("data", "first_batch") if all(r["hashes"].get(part) for r in records)), None)
    key = part if _own_searches(*records) else "weights"
    drawn = [{record["hashes"].get(key) for record in side.values()} for side in (base, own)]
    return None not in drawn[0] | drawn[1] and not drawn[0] & drawn[1]


def _log_steps(record: Record) -> float | None:
    """log of the steps to the target; None for a training that failed or did not reach it."""
    steps = record.get("steps_to_target")
    return None if steps is None or not _ok(record) else math.log(max(steps, 1))


def _ok(record: Record) -> bool:
    return record.get("status") == "ok"


def _log_loss(record: Record) -> float:
    """log10 of the test loss; NaN for a training that failed."""
    loss = (record.get("test") or {}).get("loss")
    return math.log10(max(float(loss), SMALLEST_LOSS)) if _ok(record) and loss is not None else math.nan


def _solved(trainings: Mapping[int, Record]) -> int:
    return sum(r.get("steps_to_target") is not None and _ok(r) for r in trainings.values())
