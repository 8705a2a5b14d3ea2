"""Which trial is selected, and which configuration is typical."""

from __future__ import annotations

from typing import Any

import pytest

from bench.records.selection import drop_superseded, most_frequent, next_to_train, select


def trial(number: int, losses: list[float | None], status: str = "ok", **changes: Any) -> dict[str, Any]:
    curve = {"valid_loss": losses}
    return {"stage": "trial", "trial": number, "status": status, "curve": curve, "training": {}, **changes}


def test_the_lowest_loss_anywhere_on_the_curve_is_selected_and_of_equal_ones_the_first() -> None:
    trials = [trial(2, [3.0, 1.0, 2.0]), trial(1, [2.0, 1.0]), trial(0, [9.0, None])]
    assert select(trials) is trials[1]
    assert select(trials[::-1]) is trials[1]


@pytest.mark.parametrize("status", ["diverged", "failed", "timeout", "out_of_memory"])
def test_what_did_not_end_well_is_not_selected(status: str) -> None:
    good = trial(0, [5.0])
    assert select([good, trial(1, [1.0], status)]) is good
    assert select([trial(1, [1.0], status)]) is None


def test_a_trial_that_was_stopped_early_is_not_selected() -> None:
    whole = trial(0, [5.0])
    assert select([trial(1, [1.0], training={"budget_steps": 90}), whole]) is whole


def selected(replicate: int, size: int, loss: float, init: str = "default") -> dict[str, Any]:
    model = {"hidden_size": size, "num_layers": 1, "init": init}
    return trial(0, [loss], model=model, replicate=replicate)


def test_the_most_frequent_configuration_is_typical_and_shown_by_its_first_replicate() -> None:
    found = most_frequent([selected(1, 16, 0.1), selected(3, 32, 0.9), selected(2, 32, 0.8)])
    assert found is not None
    assert (found["replicate"], found["model"]["hidden_size"]) == (2, 32)
    assert most_frequent([]) is None


def test_of_configurations_as_frequent_the_one_with_the_lower_mean_loss_is_typical() -> None:
    made = [selected(1, 16, 0.5), selected(2, 16, 0.1), selected(3, 32, 0.25), selected(4, 32, 0.25)]
    found = most_frequent(made)
    assert found is not None
    assert found["model"]["hidden_size"] == 32
    other_scheme = [selected(1, 16, 0.5), selected(2, 16, 0.6, "chrono"), selected(3, 16, 0.7, "chrono")]
    found = most_frequent(other_scheme)
    assert found is not None
    assert found["model"]["init"] == "chrono"


def test_what_a_longer_search_made_out_of_date_is_dropped() -> None:
    def part(stage: str, key: str, size: int, **more: Any) -> dict[str, Any]:
        place = {"match": "tuned", "task": {"label": "t"}, "model": {"label": "m", **sized(size)}}
        return {"stage": stage, "key": key, "status": "ok", "training": {}, **place, **more}

    def sized(size: int) -> dict[str, Any]:
        return {"hidden_size": size, "num_layers": 1, "init": "default"}

    made = [
        part("trial", "a", 8, replicate=1, trial=0, curve={"valid_loss": [2.0]}),
        part("trial", "b", 16, replicate=1, trial=1, curve={"valid_loss": [1.0]}),
        part("examine", "ea", 8, replicate=1, trial=0, examined="a"),
        part("examine", "eb", 16, replicate=1, trial=1, examined="b"),
        part("time", "ta", 8),
        part("time", "tb", 16),
        {"stage": "reference", "key": "r", "match": None, "task": {"label": "t"}, "model": {"label": "floor"}},
    ]
    assert [record["key"] for record in drop_superseded(made)] == ["a", "b", "eb", "tb", "r"]
    before = [{**record, "stage": {"trial": "search"}.get(record["stage"], record["stage"])} for record in made]
    assert drop_superseded(before) == before


def test_the_models_own_training_of_the_best_trial_is_selected() -> None:
    trials = [trial(n, [loss], search_kernel="numpy") for n, loss in enumerate([3.0, 1.0, 2.0])]
    assert (select(trials), next_to_train(trials)) == (None, trials[1])
    own = trial(1, [9.0], stage="train", search_kernel="numpy")
    assert select([*trials, own]) is own  # whatever it reached: the search has chosen
    assert next_to_train([*trials, own]) is None


def test_where_it_fails_the_next_best_trial_is_trained() -> None:
    trials = [trial(n, [loss], search_kernel="numpy") for n, loss in enumerate([3.0, 1.0, 2.0])]
    failed = trial(1, [], "timeout", stage="train", search_kernel="numpy")
    assert (select([*trials, failed]), next_to_train([*trials, failed])) == (None, trials[2])
    second = trial(2, [2.0], stage="train", search_kernel="numpy")
    assert select([failed, second, *trials]) is second
    assert next_to_train([failed, second, *trials]) is None


def test_a_search_by_the_model_itself_needs_no_further_training() -> None:
    assert next_to_train([trial(0, [1.0]), trial(1, [2.0])]) is None
    assert next_to_train([trial(0, [1.0], "failed")]) is None
