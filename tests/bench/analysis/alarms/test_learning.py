"""Trainings that end too early and trainings that memorise raise an alarm; trainings that are done do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis.alarms import alarms
from bench.analysis.alarms.learning import best_early, overfitted, undertrained
from bench.analysis.results import Results

Build = Callable[..., Results]
STEPS = 1000
STEP = np.linspace(0, STEPS, 51)
SINCE = np.maximum(STEP, 1) / STEPS


def with_curve(
    synthetic: ModuleType,
    valid: Sequence[float] | np.ndarray,
    *,
    model: str = "gru",
    train: float | None = None,
    test: float | None = None,
    reached: bool = False,
    replicates: int = 7,
    **more: Any,
) -> list[dict[str, Any]]:
    """Replicates whose validation loss is `valid` at each of 51 evaluations, with a little noise of their own."""
    records = []
    for replicate in range(1, replicates + 1):
        record = synthetic.training("sine", model, replicate, steps=STEPS, **more)
        noise = np.exp(np.random.default_rng(replicate).normal(0, 0.005, len(STEP)))
        losses = (np.asarray(valid) * noise).tolist()
        record["curve"] |= {"valid_loss": losses, "train_loss": [train or loss for loss in losses]}
        loss = test or losses[-1]
        record["test"] |= {"loss": loss, "skill": 1 - loss / synthetic.FLOORS["sine"]}
        record["steps_to_target"] = 500.0 if reached else None
        records.append(record)
    return records


def test_a_loss_that_still_falls_is_an_alarm_with_the_steps_that_it_needs(
    synthetic: ModuleType, results_of: Build
) -> None:
    """A loss in inverse proportion to the steps: 0.01 at the end takes 5 times as many to the target of 0.002."""
    (alarm,) = undertrained(results_of(with_curve(synthetic, 0.01 / SINCE)))
    assert alarm.text.startswith(
        "On sine, training ended too early: the validation loss of gru, the best net, still fell by 2"
    )
    assert (
        "% over the last quarter of 1,000 steps, and it reached the target in 0 of 7 replicates: give --steps 8000."
        in alarm.text
    )
    assert synthetic.target("sine")["threshold"] == 0.002
    near = undertrained(results_of(with_curve(synthetic, 0.003 / SINCE)))
    assert near[0].text.endswith("give --steps 2000.")


def test_each_replicate_is_measured_against_its_own_target(synthetic: ModuleType, results_of: Build) -> None:
    """Forecast origins have targets of their own. A loss of 0.01 at the end, in inverse proportion to the steps, is at
    0.00125 after 8 times as many, and at 0.007 after less than twice as many."""
    records = with_curve(synthetic, 0.01 / SINCE)
    for first, others, steps in ((0.007, 0.00125, 8000), (0.00125, 0.007, 2000)):
        for record in records:
            record["target"]["threshold"] = first if record["replicate"] == 1 else others
        assert undertrained(results_of(records))[0].text.endswith(f"give --steps {steps}.")


def test_with_epochs_the_flag_is_epochs(synthetic: ModuleType, results_of: Build) -> None:
    records = with_curve(synthetic, 0.003 / SINCE)
    settings = synthetic.manifest(records)["experiment"] | {"epochs": 10}
    assert undertrained(results_of(records, experiment=settings))[0].text.endswith("give --epochs 20.")


@pytest.mark.parametrize(
    ("valid", "reached"),
    [
        (0.01 * np.maximum(1 - SINCE, 0.5), False),  # flat over the last half
        (0.01 * SINCE**-0.2, False),  # by 6 % over the last quarter
        (0.01 * (1 + 5 * SINCE), False),  # rising
        (0.01 / SINCE, True),  # falling, and yet good enough
    ],
)
def test_a_loss_that_is_flat_or_good_enough_is_none(
    synthetic: ModuleType, results_of: Build, valid: np.ndarray, reached: bool
) -> None:
    assert undertrained(results_of(with_curve(synthetic, valid, reached=reached))) == []


def test_only_the_best_net_counts(synthetic: ModuleType, results_of: Build) -> None:
    """A rival far behind that still falls changes no answer at this budget."""
    records = with_curve(synthetic, 0.001 * np.ones(51), reached=True)
    records += with_curve(synthetic, 0.1 / SINCE, model="rnn")
    assert undertrained(results_of(records)) == []


@pytest.mark.parametrize(("sequences", "raised"), [(64_000, False), (64_001, True)])
def test_less_than_one_pass_over_the_data(
    synthetic: ModuleType, results_of: Build, sequences: int, raised: bool
) -> None:
    records = with_curve(synthetic, 0.01 * np.ones(51))
    for record in records:
        record["train_sequences"] = sequences
    found = [alarm.text for alarm in undertrained(results_of(records))]
    said = (
        "On sine, a training of 1,000 steps sees 64,000 of its 64,001 training sequences: give --steps 1001 or more, "
        "which is one pass over the data."
    )
    assert found == ([said] if raised else [])


EARLY_BEST = 0.01 * (1 + 3 * np.abs(SINCE - 0.1))


def test_nets_no_better_than_the_floor_and_far_from_training_memorise(synthetic: ModuleType, results_of: Build) -> None:
    """The floor of sine is 0.02."""
    (alarm,) = overfitted(results_of(with_curve(synthetic, EARLY_BEST, train=0.008, test=0.04)))
    assert alarm.text == (
        "On sine, training only memorises: gru is no better than the naive floor (best weights after 10 % of the "
        "steps; test loss 5 times the training loss at the end); try smaller --hidden-sizes or a --weight-decay."
    )


@pytest.mark.parametrize(
    ("valid", "train", "test"),
    [
        (EARLY_BEST, 0.03, 0.04),  # early, but as good as in training
        (0.01 / SINCE, 0.008, 0.04),  # far, but still learning
        (EARLY_BEST, 0.00001, 0.01),  # early and far, but better than the floor: the best weights are used
    ],
)
def test_one_of_them_missing_is_none(
    synthetic: ModuleType, results_of: Build, valid: np.ndarray, train: float, test: float
) -> None:
    assert overfitted(results_of(with_curve(synthetic, valid, train=train, test=test))) == []


def test_a_task_has_one_sentence_for_all_models_and_comparisons(synthetic: ModuleType, results_of: Build) -> None:
    records = with_curve(synthetic, EARLY_BEST, train=0.008, test=0.04)
    records += with_curve(synthetic, EARLY_BEST, train=0.008, test=0.08, match="hidden")
    records += with_curve(synthetic, EARLY_BEST, train=0.008, test=0.024, model="lstm", match="hidden")
    (alarm,) = overfitted(results_of(records))
    assert alarm.text == (
        "On sine, training only memorises: gru and lstm are no better than the naive floor (best weights after 10 % of "
        "the steps; test loss 3 to 10 times the training loss at the end); try smaller --hidden-sizes or a "
        "--weight-decay."
    )
    records += with_curve(synthetic, EARLY_BEST, train=0.008, test=0.01, model="lstm")
    (alarm,) = overfitted(results_of(records))
    assert alarm.text.startswith("On sine, some models memorise: gru and lstm are no better than the naive floor (")


def test_early_best_weights_are_a_note_on_the_steps(synthetic: ModuleType, results_of: Build) -> None:
    records = with_curve(synthetic, EARLY_BEST, train=0.002, test=0.01)
    later = 0.01 * (1 + 3 * np.abs(SINCE - 0.3))
    records += with_curve(synthetic, later, train=0.002, test=0.01, model="lstm", match="hidden")
    results = results_of(records)
    assert best_early(results) == [
        "On sine, validation loss is lowest after 10 to 30 % of the steps, and these weights are used: fewer --steps "
        "would do."
    ]
    assert not [text for text in alarms(results) if "lowest after" in text]
    records += with_curve(synthetic, 0.01 / SINCE, model="rnn")
    assert best_early(results_of(records)) == []  # one that needs the steps


def test_with_epochs_the_note_says_epochs(synthetic: ModuleType, results_of: Build) -> None:
    records = with_curve(synthetic, EARLY_BEST)
    settings = synthetic.manifest(records)["experiment"] | {"epochs": 10}
    assert best_early(results_of(records, experiment=settings))[0].endswith("fewer --epochs would do.")


def test_many_of_one_kind_are_counted(synthetic: ModuleType, results_of: Build) -> None:
    matches = ("tuned", "hidden", "params", "params 100", "params 200", "params 300")
    records = [r for match in matches for r in with_curve(synthetic, 0.01 / SINCE, match=match)]
    found = [text for text in alarms(results_of(records)) if "too early" in text or "like the last" in text]
    assert len(found) == 5
    assert found[0].startswith("On sine, with each model tuned, training ended too early")
    assert found[-1] == "2 more alarms are like the last one, on sine."


def test_an_alarm_knows_its_task_however_its_sentence_names_it(synthetic: ModuleType, results_of: Build) -> None:
    task = "series[load,MW,features=wind+sun+rain,categorical=holiday,calendar=hour+weekday,horizons=1-24]"
    records = with_curve(synthetic, 0.01 / SINCE, match="params 100")
    for record in records:
        record["task"] |= {"name": task, "label": task}
    (alarm,) = undertrained(results_of(records))
    assert alarm.task == task
    assert alarm.text.startswith("On series[load,MW,…,horizons=1-24], training ended too early")


def test_curves_too_short_to_say_how_they_end_raise_none(synthetic: ModuleType, results_of: Build) -> None:
    records = with_curve(synthetic, 0.01 / SINCE)
    for record in records:
        record["curve"] = {name: values[:3] for name, values in record["curve"].items()}
    assert undertrained(results_of(records)) == overfitted(results_of(records)) == best_early(results_of(records)) == []
    for record in records:
        record["curve"] = None
    assert undertrained(results_of(records)) == overfitted(results_of(records)) == best_early(results_of(records)) == []
