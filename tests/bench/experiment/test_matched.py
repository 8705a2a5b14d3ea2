"""Comparisons at equal amounts: the size of each model, whatever their order, and what is said where none fits."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.alarms import alarms
from bench.analysis.results import load
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.matched import SizeByTimeJob
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.plan import Plan
from bench.experiment.run import run
from bench.experiment.search import Point
from bench.measure.flops import step_flops_of
from bench.models.contract import Problem
from bench.models.registry import MODELS
from bench.models.sizing import total_parameters
from bench.training.data import load_data
from tasks.errors import UserError
from tasks.registry import TASKS

SMALL = {"tasks": "sine", "budget": "smoke", "hidden_sizes": "8,16", "layers": "1", "name": "e"}


def sizes(models: str, match: str, **more: Any) -> dict[str, int]:
    plan = Plan(resolve({**SMALL, "models": models, "match": match, **more}), "cpu")
    return {cell.entry.label: cell.space().hidden_sizes[0] for cell in plan.cells}


@pytest.mark.parametrize("match", ["params", "flops", "state"])
def test_the_order_of_the_models_does_not_matter(match: str) -> None:
    found = [sizes(",".join(models), match) for models in itertools.permutations(["gru", "lstm", "rnn"])]
    assert all(one == found[0] for one in found)
    assert found[0]["gru" if match != "state" else "rnn"] == 16  # the middle one has the middle size


def test_equal_state_gives_an_lstm_half_the_units_of_a_gru() -> None:
    assert sizes("gru,lstm,mingru,slstm", "state") == {"gru": 16, "lstm": 8, "mingru": 16, "slstm": 4}


def test_equal_flops_are_as_near_as_a_size_can_bring_them() -> None:
    experiment = resolve({**SMALL, "models": "gru,lstm,rnn,tcn", "match": "flops"})
    plan = Plan(experiment, "cpu")
    task = experiment.tasks[0]
    problem = Problem.of(task, load_data(task, 0, 0).train)
    for cell in plan.cells:
        matched = cell.matched()
        assert matched is not None
        size, batch = matched.hidden_size, experiment.batch_size(task)
        amounts = [step_flops_of(cell.model, problem, near, 1, batch) for near in (size - 1, size, size + 1)]
        distances = [abs((amount or 0) - matched.budget) for amount in amounts]
        assert amounts[1] == matched.amount
        assert min(distances) == distances[1]


def test_an_echo_state_network_joins_a_comparison_at_equal_flops() -> None:
    """Its reservoir has no backward pass, so it may have more units than a GRU."""
    found = sizes("gru,rnn,esn", "flops")
    assert found["esn"] > found["gru"] > 1


def test_a_model_that_does_not_say_its_flops_is_refused(toy_plugin: str) -> None:
    with pytest.raises(UserError, match=r"--match flops: model linear does not say.*give its class step_flops"):
        sizes("gru,linear", "flops", plugins=[toy_plugin])


def test_a_model_that_does_not_say_its_state_is_refused(toy_plugin: str) -> None:
    with pytest.raises(UserError, match=r"--match state: model linear does not say.*state_size"):
        sizes("gru,linear", "state", plugins=[toy_plugin])


def go(tmp_path: Path, **flags: Any) -> tuple[Outcome, list[str]]:
    notes: list[str] = []

    class Notes(Observer):
        def note(self, text: str) -> None:
            notes.append(text)

    made = {**SMALL, "steps": 3, "trials": 1, "replicates": 1, "results": str(tmp_path), **flags}
    return run(resolve(made), executor=InlineExecutor(), observer=Notes()), notes


def test_a_model_that_no_size_brings_near_is_an_alarm_with_its_counts(tmp_path: Path) -> None:
    outcome, notes = go(tmp_path, models="rnn,tcn", match="params", parameter_budgets="321", match_tolerance=0.01)
    (said,) = [note for note in notes if "is allowed" in note]
    assert "tcn has" in said
    results = load("e", tmp_path)
    about = results.manifest["matched"]["params 321"]["sine"]
    assert about["budget"] == 321  # 16 · (1 + 16 + 2) + 17: an rnn with 16 units
    assert about["quantity"] == "parameters"
    for model, own in about["models"].items():
        rows = results.trainings[results.trainings["model"] == model]
        assert set(rows["hidden_size"]) == {own["hidden_size"]}
        assert set(rows["parameter_count"]) == {own["amount"]}
    (alarm,) = [alarm for alarm in alarms(results) if "all are to have" in alarm]
    assert alarm.startswith("On sine (params 321), tcn has")
    assert outcome.failures == 0


def test_attention_has_whole_heads_and_says_how_far_that_is_from_the_others(tmp_path: Path) -> None:
    _, notes = go(tmp_path, models="rnn,attention", match="params", parameter_budgets="321,889")
    problem = Problem.of(TASKS.create("sine"), load_data(TASKS.create("sine"), 0, 0).train)
    counts = {size: total_parameters(MODELS.create("attention"), problem, size, 1) for size in (4, 8, 12)}
    assert counts[4] < 321 < counts[8] == 889
    matched = load("e", tmp_path).manifest["matched"]
    found = {match: matched[match]["sine"]["models"]["attention"] for match in matched}
    assert found == {
        "params 321": {"hidden_size": 4, "amount": counts[4]},
        "params 889": {"hidden_size": 8, "amount": 889},
    }
    away = 100 * (1 - counts[4] / 321)
    assert [note for note in notes if "is allowed" in note] == [
        f"at equal parameters, attention has {counts[4]} on sine (hidden size 4), {away:.3g} % fewer than the 321 that "
        "all are to have; 5 % is allowed"
    ]
    (alarm,) = [alarm for alarm in alarms(load("e", tmp_path)) if "all are to have" in alarm]
    assert f"attention has {counts[4]} parameters at hidden size 4, {away:.3g} % fewer than the 321" in alarm


def test_a_hidden_size_without_whole_heads_is_refused() -> None:
    with pytest.raises(UserError, match="attention can't have hidden size 30: the nearest that it can have are 28, 32"):
        resolve({**SMALL, "models": "attention", "hidden_sizes": "30"})


@pytest.mark.parametrize("match", ["params", "flops", "state", "time"])
def test_a_model_alone_keeps_the_middle_size(tmp_path: Path, match: str) -> None:
    """It is its own middle one."""
    _, notes = go(tmp_path, models="rnn", match=match)
    results = load("e", tmp_path)
    (about,) = results.manifest["matched"][match].values()
    assert about["models"]["rnn"] == {"hidden_size": 16, "amount": about["budget"]}
    assert set(results.trainings["hidden_size"]) == {16}
    assert not [note for note in notes if "is allowed" in note]


@pytest.mark.parametrize("match", ["params", "flops", "state"])
def test_a_model_that_is_added_is_given_the_budget_that_the_others_had(tmp_path: Path, match: str) -> None:
    """The middle one of all would be another: the others' trainings would be of two sizes."""
    go(tmp_path, models="rnn,lstm", match=match)
    first = load("e", tmp_path).manifest["matched"][match]["sine"]
    go(tmp_path, models="rnn,lstm,gru", match=match)
    results = load("e", tmp_path)
    then = results.manifest["matched"][match]["sine"]
    assert then["budget"] == first["budget"]
    assert {model: own for model, own in then["models"].items() if model != "gru"} == first["models"]
    assert then["models"]["gru"]["amount"] == pytest.approx(first["budget"], rel=0.15)
    sizes_trained = results.trainings.groupby("model")["hidden_size"].unique()
    assert {model: list(found) for model, found in sizes_trained.items()} == {
        model: [own["hidden_size"]] for model, own in then["models"].items()
    }


