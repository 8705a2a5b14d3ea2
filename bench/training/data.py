"""The data of a training: its splits, its batches, and the hashes that a record keeps of them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from bench.models.contract import Learner, Problem
from bench.seeds import generator
from bench.training.request import Training
from tasks.contract import Array, Dataset, Reference, Split, Task


@functools.lru_cache(maxsize=16)
def load_data(task: Task, seed: int, replicate: int) -> Dataset:
    """The data of a replicate: the model is no part of its seed, so every model has the same; a series is cut there."""
    return task.at(replicate).generate(generator("data", seed, task.name, task.identity(), replicate))


class DataFacts(NamedTuple):
    """What planning needs to know of data. train, valid: sequences of these splits."""

    problem: Problem
    train: int
    valid: int


@functools.lru_cache(maxsize=4096)  # data themselves are large, so they are kept of a few tasks only
def data_facts(task: Task, seed: int, replicate: int) -> DataFacts:
    """Of the data of `load_data`."""
    data = load_data(task, seed, replicate)
    return DataFacts(Problem.of(task, data.train), len(data.train), len(data.valid))


@functools.lru_cache(maxsize=16)
def load_references(task: Task, seed: int, replicate: int) -> tuple[Reference, ...]:
    """The task's floor, baselines and limits on the data of a replicate."""
    return tuple(task.at(replicate).references(load_data(task, seed, replicate)))


def batches_of(training: Training, learner: Learner, split: Split) -> Iterator[Any]:
    """A learner's batches, epoch after epoch without end, as the training has them."""
    placed = learner.place(split)
    for order in orders_of(training, len(split)):
        yield from learner.batches(placed, order, training.batch_size)


def _batch_generator(training: Training) -> np.random.Generator:
    task = training.task
    return generator("batches", training.seed, task.name, task.identity(), training.replicate)


def orders_of(training: Training, sequences: int) -> Iterator[Array]:
    """Endless epochs, each in another order, which leaves the model out of its seed."""
    rng = _batch_generator(training)
    while True:
        yield rng.permutation(sequences)


def first_batch_hash(training: Training, split: Split) -> str:
    first = _batch_generator(training).permutation(len(split))[: training.batch_size]
    return hash_arrays(split.inputs[first], split.targets[first])


@functools.lru_cache(maxsize=64)
def data_hash(task: Task, seed: int, replicate: int) -> str:
    """Of all three splits, with what masks and pads them, and what of them is not scored."""
    data = load_data(task, seed, replicate)
    return hash_arrays(
        *(
            array
            for split in (data.train, data.valid, data.test)
            for array in (split.inputs, split.targets, split.mask, split.lengths, split.measured)
            if array is not None
        )
    )


def hash_arrays(*arrays: Array) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
