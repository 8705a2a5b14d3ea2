"""What a record's types must be: each requirement, broken alone, is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bench.records.shape import problem_of

from ..synthetic_records import training


def record(stage: str = "trial") -> dict[str, Any]:
    return training("sine", "gru", 1, stage=stage, trial=0)


def replaced(path: str, value: Any) -> dict[str, Any]:
    """A record with another value at a key, or at "part.key"."""
    changed = copy.deepcopy(record())
    *parts, name = path.split(".")
    place = changed
    for part in parts:
        place = place.setdefault(part, {})
    place[name] = value
    return changed


@pytest.mark.parametrize("stage", ["trial", "search", "confirm"])
def test_a_sound_record_has_no_problem(stage: str) -> None:
    assert problem_of(record(stage)) is None


def test_keys_that_nobody_reads_may_be_anything() -> None:
    assert problem_of(replaced("model.colour", [1, {"a": None}])) is None
    assert problem_of(record() | {"later": {"version": object}}) is None


@pytest.mark.parametrize("name", ["key", "stage"])
@pytest.mark.parametrize("value", [None, 7, []])
def test_without_a_key_or_a_stage_it_is_no_record(name: str, value: Any) -> None:
    assert problem_of(record() | {name: value}) == f"it has no {name}"


@pytest.mark.parametrize(
    "path", ["replicate", "trial", "status", "training", "model.hidden_size", "model.num_layers", "model.init"]
)
def test_a_trial_without_what_selects_it_is_damaged(path: str) -> None:
    assert problem_of(replaced(path, None)) == f"it has no {path}"


def test_an_examination_names_the_training_that_it_examined() -> None:
    assert problem_of(record() | {"stage": "examine", "examined": None}) == "it has no examined"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("match", 3, "its match is not text"),
        ("trial", -1, "its trial is not a whole number from 0 on"),
        ("trial", True, "its trial is not a whole number from 0 on"),
        ("replicate", 1.0, "its replicate is not a whole number from 0 on"),
        ("peak_bytes", 1 << 62, "its peak_bytes is not a whole number from 0 on"),
        ("wall_seconds", float("nan"), "its wall_seconds is not a number"),
        ("valid_loss", "0.5", "its valid_loss is not a number"),
        ("task", "sine", "its task is not an object"),
        ("test", {"loss": "small"}, "its test is not an object of numbers"),
        ("parameters", {"total": 0.5}, "its parameters is not an object of whole numbers"),
        ("status", "fine", "its status is not one of "),
        ("curve", {"step": [0, 1], "valid_loss": [0.5]}, "its curve is not lists of numbers, all of one length"),
        ("curve", {"valid_loss": [0.5]}, "its curve is not lists of numbers, all of one length"),
        ("curve", {"step": [0], "valid_loss": ["a"]}, "its curve is not lists of numbers, all of one length"),
        ("evaluation_seconds", [0.1, None], "its evaluation_seconds is not a list of numbers"),
        ("evaluation_seconds", [0.1, "b"], "its evaluation_seconds is not a list of numbers"),
        ("hashes", {"data": 1}, "its hashes is not an object of texts"),
        ("gradient_flow", [1], "its gradient_flow is not a list of objects"),
        ("timing", {"kernel": 1}, "its timing is not an object of numbers"),
        ("model.hidden_size", 8.5, "its model has a hidden_size that is not a whole number from 0 on"),
        ("model.label", ["gru"], "its model has a label that is not text"),
        ("training.learning_rate", [], "its training has a learning_rate that is not a number"),
        ("target.threshold", "low", "its target has a threshold that is not a number"),
        ("origin.block", -1, "its origin has a block that is not a whole number from 0 on"),
    ],
)
def test_a_wrong_type_is_named(path: str, value: Any, problem: str) -> None:
    found = problem_of(replaced(path, value))
    assert found is not None
    assert found.startswith(problem)


@pytest.mark.parametrize("path", ["test", "curve", "gradient_flow", "target", "valid_loss"])
def test_what_a_training_did_not_get_to_is_null(path: str) -> None:
    assert problem_of(replaced(path, None)) is None