def test_a_model_that_is_added_is_measured_at_the_time_that_was_kept(tmp_path: Path) -> None:
    go(tmp_path, models="rnn,lstm", match="time")
    first = load("e", tmp_path).manifest["matched"]["time"]["sine"]
    go(tmp_path, models="rnn,lstm,gru", match="time")
    then = load("e", tmp_path).manifest["matched"]["time"]["sine"]
    assert then["budget"] == first["budget"]
    assert {model: own for model, own in then["models"].items() if model != "gru"} == first["models"]
    assert then["models"]["gru"]["hidden_size"] >= 1


@pytest.mark.parametrize(("disturbed", "nearest"), [({}, 10), ({9: 0.0098, 13: 0.005}, 9)])
def test_the_size_of_equal_time_is_the_nearest_that_was_measured(
    disturbed: dict[int, float], nearest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other work lengthens single measurements; the search by halves, which takes times to grow, would end at 14."""
    times = {size: size * 1e-3 for size in range(1, 40)} | disturbed
    monkeypatch.setattr("bench.measure.timing.step_seconds", lambda _, settings, *__: times[settings.hidden_size])
    (cell,) = Plan(resolve({**SMALL, "models": "rnn", "match": "time"}), "cpu").cells
    training = cell.training(Point(16, 1, 0.01), 0)
    found = SizeByTimeJob(training, 0.01).perform(lambda *_: None)
    assert (found["hidden_size"], found["step_seconds"]) == (nearest, times[nearest])


def test_sizes_of_equal_time_are_measured_once_and_stay(tmp_path: Path) -> None:
    go(tmp_path, models="rnn,lstm", match="time")
    first = load("e", tmp_path).manifest["matched"]["time"]["sine"]
    assert first["tolerance"] == 0.1
    assert {own["hidden_size"] for own in first["models"].values()} != {0}
    assert min(own["amount"] for own in first["models"].values()) > 0
    go(tmp_path, models="rnn,lstm", match="time", replicates=2)
    results = load("e", tmp_path)
    assert results.manifest["matched"]["time"]["sine"] == first
    for model, own in first["models"].items():
        assert set(results.trainings.loc[results.trainings["model"] == model, "hidden_size"]) == {own["hidden_size"]}
