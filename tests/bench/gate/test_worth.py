"""What a new baseline says of its cells."""

from __future__ import annotations

import pytest
from synthetic import Code, baseline, cell

from bench.gate.check import check
from bench.gate.worth import worth


@pytest.mark.parametrize("missed", [0, 4, 5, 24])
def test_the_sentence_names_what_a_check_compares(missed: int) -> None:
    records = cell(missed=range(1, missed + 1))
    recorded = baseline([records])
    (sentence,) = worth(recorded)
    assert sentence.startswith(f"sine × gru reached its target in {24 - missed} of 24 replicates")
    (outcome,) = check(recorded, Code([records]), folder="b").cells
    assert outcome.last is not None
    assert ("give more steps" in sentence) is (outcome.last.measure == "loss") is (missed > 4)
    assert ("the mean loss over all 1,500 steps" in sentence) is (missed > 4)
