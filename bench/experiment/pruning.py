"""Successive halving in the search: most trials are given up early (Jamieson & Talwalkar 2016, synchronous form).

Of a bracket of 9 trials the best third goes on at a ninth of the budget, and the best third of these at a third. A rung
is a training of its own, with the whole training's curve up to there and a record of its own; what goes on is trained
again from the start. That costs 0.33 of training all to the end where going on from a state would cost 0.26, and it
keeps a training a pure function of its request: nothing has to be kept, shipped or found again after a kill.

A rung that does not tell its trials apart decides nothing: on a task with a plateau all of them may still answer as a
constant does, and which of them learn later is not known. Then as many trials as the bracket has trainings left are
trained to the end, and the best is found among them. Without this rule a cell that learns late is compared by a trial
that chance chose: docs/protocol.md has the measurement.

Decisions fall in the parent when a rung is whole, so they are the same for any number of workers.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from bench.experiment.search import Point, Study, Trial
from bench.records.schema import Record
from bench.records.selection import finished_loss

REDUCTION = 3
RUNGS = 3
BRACKET = REDUCTION ** (RUNGS - 1)
APART = 0.02  # relative: a trial that goes on is better than the middle one by as much


class PrunedSearch:
    """A search in brackets of trials, most of which are stopped early.

    steps: of a whole training; interval: between its evaluations. The best point is among those that were trained to
    the end.
    """

    def __init__(self, study: Study, steps: int, interval: int) -> None:
        self._study, self._steps, self._interval = study, steps, interval
        self._alive: list[Trial] = []
        self._stops: list[int | None] = []  # of the bracket, those still to come
        self._seen: dict[int, dict[int, float]] = {}  # by trial: the lowest loss up to each stop

    @property
    def best(self) -> Point | None:
        return self._study.best

    def next_trials(self) -> list[Trial]:
        if not self._alive:
            self._alive = self._study.ask(BRACKET)
            self._stops = rungs(self._steps, self._interval, len(self._alive))
            self._seen = {trial.number: {} for trial in self._alive}
        return [Trial(trial.number, trial.point, self._stops[0]) for trial in self._alive]

    def tell(self, records: Sequence[Record]) -> None:
        stop = self._stops.pop(0)
        if stop is None:
            for trial, record in zip(self._alive, records, strict=True):
                self._study.tell(trial, record)
            self._alive = []
        else:
            self._alive = self._survivors(stop, records)

    def _survivors(self, stop: int, records: Sequence[Record]) -> list[Trial]:
        """The trials that go on after a rung; the study is told of the others."""
        ranked = _rank(self._alive, records)
        for number, loss in ranked.items():
            self._seen[number][stop] = loss
        going_on = _survivors(len(self._alive))
        if not _told_apart(list(ranked.values()), going_on):
            going_on, self._stops = _trainings_left(going_on, len(self._stops)), [None]
        kept = list(ranked)[:going_on]
        for trial in self._alive:
            if trial.number not in ranked:
                self._study.fail(trial)
            elif trial.number not in kept:
                self._study.prune(trial, self._seen[trial.number])
        return [trial for trial in self._alive if trial.number in kept]


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
    return sum(alive for alive, _ in _rung_sizes(trials, steps, interval))


def count_steps(trials: int, steps: int, interval: int) -> int:
    """Optimiser steps of all these trainings; more where a rung does not tell its trials apart."""
    return sum(alive * stop for alive, stop in _rung_sizes(trials, steps, interval))


def _rung_sizes(trials: int, steps: int, interval: int) -> Iterator[tuple[int, int]]:
    """Of each rung of each bracket, how many trials it trains and where these stop."""
    for first in range(0, trials, BRACKET):
        alive = min(BRACKET, trials - first)
        for stop in rungs(steps, interval, alive):
            yield alive, steps if stop is None else stop
            alive = _survivors(alive)


def _survivors(trials: int) -> int:
    return math.ceil(trials / REDUCTION)


def _trainings_left(alive: int, rungs_left: int) -> int:
    """How many trainings the rungs that are left would have."""
    total = 0
    for _ in range(rungs_left):
        total += alive
        alive = _survivors(alive)
    return total


def _told_apart(losses: Sequence[float], going_on: int) -> bool:
    """Whether all that would go on are better than the middle of a rung's trials. losses: the best first."""
    return len(losses) <= going_on or losses[going_on - 1] <= (1 - APART) * statistics.median(losses)


def _rank(trials: Sequence[Trial], records: Sequence[Record]) -> dict[int, float]:
    """Lowest validation losses by trial number, the best first; failed ones are left out."""
    losses = {trial.number: finished_loss(record) for trial, record in zip(trials, records, strict=True)}
    known = {number: loss for number, loss in losses.items() if loss is not None}
    return dict(sorted(known.items(), key=lambda item: (item[1], item[0])))
