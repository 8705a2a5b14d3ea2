"""The search for hidden size, layers and learning rate: an Optuna study in memory, asked and told in batches.

The parent is Optuna's only client. It asks for a fixed number of trials at a time and tells their results in trial
order, so a study is the same whatever order workers finish in, and with any number of them.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from bench.records.schema import Record
from bench.records.selection import finished_loss
from bench.seeds import generator
from tasks.ranges import Choices, Interval

ASKED_AT_ONCE = 4  # fixed, so that the trials do not depend on the number of workers


@dataclass(frozen=True)
class Space:
    """What may be chosen for a model: sizes, layers and schemes from lists, the learning rate from a range (log scale).

    A scheme is a choice of the search only where there are several. more: ranges of other hyper-parameters by name;
    those of the model itself begin with `bench.config.searched.OWN`.
    """

    hidden_sizes: tuple[int, ...]
    layers: tuple[int, ...]
    lr_range: tuple[float, float]
    schemes: tuple[str, ...] = ("default",)
    more: tuple[tuple[str, Choices | Interval], ...] = ()

    @property
    def only(self) -> Point | None:
        """The one point of a space that leaves no choice, else None."""
        low, high = self.lr_range
        if (
            self.more
            or any(len(choices) > 1 for choices in (self.hidden_sizes, self.layers, self.schemes))
            or low < high
        ):
            return None
        return Point(self.hidden_sizes[0], self.layers[0], low, self.schemes[0])


@dataclass(frozen=True)
class Point:
    """One configuration of a search space."""

    hidden_size: int
    num_layers: int
    learning_rate: float
    init: str = "default"
    more: tuple[tuple[str, Any], ...] = ()  # values of the space's other hyper-parameters

    def searched(self, prefix: str) -> dict[str, Any]:
        """The other hyper-parameters whose names begin with the prefix, without it."""
        return {name.removeprefix(prefix): value for name, value in self.more if name.startswith(prefix)}


class Trial(NamedTuple):
    """A trial to train. `steps`: where its training stops; None: at the end of the budget."""

    number: int
    point: Point
    steps: int | None = None


@dataclass(frozen=True)
class Points:
    """Where a search looks.

    starts: the points of its first trials. trials: how many there are in all; the sampler chooses those after the
    starts. learns_after: trials that must have ended well before the sampler learns from them.
    """

    starts: tuple[Point, ...]
    trials: int
    sampler: str
    learns_after: int = 0


class Study:
    """An Optuna study in memory, and the best point that a whole training has reached in it.

    seed_parts should leave the model out: then the models of a task start from the same points.
    """

    def __init__(self, space: Space, points: Points, seed_parts: Sequence[object]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._states, self._space = optuna.trial.TrialState, space
        self._distributions = distributions(optuna, space)
        self._study = optuna.create_study(sampler=_sampler(optuna, points, seed_parts))
        for point in points.starts:
            self._study.enqueue_trial(parameters(point, space))
        self._numbers = iter(range(points.trials))
        self._open: dict[int, Any] = {}
        self._best: tuple[float, int, Point] | None = None

    @property
    def best(self) -> Point | None:
        """The point with the lowest validation loss; None: no trial came to an end without failing."""
        return self._best[2] if self._best else None

    def ask(self, count: int) -> list[Trial]:
        """The next trials: as many as were asked for, or what is left."""
        asked = []
        for number in itertools.islice(self._numbers, count):
            self._open[number] = trial = self._study.ask(self._distributions)
            asked.append(Trial(number, self._point(dict(trial.params))))
        return asked

    def _point(self, values: dict[str, Any]) -> Point:
        more = tuple((name, values.pop(name)) for name, _ in self._space.more)
        return Point(**{"init": self._space.schemes[0], **values}, more=more)

    def tell(self, asked: Trial, record: Record) -> None:
        """What came of a trial that was trained to the end of its budget."""
        trial, loss = self._open.pop(asked.number), finished_loss(record)
        if loss is None:
            self._study.tell(trial, state=self._states.FAIL)
            return
        self._study.tell(trial, loss)
        found = (loss, asked.number, asked.point)
        self._best = found if self._best is None else min(self._best, found, key=lambda best: best[:2])

    def fail(self, asked: Trial) -> None:
        """A trial that ended before its budget did, and not well."""
        self._study.tell(self._open.pop(asked.number), state=self._states.FAIL)

    def prune(self, asked: Trial, losses: Mapping[int, float]) -> None:
        """A trial that was stopped early, with its lowest validation loss up to each step where it was looked at."""
        trial = self._open.pop(asked.number)
        for step, loss in losses.items():
            trial.report(loss, step)
        self._study.tell(trial, state=self._states.PRUNED)


class Search(Protocol):
    """Asks for trials, a batch at a time, and is told what came of them."""

    @property
    def best(self) -> Point | None:
        """The point that a whole training with the lowest validation loss had; None: none ended well."""
        ...

    def next_trials(self) -> list[Trial]:
        """The next batch; empty: the search has ended. To be called when the last batch has been told."""
        ...

    def tell(self, records: Sequence[Record]) -> None:
        """The records of the last batch, in its order."""
        ...


class BatchSearch:
    """Trains every trial to the end of its budget. The trials are the same for any number of workers.

    first: trials of the first batch, none of which depends on the outcome of another.
    """

    def __init__(self, study: Study, first: int = ASKED_AT_ONCE) -> None:
        self._study, self._next, self._asked = study, first, list[Trial]()

    @property
    def best(self) -> Point | None:
        return self._study.best

    def next_trials(self) -> list[Trial]:
        self._asked, self._next = self._study.ask(self._next), ASKED_AT_ONCE
        return self._asked

    def tell(self, records: Sequence[Record]) -> None:
        for trial, record in zip(self._asked, records, strict=True):
            self._study.tell(trial, record)


class LoneTrial:
    """The search of a space that leaves no choice: one trial."""

    def __init__(self, point: Point) -> None:
        self.best: Point | None = point
        self._trials = [Trial(0, point)]

    def next_trials(self) -> list[Trial]:
        trials, self._trials = self._trials, []
        return trials

    def tell(self, records: Sequence[Record]) -> None: ...


def _sampler(optuna: Any, points: Points, seed_parts: Sequence[object]) -> Any:
    seed = int(generator("search", *seed_parts).integers(2**32))
    if points.sampler in ("random", "grid"):  # a grid is enqueued whole, its sampler is never asked
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():  # the two arguments are marked experimental in Optuna 4
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=points.learns_after, multivariate=True, constant_liar=True
        )


def distributions(optuna: Any, space: Space) -> dict[str, Any]:
    """The space in Optuna's terms. The order decides which random number is whose: it must stay."""
    schemes = {"init": optuna.distributions.CategoricalDistribution(list(space.schemes))}
    return {
        "hidden_size": optuna.distributions.CategoricalDistribution(list(space.hidden_sizes)),
        "num_layers": optuna.distributions.CategoricalDistribution(list(space.layers)),
        "learning_rate": optuna.distributions.FloatDistribution(*space.lr_range, log=True),
        **(schemes if len(space.schemes) > 1 else {}),
        **{name: _distribution(optuna, values) for name, values in space.more},
    }


def _distribution(optuna: Any, values: Choices | Interval) -> Any:
    if isinstance(values, Interval):
        return optuna.distributions.FloatDistribution(*values)
    return optuna.distributions.CategoricalDistribution(list(values))


def point_of(record: Record) -> Point:
    """The point that a recorded training is of."""
    model, more = record["model"], tuple((record.get("searched") or {}).items())
    rate = record["training"]["learning_rate"]
    return Point(model["hidden_size"], model["num_layers"], rate, model["init"], more)


def parameters(point: Point, space: Space) -> dict[str, Any]:
    """A point in Optuna's terms."""
    found = {"hidden_size": point.hidden_size, "num_layers": point.num_layers, "learning_rate": point.learning_rate}
    return {**found, **({"init": point.init} if len(space.schemes) > 1 else {}), **dict(point.more)}
