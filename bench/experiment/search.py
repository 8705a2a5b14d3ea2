"""The search for hidden size, layers and learning rate: one Optuna study for each (comparison, task, model).

The parent is Optuna's only client. It asks for a fixed number of trials at a time and tells their results in trial
order, so a study is the same whatever order workers finish in, and with any number of them.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bench.records.curves import best_valid_loss
from bench.records.schema import Record
from bench.seeds import generator

ASKED_AT_ONCE = 4  # fixed, so that the trials do not depend on the number of workers


@dataclass(frozen=True)
class Space:
    """What may be chosen for a model: sizes, layers and schemes from lists, the learning rate from a range (log scale).

    A scheme is a choice of the search only where there are several.
    """

    hidden_sizes: tuple[int, ...]
    layers: tuple[int, ...]
    lr_range: tuple[float, float]
    schemes: tuple[str, ...] = ("default",)

    @property
    def only(self) -> Point | None:
        """The one point of a space that leaves no choice, else None."""
        low, high = self.lr_range
        if any(len(choices) > 1 for choices in (self.hidden_sizes, self.layers, self.schemes)) or low < high:
            return None
        return Point(self.hidden_sizes[0], self.layers[0], low, self.schemes[0])


@dataclass(frozen=True)
class Point:
    """One configuration of a search space."""

    hidden_size: int
    num_layers: int
    learning_rate: float
    init: str = "default"


class Asked(NamedTuple):
    """A trial to train. `steps`: where its training stops; None: at the end of the budget."""

    number: int
    point: Point
    steps: int | None = None


Ask = Generator[Sequence[Asked], list[Record], Point | None]


class Study:
    """An Optuna study in memory, and the best point that a whole training has reached in it.

    `seed_parts` should leave the model out: then the models of a task start from the same points. known: numbers of
    trials that are recorded already and will be told without having been asked.
    """

    def __init__(
        self, space: Space, *, sampler: str, trials: int, seed_parts: Sequence[object], known: Iterable[int] = ()
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._space = optuna, space
        done = set(known)
        starts = list(_grid(space, trials) if sampler == "grid" else _spread(space, _starts(trials), seed_parts))
        self._study = optuna.create_study(sampler=_sampler(optuna, sampler, len(starts), seed_parts))
        if sampler != "random":
            for number, point in enumerate(starts):
                if number not in done:
                    self._study.enqueue_trial(parameters(point, space))
        self._numbers = iter([n for n in range(count_trials(space, sampler, trials)) if n not in done])
        self._open: dict[int, Any] = {}
        self._best: tuple[float, int, Point] | None = None

    @property
    def best(self) -> Point | None:
        """The point with the lowest validation loss; None: no trial came to an end without failing.

        A space of one point leaves nothing to search: that point, without a trial.
        """
        return self._best[2] if self._best else self._space.only

    def ask(self, count: int) -> list[Asked]:
        """The next trials: as many as were asked for, or what is left."""
        asked = []
        for number in itertools.islice(self._numbers, count):
            self._open[number] = trial = self._study.ask()
            asked.append(Asked(number, _suggest(trial, self._space)))
        return asked

    def tell(self, asked: Asked, loss: float | None) -> None:
        """The validation loss of a trial that was trained to the end; None: it failed."""
        states = self._optuna.trial.TrialState
        trial = self._open.pop(asked.number, None)
        if trial is None:
            self._adopt(asked.point, loss)
        elif loss is None:
            self._study.tell(trial, state=states.FAIL)
        else:
            self._study.tell(trial, loss)
        if loss is not None:
            self._best = min(self._best or (loss, asked.number, asked.point), (loss, asked.number, asked.point))

    def prune(self, asked: Asked, losses: Mapping[int, float]) -> None:
        """A trial that was stopped early, with its lowest validation loss up to each step where it was looked at."""
        trial = self._open.pop(asked.number)
        for step, loss in losses.items():
            trial.report(loss, step)
        self._study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)

    def _adopt(self, point: Point, loss: float | None) -> None:
        states = self._optuna.trial.TrialState
        self._study.add_trial(
            self._optuna.trial.create_trial(
                state=states.FAIL if loss is None else states.COMPLETE,
                value=loss,
                params=parameters(point, self._space),
                distributions=distributions(self._optuna, self._space),
            )
        )


def search(study: Study) -> Ask:
    """Yields batches of trials, is sent their records, and returns the best point: the same for any number of workers.

    Best is the lowest validation loss that a trial's curve reached; None: no trial came to an end without failing.
    """
    while asked := study.ask(ASKED_AT_ONCE):
        records = yield asked
        for trial, record in zip(asked, records, strict=True):
            study.tell(trial, best_valid_loss(record))
    return study.best


def search_asynchronously(study: Study, known: Sequence[Asked] = ()) -> Ask:
    """Yields the next trial as soon as one has ended, so no worker waits for the slowest of a batch.

    Each time it is sent the record of one trial. What it asks then depends on which trials had ended, so it is not
    reproducible. known: the recorded trials of an interrupted search, which it asks for first, to be told of them.
    """
    asked, told = known or study.ask(ASKED_AT_ONCE), 0
    running = {trial.number: trial for trial in asked}
    while running:
        (record,) = yield asked
        study.tell(running.pop(record["trial"]), best_valid_loss(record))
        told += 1
        asked = study.ask(ASKED_AT_ONCE - len(running)) if told >= len(known) else []
        running.update({trial.number: trial for trial in asked})
    return study.best


def count_trials(space: Space, sampler: str, trials: int) -> int:
    """Trials of one search: none in a space of one point. A grid has every size and depth, so it may need more than
    were asked for."""
    if space.only is not None:
        return 0
    return len(list(_grid(space, trials))) if sampler == "grid" else trials


def _starts(trials: int) -> int:
    """Trials before the sampler learns from any: a third, at least 6."""
    return min(trials, max(6, trials // 3))


def _sampler(optuna: Any, name: str, starts: int, seed_parts: Sequence[object]) -> Any:
    seed = int(generator("search", *seed_parts).integers(2**32))
    if name == "random" or name == "grid":  # a grid is enqueued whole, its sampler is never asked
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():  # the two arguments are marked experimental in Optuna 4
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=starts, multivariate=True, constant_liar=True)


def _suggest(trial: Any, space: Space) -> Point:
    return Point(
        trial.suggest_categorical("hidden_size", list(space.hidden_sizes)),
        trial.suggest_categorical("num_layers", list(space.layers)),
        trial.suggest_float("learning_rate", *space.lr_range, log=True),
        trial.suggest_categorical("init", list(space.schemes)) if len(space.schemes) > 1 else space.schemes[0],
    )


def distributions(optuna: Any, space: Space) -> dict[str, Any]:
    """The space in Optuna's terms."""
    schemes = {"init": optuna.distributions.CategoricalDistribution(list(space.schemes))}
    return {
        **(schemes if len(space.schemes) > 1 else {}),
        "hidden_size": optuna.distributions.CategoricalDistribution(list(space.hidden_sizes)),
        "num_layers": optuna.distributions.CategoricalDistribution(list(space.layers)),
        "learning_rate": optuna.distributions.FloatDistribution(*space.lr_range, log=True),
    }


