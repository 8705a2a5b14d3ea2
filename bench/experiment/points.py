"""The points of a search: a space-filling start, a grid, or whatever a sampler draws.

A replicate's own search (`points_of_replicate`) is a sequence of which a shorter search has the beginning: twelve
trials extend six, and nothing that is recorded is trained again. The one search for all replicates (`points_for_all`)
is the one of the first protocol, whose start and grid depend on how many trials there are: what was recorded then stays
valid.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from bench.experiment.halton import halton
from bench.experiment.search import Point, Points, Space
from bench.seeds import generator

Choice = TypeVar("Choice")

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)  # bases of a Halton sequence
STARTS = 12  # trials of a replicate's search before TPE learns from any; fixed, so that a longer search extends it
FEWEST_STARTS = 6  # in a search for all replicates, where a third of the trials are starts


def points_of_replicate(space: Space, sampler: str, trials: int, seed_parts: Sequence[object]) -> Points:
    """The points of a replicate's own search: the first `trials` of a sequence that depends on the seed alone."""
    if sampler == "grid":
        grid = tuple(_nested_grid(space, trials))
        return Points(grid, len(grid), sampler)
    starts = _halton(space, min(trials, STARTS), seed_parts) if sampler == "tpe" else ()
    return Points(tuple(starts), trials, sampler, STARTS)


def points_for_all(space: Space, sampler: str, trials: int, seed_parts: Sequence[object]) -> Points:
    """The points of one search for all replicates."""
    if sampler == "grid":
        grid = tuple(_even_grid(space, trials))
        return Points(grid, len(grid), sampler)
    count = min(trials, max(FEWEST_STARTS, trials // 3))
    return Points(tuple(_latin(space, count, seed_parts)) if sampler == "tpe" else (), trials, sampler, count)


def count_trials(space: Space, sampler: str, trials: int) -> int:
    """Trials of one search. A grid has every size and depth, so it may need more than were asked for."""
    choices = len(_choices(space))
    return choices * max(1, trials // choices) if sampler == "grid" else trials


def _choices(space: Space) -> list[tuple[int, int, str]]:
    return list(itertools.product(space.hidden_sizes, space.layers, space.schemes))


def _halton(space: Space, count: int, seed_parts: Sequence[object]) -> Iterator[Point]:
    """The beginning of a scrambled Halton sequence (Owen 2017): any beginning of it covers the space evenly.

    The learning rate has base 2, the sizes base 3: in simulated searches no other order of the bases, no Sobol sequence
    and no Latin design found lower losses with 6 and 12 trials.
    """
    bases = PRIMES[: 4 + len(space.more)]  # the first four are the same whatever else is searched
    for rate, size, layers, scheme, *others in halton(bases, count, generator("search points", *seed_parts)):
        yield Point(
            _pick(space.hidden_sizes, size),
            _pick(space.layers, layers),
            _rate(space, rate),
            _pick(space.schemes, scheme),
            _more(space, others),
        )


def _more(space: Space, parts: Iterable[float]) -> tuple[tuple[str, Any], ...]:
    """The values of the space's other hyper-parameters at parts (0 to 1) of their ranges."""
    return tuple((name, values.at(float(part))) for (name, values), part in zip(space.more, parts, strict=True))


def _pick(choices: Sequence[Choice], part: float) -> Choice:
    """The choice at a part (0 to 1) of the list."""
    return choices[min(int(part * len(choices)), len(choices) - 1)]


def _nested_grid(space: Space, trials: int) -> Iterator[Point]:
    """Every size and depth at one learning rate after the other: the middle of the range, its quarters, eighths, …"""
    choices = _choices(space)
    for turn in range(max(1, trials // len(choices))):
        part = sum(1 / 2 ** (place + 1) for place, bit in enumerate(reversed(f"{turn + 1:b}")) if bit == "1")
        for hidden_size, num_layers, init in choices:
            yield Point(hidden_size, num_layers, _rate(space, part), init)


def _even_grid(space: Space, trials: int) -> Iterator[Point]:
    """Every size and depth, each with as many learning rates as the trials allow, at the middles of equal parts."""
    choices = _choices(space)
    rates = max(1, trials // len(choices))
    for (hidden_size, num_layers, init), index in itertools.product(choices, range(rates)):
        yield Point(hidden_size, num_layers, _rate(space, (index + 0.5) / rates), init)


def _latin(space: Space, count: int, seed_parts: Sequence[object]) -> Iterator[Point]:
    """A Latin design: learning rates one from each of `count` equal parts, sizes and depths in turn, both shuffled.

    Independent draws leave gaps that a small search can't afford (6 draws miss the upper third 1 time in 11).
    """
    rng = generator("search starts", *seed_parts)
    choices = _choices(space)
    turns = [choices[i % len(choices)] for i in rng.permutation(count)]
    parts = (rng.permutation(count) + rng.uniform(size=count)) / count
    others = rng.uniform(size=(count, len(space.more)))
    for (hidden_size, num_layers, init), part, more in zip(turns, parts, others, strict=True):
        yield Point(hidden_size, num_layers, _rate(space, float(part)), init, _more(space, more))


def _rate(space: Space, part: float) -> float:
    """The learning rate at a part (0 to 1) of the range, log scale."""
    low, high = (math.log(rate) for rate in space.lr_range)
    return float(np.clip(math.exp(low + part * (high - low)), *space.lr_range))
