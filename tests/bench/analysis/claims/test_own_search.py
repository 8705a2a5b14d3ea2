"""Under the second protocol the selected trial of a replicate's own search is its result."""

from __future__ import annotations

import copy

import pytest

from .scenarios import SCENARIOS, Rows, judge


def own_searches(records: Rows) -> Rows:
    """Each training as the better of two trials; the other has the lower test loss, and must not be looked at."""
    found = [copy.deepcopy(record) for record in records if record["stage"] != "confirm"]
    for record in (record for record in records if record["stage"] == "confirm"):
        chosen = {**copy.deepcopy(record), "stage": "trial", "trial": 1, "curve": {"step": [0], "valid_loss": [0.1]}}
        other = {**copy.deepcopy(chosen), "trial": 0, "key": f"{record['key']} 0", "gradient_flow": None}
        other["curve"]["valid_loss"], other["training"]["learning_rate"] = [0.2], 0.02
        other["test"]["loss"], other["steps_to_target"] = 1e-9, 1.0
        found += [other, chosen]
    return found


@pytest.mark.parametrize("number", SCENARIOS)
def test_the_selected_trials_decide(number: int) -> None:
    assert judge(number, own_searches(SCENARIOS[number](True))).state == "supported"
    assert judge(number, own_searches(SCENARIOS[number](False))).state == "refuted"
