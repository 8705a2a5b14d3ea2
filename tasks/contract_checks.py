"""The checks of a task that need its data more than once: seeds, copies between splits, and whether its floor is real.

`tasks.validation` checks one dataset; these are for tasks of somebody's own, before anything is trained on them.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tasks.checking import Check, ContractWarning
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.errors import UserError
from tasks.losses import split_loss
from tasks.validation import validate_dataset

TOLERANCE = 1e-6  # relative, between a floor and the loss of its own predictor
NOTHING = 1e-6  # of the targets' variance, or in nats: the loss of a floor that leaves nothing to learn
BEYOND_CHANCE = 4.0  # standard errors


def task_checks(task: Task) -> list[Check]:
    """The whole contract of a task, as it is in one replicate."""
    made = _Made(task.at(1))
    return [
        Check("the shape and the type of every array", made.check_arrays, needed=True),
        Check("metrics are finite", made.check_metrics),
        Check("the same seed gives the same data and references", made.check_same_seed),
        Check("another seed gives other data", made.check_other_seed),
        Check("no sequence is in two splits", made.check_copies),
        Check("the floor is what its predictor reaches", made.check_floor),
    ]


@dataclass
class _Made:
    """A task with the data of its first seed."""

    task: Task

    @cached_property
    def dataset(self) -> Dataset:
        return self._generate(0)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        return validate_dataset(self.task, self.dataset)

    def check_arrays(self) -> None:
        _ = self.references

    def check_metrics(self) -> None:
        valid, rng = self.dataset.valid, np.random.default_rng(0)
        shape = (*valid.inputs.shape[: 2 if self.task.per_step else 1], self.task.output_size)
        for scale in (0.0, 1.0, 1e3):
            metrics = self.task.metrics(scale * rng.standard_normal(shape), valid.targets, valid.mask)
            wrong = {name: value for name, value in metrics.items() if not math.isfinite(value)}
            if wrong:
                raise self._error(f"metrics returned {wrong} for outputs of size {scale:g}", "expected finite numbers")

    def check_same_seed(self) -> None:
        again = self._generate(0)
        for name in ("train", "valid", "test"):
            first, second = getattr(self.dataset, name), getattr(again, name)
            for part, value in vars(first).items():
                if not _equal(value, getattr(second, part)):
                    raise self._error(
                        f"generate gave another {name}.{part} for the same seed",
                        "expected all of it to follow from the seed (numpy.random.default_rng(seed))",
                    )
        references = [_described(reference) for reference in self.task.references(again)]
        if references != [_described(reference) for reference in self.references]:
            raise self._error("references differ between two calls for the same data", "expected the same numbers")

    def check_other_seed(self) -> str | None:
        if self.task.origin is not None:
            return "a series: replicates are other forecast origins"
        again = self._generate(1)
        same = hash_rows(again.train) == hash_rows(self.dataset.train)
        if same and not self.task.constant:
            raise self._error(
                "generate gave the same training data for seeds 0 and 1",
                "expected other data for each seed, or the attribute constant = True",
            )
        if not same and self.task.constant:
            raise self._error("generate gave other data for another seed", "expected the same, as constant is True")
        if not same and hash_rows(again.test) == hash_rows(self.dataset.test):
            raise ContractWarning(
                f"task {self.task.label}: generate gave the same test data for seeds 0 and 1, so intervals leave out "
                "what other test data would change: draw them from the seed, too, if there are more"
            )
        return "declared constant" if same else None

    def check_copies(self) -> str | None:
        """Copies of sequences of one split in another, beyond what chance explains.

        Where sequences have few possible values some occur twice anyhow: about as often between two splits as within
        the training data.
        """
        splits = {name: hash_rows(getattr(self.dataset, name)) for name in ("train", "valid", "test")}
        counts = Counter(splits["train"])
        by_chance = sum(counts[row] > 1 for row in splits["train"]) / len(splits["train"])
        for name, other in (("valid", "training"), ("test", "training"), ("test", "validation")):
            rows, known = splits[name], set(splits["train" if other == "training" else "valid"])
            copies = [number for number, row in enumerate(rows) if row in known]
            error = math.sqrt(by_chance * (1 - by_chance) / len(rows))
            if len(copies) / len(rows) > by_chance + BEYOND_CHANCE * error:
                raise self._error(
                    f"{len(copies)} of {len(rows)} sequences of {name} are copies of {other} sequences (the first is "
                    f"{name}.inputs[{copies[0]}]), and {by_chance:.2g} of those of train occur twice in it",
                    "expected splits that share none",
                )
        return f"sequences repeat by chance, {by_chance:.1%} within train" if by_chance else None

    def check_floor(self) -> str | None:
        test = self.dataset.test
        for reference in self.references:
            if reference.outputs is None:
                continue
            loss = split_loss(self.task.loss, reference.outputs, test)
            if not math.isclose(loss, reference.loss, rel_tol=TOLERANCE, abs_tol=1e-12):
                raise self._error(
                    f"reference '{reference.name}' says loss {reference.loss:.6g}, and its outputs have {loss:.6g}",
                    "expected the loss of its own predictor on test data",
                )
        floor = next(reference for reference in self.references if reference.kind == "floor")
        limits = [reference for reference in self.references if reference.kind == "limit"]
        if any(limit.loss > floor.loss for limit in limits):
            raise self._error(
                f"the limit {limits[0].name} ({limits[0].loss:.6g}) is above the floor {floor.name} ({floor.loss:.6g})",
                "expected a limit that no predictor passes",
            )
        spread = float(np.var(test.targets)) if self.task.loss == "mse" else 1.0  # a cross-entropy is in nats
        if floor.loss < NOTHING * spread:
            raise ContractWarning(
                f"task {self.task.label}: the floor {floor.name} has a loss of {floor.loss:.3g}, next to nothing, and "
                "skill is measured in it: ask for something that this predictor does not know, or give another floor"
            )
        return None if floor.outputs is not None else f"reference '{floor.name}' brings no outputs to score"

    def _generate(self, seed: int) -> Dataset:
        """As a replicate has it: from a generator."""
        return self.task.generate(np.random.default_rng(seed))

    def _error(self, what: str, expected: str) -> UserError:
        return UserError(f"task {self.task.label}: {what}: {expected}")


def hash_rows(split: Split) -> list[bytes]:
    """A hash of each sequence with its target, mask and length."""
    arrays = [np.ascontiguousarray(part) for part in vars(split).values() if part is not None]
    return [
        hashlib.blake2b(b"".join(array[row].tobytes() for array in arrays), digest_size=16).digest()
        for row in range(len(split))
    ]


def _equal(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _described(reference: Reference) -> dict[str, Any]:
    return {key: value for key, value in asdict(reference).items() if key != "outputs"}
