"""Stacked trainings against the same trainings by nn.GRU, nn.LSTM and nn.RNN, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.models.contract import Problem, Settings
from bench.models.registry import MODELS
from bench.models.torch_learner.learner import TorchLearner
from bench.models.torch_learner.stacked.batches import BatchQueue
from bench.models.torch_learner.stacked.layers import StackedGru, StackedLstm, StackedRnn
from bench.models.torch_learner.stacked.trainings import StackedTrainings
from tasks.contract import Array, Split

MakeSplit = Callable[..., Split]
LAYERS = {
    "gru": StackedGru(),
    "lstm": StackedLstm(),
    "rnn": StackedRnn(),
    "rnn[nonlinearity=relu]": StackedRnn("relu"),
}
VALUES = Problem(3, 2, "mse", sequence_length=7)
CASES: dict[str, tuple[Problem, Settings, dict[str, bool]]] = {
    "the last step": (VALUES, Settings(5), {}),
    "two layers": (VALUES, Settings(5, 2), {}),
    "one step": (replace(VALUES, sequence_length=1), Settings(4, 2), {}),
    "every step": (replace(VALUES, per_step=True), Settings(5, 2), {}),
    "every step, a mask": (replace(VALUES, per_step=True), Settings(5), {"mask": True}),
    "lengths": (VALUES, Settings(5, 2), {"lengths": True}),
    "classes": (replace(VALUES, output_size=4, loss="cross_entropy"), Settings(5, weight_decay=0.05), {}),
    "classes, tokens and a mask": (
        replace(VALUES, output_size=4, loss="cross_entropy", tokens=True, per_step=True),
        Settings(5, 2),
        {"mask": True},
    ),
    "two of a kind": (replace(VALUES, loss="binary_cross_entropy"), Settings(5, clip_norm=None), {"lengths": True}),
    "two of a kind, a mask": (
        replace(VALUES, loss="binary_cross_entropy", per_step=True),
        Settings(5, clip_norm=0.05),
        {"mask": True},
    ),
}
MEMBERS, BATCH = 3, 5


class Alone:
    """The reference: each training by a `TorchLearner` of its own."""

    def __init__(
        self, model: str, problem: Problem, settings: Settings, make: MakeSplit, flags: dict[str, bool], members: int
    ) -> None:
        self.learners: list[TorchLearner] = []
        self.splits = [
            (make(problem, 12, seed=seed, **flags), make(problem, 4, seed=100 + seed, **flags))
            for seed in range(members)
        ]
        self.starts = []
        for seed in range(members):
            own = replace(settings, dtype="float64", learning_rate=0.01 * (1 + seed))
            learner = MODELS.create(model).build(problem, own, np.random.default_rng(seed), 0)
            assert isinstance(learner, TorchLearner)
            self.learners.append(learner)
            self.starts.append(learner.state())
        self.placed = [
            tuple(learner.place(split) for split in splits)
            for learner, splits in zip(self.learners, self.splits, strict=True)
        ]

    @staticmethod
    def orders(member: int) -> Iterator[Array]:
        rng = np.random.default_rng(1000 + member)
        while True:
            yield rng.permutation(12)

    def losses(self, member: int, steps: int) -> list[float]:
        learner, found, orders = self.learners[member], list[float](), self.orders(member)
        while len(found) < steps:
            for batch in learner.batches(self.placed[member][0], next(orders), BATCH):
                if len(found) < steps:
                    found.append(float(learner.train_step(batch)))
        return found


def stack_of(alone: Alone, model: str, problem: Problem, settings: Settings, places: int = MEMBERS) -> StackedTrainings:
    return StackedTrainings(
        LAYERS[model],
        problem,
        replace(settings, dtype="float64"),
        alone.placed[0],  # type: ignore[arg-type]
        BATCH,
        places,
        torch.device("cpu"),
    )


class Together:
    """Members of a stack, each in a place."""

    def __init__(self, stack: StackedTrainings, alone: Alone, places: dict[int, int]) -> None:
        self.stack, self.alone, self.places = stack, alone, dict[int, int]()
        self.queues: dict[int, BatchQueue] = {}
        self.losses: dict[int, list[float]] = {}
        for member, place in places.items():
            self.join(member, place)

    def join(self, member: int, place: int) -> None:
        self.places[member] = place
        self.queues[member] = BatchQueue(self.alone.orders(member), self.stack.batch)
        self.losses[member] = []
        self.stack.load(place, self.alone.starts[member], *self.alone.placed[member])

    def steps(self, count: int) -> None:
        self.stack.feed(
            {place: self.queues[member].take(count) for member, place in self.places.items()},
            {place: self.alone.learners[member].learning_rate for member, place in self.places.items()},
        )
        for _ in range(count):
            self.stack.step()
        for member, place in self.places.items():
            self.losses[member] += self.stack.losses[:count, place].tolist()

    def state(self, member: int) -> dict[str, Any]:
        self.stack.keep([self.places[member]])
        return self.stack.best_state(self.places[member])


@pytest.mark.parametrize("model", LAYERS)
@pytest.mark.parametrize("case", CASES)
def test_each_training_is_that_of_torch_s_own_layer(model: str, case: str, make_split: MakeSplit) -> None:
    """Gradients of the first step to 1e-12, losses of 50 steps and outputs after them to 1e-9."""
    problem, settings, flags = CASES[case]
    alone = Alone(model, problem, settings, make_split, flags, MEMBERS)
    together = Together(stack_of(alone, model, problem, settings), alone, {0: 2, 1: 0, 2: 1})
    together.steps(1)
    first = [alone.losses(member, 1)[0] for member in range(MEMBERS)]
    for member, learner in enumerate(alone.learners):
        expected, found = learner.state(), together.state(member)
        assert found.keys() == expected.keys()
        for name in expected:
            if name.startswith("adam.m."):  # a tenth of the clipped gradient
                np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-13, err_msg=name)
        assert together.losses[member] == pytest.approx([first[member]], rel=1e-12)
        learner.load_state(alone.starts[member])
    together.steps(9)
    together.steps(40)
    together.stack.evaluate()
    for member, learner in enumerate(alone.learners):
        np.testing.assert_allclose(together.losses[member], alone.losses(member, 50), rtol=1e-9, atol=1e-12)
        assert len(set(together.losses[member])) > 40
        expected, found = learner.state(), together.state(member)
        assert found["adam.step"] == expected["adam.step"] == 50
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-7, atol=1e-9, err_msg=name)
        outputs = together.stack.outputs_of(together.stack.outputs, together.places[member])
        np.testing.assert_allclose(outputs, learner.predict(alone.placed[member][1]), rtol=1e-9, atol=1e-9)


def plain(make_split: MakeSplit, members: int, model: str = "gru") -> tuple[Alone, StackedTrainings]:
    problem, settings, flags = CASES["two layers"]
    alone = Alone(model, problem, settings, make_split, flags, members)
    return alone, stack_of(alone, model, problem, settings)


def test_one_that_diverges_spoils_no_other(make_split: MakeSplit) -> None:
    alone, stack = plain(make_split, 3)
    alone.starts[1] = {name: np.full_like(value, np.nan) for name, value in alone.starts[1].items()}
    together = Together(stack, alone, {0: 0, 1: 1, 2: 2})
    together.steps(20)
    stack.evaluate()
    assert np.isnan(together.losses[1]).all()
    assert np.isnan(stack.outputs_of(stack.outputs, 1)).all()
    for member in (0, 2):
        np.testing.assert_allclose(together.losses[member], alone.losses(member, 20), rtol=1e-9)
        assert np.isfinite(stack.outputs_of(stack.outputs, member)).all()


def test_a_training_begins_in_the_place_of_one_that_ended_while_others_go_on(make_split: MakeSplit) -> None:
    """The new one has its own count of steps, which Adam corrects its moments by."""
    alone, stack = plain(make_split, 4, "lstm")
    together = Together(stack, alone, {0: 0, 1: 1})
    together.steps(7)
    del together.places[1]
    together.steps(3)  # its place makes steps of no use
    together.join(2, 1)
    together.join(3, 2)
    together.steps(10)
    for member, steps in {0: 20, 1: 7, 2: 10, 3: 10}.items():
        np.testing.assert_allclose(together.losses[member], alone.losses(member, steps), rtol=1e-9)
    assert together.state(2)["adam.step"] == 10


def test_a_place_that_diverged_is_as_good_as_new_for_the_next(make_split: MakeSplit) -> None:
    alone, stack = plain(make_split, 2)
    together = Together(stack, alone, {0: 0, 1: 1})
    stack.state.fill_(torch.nan)
    together.steps(2)
    assert np.isnan(together.losses[0]).all()
    together = Together(stack, alone, {0: 0, 1: 1})
    together.steps(5)
    for member in (0, 1):
        np.testing.assert_allclose(together.losses[member], alone.losses(member, 5), rtol=1e-9)


def test_the_best_state_is_the_one_kept_last_and_at_first_the_initial_one(make_split: MakeSplit) -> None:
    alone, stack = plain(make_split, 2)
    together = Together(stack, alone, {0: 0, 1: 1})
    together.steps(3)
    for name, value in alone.starts[0].items():
        np.testing.assert_array_equal(stack.best_state(0)[name], value)
    stack.keep([1])
    kept = stack.best_state(1)
    together.steps(3)
    assert kept["adam.step"] == 3
    for name, value in stack.best_state(1).items():
        np.testing.assert_array_equal(value, kept[name])
    for name, value in alone.starts[0].items():
        np.testing.assert_array_equal(stack.best_state(0)[name], value)


def test_an_evaluation_in_parts_is_the_whole_one(make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, stack = plain(make_split, 2)
    Together(stack, alone, {0: 0, 1: 1})
    stack.evaluate()
    whole = stack.outputs.clone()
    monkeypatch.setattr("bench.models.torch_learner.stacked.trainings.EVALUATED", 1)
    stack.outputs.zero_()
    stack.evaluate()
    torch.testing.assert_close(stack.outputs, whole, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("sequences", "batch"), [(12, 5), (12, 4), (3, 3), (7, 1)])
def test_batches_are_those_of_a_learner_filled_up_with_their_own(sequences: int, batch: int) -> None:
    orders = [np.random.default_rng(seed).permutation(sequences) for seed in range(10)]
    expected = [order[start : start + batch] for order in orders for start in range(0, sequences, batch)]
    queue, found = BatchQueue(iter(orders), batch), []
    for count in (1, 4, 2, 3):
        rows, sizes = queue.take(count)
        assert rows.shape == (count, batch)
        for row, size in zip(rows, sizes, strict=True):
            found.append(row[:size])
            assert set(row) == set(row[:size])
    for one, other in zip(found, expected, strict=False):
        np.testing.assert_array_equal(one, other)
