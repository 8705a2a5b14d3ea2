"""Successive halving in the search: most trials are given up early (Jamieson & Talwalkar 2016, synchronous form).

Of a bracket of 9 trials the best third goes on at a ninth of the budget, and the best third of these at a third. A rung
is a training of its own, with the whole training's curve up to there and a record of its own; what goes on is trained
again from the start. That costs 0.33 of training all to the end where going on from a state would cost 0.26, and it
keeps a training a pure function of its request: nothing has to be kept, shipped or found again after a kill.

Decisions fall in the parent when a rung is whole, so they are the same for any number of workers.
"""

from __future__ import annotations

import math

from bench.experiment.search import Ask, Asked, Study
from bench.records.curves import best_valid_loss
from bench.records.schema import Record

REDUCTION = 3
RUNGS = 3
BRACKET = REDUCTION ** (RUNGS - 1)


def search_with_pruning(study: Study, steps: int, interval: int) -> Ask:
    """Like `search`, in brackets. steps: of a whole training; interval: between its evaluations.

    The best point is among those that were trained to the end.
    """
    while alive := study.ask(BRACKET):
        seen: dict[int, dict[int, float]] = {trial.number: {} for trial in alive}
        for stop in rungs(steps, interval, len(alive)):
            records = yield [Asked(trial.number, trial.point, stop) for trial in alive]
            ranked = _rank(alive, records)
            if stop is None:
                for trial, record in zip(alive, records, strict=True):
                    study.tell(trial, best_valid_loss(record))
                break
            for trial in alive:
                if trial.number not in ranked:
                    study.tell(trial, None)
            for number, loss in ranked.items():
                seen[number][stop] = loss
            kept = list(ranked)[: _survivors(len(alive))]
            for trial in alive:
                if trial.number in ranked and trial.number not in kept:
                    study.prune(trial, seen[trial.number])
            alive = [trial for trial in alive if trial.number in kept]
            if not alive:
                break
    return study.best


def rungs(steps: int, interval: int, trials: int) -> list[int | None]:
    """Where trainings of a bracket stop, the whole budget (None) last; on evaluations, so that curves agree."""
    found: list[int | None] = []
    for rung in range(RUNGS - 1):
        stop = interval * max(1, round(steps / REDUCTION ** (RUNGS - 1 - rung) / interval))
        if trials > 1 and stop < steps and stop not in found:
            found.append(stop)
        trials = _survivors(trials)
    return [*found, None]


def count_trainings(trials: int, steps: int, interval: int) -> int:
    """Trainings of a search of so many trials, those of all rungs counted, if none fails."""
    total = 0
    for first in range(0, trials, BRACKET):
        alive = min(BRACKET, trials - first)
        for _ in rungs(steps, interval, alive):
            total += alive
            alive = _survivors(alive)
    return total


def _survivors(trials: int) -> int:
    return math.ceil(trials / REDUCTION)


def _rank(trials: list[Asked], records: list[Record]) -> dict[int, float]:
    """Lowest validation losses by trial number, the best first; failed ones are left out."""
    losses = {trial.number: best_valid_loss(record) for trial, record in zip(trials, records, strict=True)}
    known = {number: loss for number, loss in losses.items() if loss is not None}
    return dict(sorted(known.items(), key=lambda item: (item[1], item[0])))
