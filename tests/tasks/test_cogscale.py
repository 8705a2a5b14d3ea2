"""The adapter changes nothing: the package's own data, masks and score."""

from __future__ import annotations

import os
import subprocess
import sys
import typing

import cogscale
import numpy as np
import pytest

from tasks.cogscale import UNORDERED, Cogscale, Name
from tasks.errors import UserError
from tasks.validation import validate_dataset

NAMES = typing.get_args(Name)


def test_all_fourteen_are_there() -> None:
    assert sorted(NAMES) == sorted(cogscale.tasks)


def own_data(seed: int, name: str) -> dict[str, typing.Any]:
    return cogscale.build_task(name, seed=int(np.random.default_rng(seed).integers(2**31)))


@pytest.mark.parametrize("name", NAMES)
def test_data_and_masks_are_the_packages(name: str) -> None:
    task = Cogscale(name)
    own, dataset = own_data(3, name), task.generate(3)
    validate_dataset(task, dataset)
    for part, split in (("train", dataset.train), ("valid", dataset.valid), ("test", dataset.test)):
        given, made = own[f"X_{part}"].astype(np.float32), split.inputs
        if name in UNORDERED:  # the same words under other numbers
            given, made = (np.sort(values.reshape(-1, values.shape[2]), axis=1) for values in (given, made))
        np.testing.assert_array_equal(made, given)
        assert split.mask is not None
        np.testing.assert_array_equal(split.mask, (own[f"Y_{part}"] != -100).any(axis=-1))
        counted = own[f"Y_{part}"][split.mask]
        answers = counted.argmax(axis=-1) if task.loss == "cross_entropy" else counted.astype(np.float32)
        np.testing.assert_array_equal(split.targets[split.mask], answers)


@pytest.mark.parametrize("name", UNORDERED)
def test_every_process_makes_the_same_data(name: str) -> None:
    """The package numbers words by the order of a set of strings, which Python shuffles in each process."""
    code = (
        "import hashlib; from tasks.cogscale import Cogscale; "
        f"data = Cogscale({name!r}).generate(5); "
        "print(hashlib.sha256(b''.join(s.inputs.tobytes() for s in (data.train, data.valid, data.test))).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (0, 1, 2)
    }
    assert len(made) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_score_is_the_packages(name: str) -> None:
    task, own = Cogscale(name), own_data(1, name)
    split = task.generate(1).test
    outputs = np.random.default_rng(0).normal(size=own["Y_test"].shape)
    expected = float(cogscale.compute_score(own["Y_test"], outputs, own["category"]))
    assert task.metrics(outputs, split.targets, split.mask)["score"] == pytest.approx(expected, rel=1e-6)


def test_no_answer_of_a_forecast_is_in_two_parts() -> None:
    dataset = Cogscale("sinus_forecasting").generate(0)
    train, valid, test = (split.mask.sum() for split in (dataset.train, dataset.valid, dataset.test))
    assert dataset.valid.mask[0, : dataset.train.inputs.shape[1] - 5].sum() == 0
    assert dataset.test.mask[0, : dataset.valid.inputs.shape[1] - 5].sum() == 0
    assert train + valid + test <= 200


def test_difficulty_makes_it_longer() -> None:
    assert Cogscale("adding_problem", "medium").generate(0).train.inputs.shape[1] > 12


def test_a_missing_package_is_one_line_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cogscale", None)
    with pytest.raises(UserError, match=r"cogscale, which is not installed: pip install 'bench\[cogscale\]'"):
        Cogscale()


@pytest.mark.parametrize(
    ("name", "reference", "below"),
    [
        ("discrete_postcasting", "look_back", 0.01),
        ("simple_copy", "look_back", 0.01),
        ("induction_heads", "look_back", 0.01),
        ("continuous_postcasting", "linear_ar", 1e-9),
        ("sinus_forecasting", "linear_ar", 1e-5),
        ("continuous_pattern_completion", "last_seen", 0.0082),  # a gap at the place where nothing was seen yet
        ("adding_problem", "bag_of_steps", 0.001),
        ("sorting_problem", "bag_of_steps", 0.001),
        ("selective_copy", "marked_steps", 1e-5),
    ],
)
def test_what_a_predictor_without_a_net_solves(name: Name, reference: str, below: float) -> None:
    task = Cogscale(name)
    found = {one.name: one for one in task.references(task.generate(1))}
    assert found[reference].loss < below < found["training_mean"].loss / 10
    assert found[reference].kind == "baseline"


def test_regressions_stand_where_classes_are_asked_for_at_the_end() -> None:
    found = {name: [one.name for one in Cogscale(name).references(Cogscale(name).generate(1))] for name in NAMES}
    ends = {"bracket_matching", "adding_problem", "cross_situation", "associative_recall"}
    ends |= {"simple_copy", "selective_copy", "sorting_problem"}
    for predictor in ("bag_of_steps", "logistic"):
        assert {name for name, names in found.items() if predictor in names} == ends
    assert {name for name, names in found.items() if "marked_steps" in names} == {"selective_copy"}


def test_counts_tell_most_of_whether_brackets_match() -> None:
    task = Cogscale("bracket_matching")
    found = {one.name: one for one in task.references(task.generate(1))}
    assert found["count_table"].loss < 0.5 * min(one.loss for name, one in found.items() if name != "count_table")


@pytest.mark.parametrize("name", ["selective_copy", "sorting_problem", "adding_problem"])
def test_a_look_back_does_not_solve_what_depends_on_the_content(name: Name) -> None:
    task = Cogscale(name)
    found = {one.name: one for one in task.references(task.generate(1))}
    assert found["look_back"].loss > 0.9 * found["training_mean"].loss
