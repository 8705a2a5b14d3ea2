"""Learning rates of steps: closed forms, and what a training makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.models.stepper import EagerStepper, StepPlan
from bench.training.loop import Loop, finish
from bench.training.plateau import Plateau
from bench.training.request import Training
from bench.training.schedule import rate_factor
from bench.training.train import train, train_in_turns
from tasks.registry import TASKS


def factors(schedule: Any, warmup: int, steps: int) -> list[float]:
    return [rate_factor(schedule, warmup, steps, step) for step in range(1, steps + 1)]


def test_constant_is_constant() -> None:
    assert factors("constant", 0, 7) == [1.0] * 7


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_warm_up_is_linear_and_ends_at_the_whole_rate(schedule: Any) -> None:
    assert factors(schedule, 4, 9)[:4] == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(("warmup", "steps"), [(0, 2), (0, 50), (10, 50), (49, 50)])
def test_the_cosine_falls_to_zero_in_the_last_step(warmup: int, steps: int) -> None:
    found = np.array(factors("cosine", warmup, steps)[warmup:])
    assert found[-1] == 0
    assert (np.diff(found) < 0).all()
    left = np.arange(steps - warmup - 1, -1, -1)  # the same by another formula: sin² of what is left
    np.testing.assert_allclose(found, np.sin(np.pi / 2 * left / (steps - warmup)) ** 2, atol=1e-15)


def training(**changes: Any) -> Training:
    settings = Settings(4, learning_rate=0.1)
    made = Training(TASKS.create("sine[window=6]"), MODELS.create("numpy_gru"), settings, 64, steps=12, replicate=1)
    return replace(made, evaluation_interval=1, **changes)


@pytest.mark.parametrize("model", ["numpy_gru", "gru"])
def test_a_training_makes_each_step_at_its_own_rate(model: str) -> None:
    request = training(model=MODELS.create(model), schedule="cosine", warmup=3)
    made: list[float] = []

    class Listening(EagerStepper):
        def step(self) -> None:
            made.append(self.learner.learning_rate)
            super().step()

    record = finish(train_in_turns(request, open_stepper=Listening))
    expected = [0.1 * factor for factor in factors("cosine", 3, 12)]
    assert made == expected
    assert record["curve"]["learning_rate"][1:] == expected
    assert record["training"]["schedule"] == "cosine"
    assert record["training"]["warmup"] == 3


def test_the_interval_of_evaluations_changes_no_step() -> None:
    request = training(schedule="cosine", warmup=3)
    often, seldom = train(request), train(replace(request, evaluation_interval=12))
    assert often["curve"]["valid_loss"][-1] == seldom["curve"]["valid_loss"][-1]


def test_a_training_that_stops_early_is_the_beginning_of_the_whole_one() -> None:
    request = training(schedule="cosine", warmup=3)
    whole, part = train(request)["curve"], train(replace(request, stop_after=5))["curve"]
    assert {key: values[:6] for key, values in whole.items()} == part


def test_a_plateau_counts_after_the_warm_up_and_is_a_factor_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    next_rate = Plateau.next_rate

    def listening(self: Plateau, rate: float, loss: float) -> float:
        told.append(loss)
        return next_rate(self, rate, loss)

    monkeypatch.setattr(Plateau, "next_rate", listening)
    monkeypatch.setattr(Loop, "_score", lambda self, outputs: (1.0, None))  # no progress, ever
    curve = train(training(warmup=4, plateau_patience=2))["curve"]
    assert len(told) == 8  # of steps 5 to 12
    halved = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]  # after 1 + 2 tolerated evaluations, and 3 more
    assert curve["learning_rate"][1:] == [0.1 * f for f in (0.25, 0.5, 0.75, 1.0, *halved)]


def test_what_is_usual_is_not_in_the_key_nor_in_the_record() -> None:
    described = training().describe()["training"]
    assert not {"optimizer", "schedule", "warmup"} & described.keys()
    assert "optimizer" not in training().settings.identity()


CHANGES: list[dict[str, Any]] = [
    {"schedule": "cosine"},
    {"warmup": 3},
    *({"settings": Settings(4, learning_rate=0.1, optimizer=name)} for name in ("adamw", "sgd", "rmsprop")),
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_what_is_not_usual_has_a_key_of_its_own_and_is_recorded(changes: dict[str, Any]) -> None:
    changed = training(**changes)
    others = [training(**other).key() for other in CHANGES if other != changes]
    assert changed.key() not in (training().key(), *others)
    recorded = changed.describe()["training"]
    expected = {"optimizer": changed.settings.optimizer} if "settings" in changes else changes
    assert expected.items() <= recorded.items()


def test_a_plan_says_whether_steps_share_a_rate() -> None:
    plans: list[StepPlan] = []

    def opened(learner: Any, plan: StepPlan) -> EagerStepper:
        plans.append(plan)
        return EagerStepper(learner, plan)

    for changes in ({}, {"plateau_patience": 2}, {"warmup": 2}, {"schedule": "cosine"}):
        finish(train_in_turns(training(**changes), open_stepper=opened))
    assert [plan.rate_changes for plan in plans] == [False, False, True, True]
