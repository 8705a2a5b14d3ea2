"""What is measured of a selected trial alone: from its weights, or from the same training done again."""

from __future__ import annotations

from typing import Any

import pytest

from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.records.atomic import FILES, LENT
from bench.training.checkpoint import state_of
from bench.training.examine import ExamineJob
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from tasks.registry import TASKS


def training(model: str, replicate: int = 1) -> Training:
    settings = Settings(hidden_size=4, num_layers=2, learning_rate=0.01)
    return Training(TASKS.create("sine"), MODELS.create(model), settings, 32, steps=12, replicate=replicate)


def silent(*evaluation: Any) -> None: ...


def trained(made: Training) -> tuple[dict[str, Any], bytes]:
    """The record of a trial, and its checkpoint."""
    record = TrainingJob(made, keep_model=True).perform(silent)
    (content,) = record.pop(FILES).values()
    return record, content


@pytest.mark.parametrize("model", ["gru", "numpy_lstm"])
def test_weights_and_the_same_training_again_give_the_same(model: str) -> None:
    made = training(model)
    record, weights = trained(made)
    assert record["gradient_flow"] is None
    found = ExamineJob(made, weights).perform(silent)
    assert found == ExamineJob(made).perform(silent)
    at_once = TrainingJob(made, examine=True).perform(silent)
    assert found["gradient_flow"] == at_once["gradient_flow"] is not None
    assert found[FILES] == at_once[FILES]
    assert set(found[FILES]) == {f"predictions/{record['key']}.npz"}
    assert (found["examined"], found["status"]) == (record["key"], "ok")
    assert found["key"] not in (record["key"], None)
    assert found["parameters"] == record["parameters"]


@pytest.mark.parametrize("damage", [b"", b"no zip", None], ids=["empty", "another file", "cut short"])
def test_damaged_weights_are_as_good_as_none(damage: bytes | None) -> None:
    made = training("gru")
    _, weights = trained(made)
    broken = weights[: len(weights) // 2] if damage is None else damage
    assert state_of(broken) is None
    assert ExamineJob(made, broken).perform(silent) == ExamineJob(made).perform(silent)


def test_beyond_the_first_replicates_predictions_alone_are_left() -> None:
    found = ExamineJob(training("gru", replicate=6)).perform(silent)
    assert found["gradient_flow"] is None
    assert len(found[FILES]) == 1


def test_the_checkpoint_of_a_selected_trial_comes_back_where_it_has_to_be_trained_again() -> None:
    made = training("gru")
    _, weights = trained(made)
    kept = ExamineJob(made, keep_model=True).perform(silent)[FILES]
    assert kept[f"models/{made.key()}.pt"] == weights


def test_the_checkpoint_that_a_selected_trial_lent_stays_where_weights_are_to_be_kept() -> None:
    made = training("gru")
    record = TrainingJob(made, lend_model=True).perform(silent)
    assert FILES not in record
    lent = record[LENT]
    kept = ExamineJob(made, lent[f"models/{made.key()}.pt"], keep_model=True).perform(silent)[FILES]
    assert set(kept) == {f"predictions/{made.key()}.npz", *lent}
    assert kept.items() >= lent.items()


def test_it_comes_before_all_trainings_and_is_done_on_the_cpu_where_weights_are_there() -> None:
    made = training("gru")
    assert ExamineJob(made).cost > TrainingJob(made).cost
    assert (ExamineJob(made, b"weights").device, ExamineJob(made, b"weights").steps) == ("cpu", 1)
    assert ExamineJob(made).steps == 12