def point_of(record: Record) -> Point:
    """The point that a recorded training is of."""
    model = record["model"]
    return Point(model["hidden_size"], model["num_layers"], record["training"]["learning_rate"], model["init"])


def parameters(point: Point, space: Space) -> dict[str, Any]:
    """A point in Optuna's terms."""
    found = {"hidden_size": point.hidden_size, "num_layers": point.num_layers, "learning_rate": point.learning_rate}
    return {**found, "init": point.init} if len(space.schemes) > 1 else found


def _grid(space: Space, trials: int) -> Iterator[Point]:
    """Every size and depth, each with as many learning rates as the trials allow, at the middles of equal parts."""
    choices = list(itertools.product(space.hidden_sizes, space.layers, space.schemes))
    rates = max(1, trials // len(choices))
    for (hidden_size, num_layers, init), index in itertools.product(choices, range(rates)):
        yield Point(hidden_size, num_layers, _rate(space, (index + 0.5) / rates), init)


def _spread(space: Space, count: int, seed_parts: Sequence[object]) -> Iterator[Point]:
    """A Latin design: learning rates one from each of `count` equal parts, sizes and depths in turn, both shuffled.

    Independent draws leave gaps that a small search can't afford (6 draws miss the upper third 1 time in 11).
    """
    rng = generator("search starts", *seed_parts)
    choices = list(itertools.product(space.hidden_sizes, space.layers, space.schemes))
    turns = [choices[i % len(choices)] for i in rng.permutation(count)]
    parts = (rng.permutation(count) + rng.uniform(size=count)) / count
    for (hidden_size, num_layers, init), part in zip(turns, parts, strict=True):
        yield Point(hidden_size, num_layers, _rate(space, float(part)), init)


def _rate(space: Space, part: float) -> float:
    """The learning rate at a part (0 to 1) of the range, log scale."""
    low, high = (math.log(rate) for rate in space.lr_range)
    return float(np.clip(math.exp(low + part * (high - low)), *space.lr_range))
