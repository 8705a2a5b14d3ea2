"""The decision on whole checks: what passes, what blocks, what is trained to find out."""

from __future__ import annotations

import re

import numpy as np
import pytest
from synthetic import Code, baseline, cell, cells, record

from bench.gate.check import check
from bench.gate.errors import NotComparable
from bench.gate.exact import ExactProblem, configuration_change
from bench.gate.exceptions import Exemption
from bench.gate.outcome import CheckOutcome
from bench.gate.replicates import CellName
from bench.gate.rule import GO_ON, Rule

SINE, COPY, LSTM = CellName("sine", "gru"), CellName("copy", "gru"), CellName("sine", "lstm")


def states(outcome: CheckOutcome) -> dict[CellName, str]:
    return {found.name: found.state for found in outcome.cells}


BASELINE = baseline()


def run(code: Code, **settings: object) -> CheckOutcome:
    return check(BASELINE, code, folder="b", **settings)  # type: ignore[arg-type]


def test_the_same_code_is_as_good_and_trains_twelve_replicates() -> None:
    code = Code()
    outcome = run(code)
    assert set(states(outcome).values()) == {"as_good"}
    assert outcome.exit_code == 0
    assert code.asked == [((COPY, SINE, LSTM), tuple(range(1, 13)))]


def test_ten_percent_more_steps_block_after_a_second_look_at_that_cell_alone() -> None:
    code = Code([cell("copy"), cell(slower=1.1, jitter=0.02, draw=1), cell("sine", "lstm")])
    outcome = run(code)
    assert states(outcome) == {COPY: "as_good", SINE: "regressed", LSTM: "as_good"}
    assert outcome.exit_code == 1
    assert code.asked[1:] == [((SINE,), tuple(range(13, 25)))]
    assert "24 replicates)" in outcome.cells[1].why


def test_three_percent_are_within_the_margin() -> None:
    assert run(Code(cells(slower=1.03))).exit_code == 0


def test_what_both_halves_together_do_not_show_does_not_block() -> None:
    chance = [*cell(slower=1.2, replicates=range(1, 13)), *cell(slower=0.95, replicates=range(13, 25))]
    outcome = run(Code([cell("copy"), chance, cell("sine", "lstm")]))
    assert states(outcome)[SINE] == "as_good"
    assert "the first 12 alone left open whether it is worse" in outcome.cells[1].why
    assert outcome.cells[1].last is outcome.cells[1].second
    assert outcome.cells[1].p > 0.01


def test_the_other_half_is_trained_where_the_first_leaves_the_matter_open() -> None:
    """7 % more steps with a spread of 5 %: p of twelve is below 0.2 and not below 0.01."""
    code = Code([cell("copy"), cell(slower=1.07, jitter=0.05, draw=2), cell("sine", "lstm")])
    outcome = run(code)
    (_, found, _) = outcome.cells
    assert found.first is not None
    assert 0.01 < found.first.shift.p_worse < GO_ON
    assert code.asked[1:] == [((SINE,), tuple(range(13, 25)))]
    assert found.second is not None
    assert found.second.n == 24


def test_new_misses_block_where_speed_does_not() -> None:
    """A target that is missed late costs little speed: the loss stays just above it."""
    late = [record("sine", "gru", n, 1400.0) for n in range(1, 25)]
    missed = [record("sine", "gru", n, 1400.0) for n in range(1, 25)]
    for number in (*range(1, 5), *range(13, 17)):
        missed[number - 1] = record("sine", "gru", number, 1501.0)
    found = check(baseline([late]), Code([missed]), folder="b").cells[0]
    assert (found.state, "8 of 24 replicates newly miss" in found.why) == ("regressed", True)
    assert found.p > 0.01


def test_faster_is_told_and_never_blocks() -> None:
    outcome = run(Code([cell("copy"), cell(slower=0.85), cell("sine", "lstm")]))
    assert states(outcome)[SINE] == "better"
    assert outcome.exit_code == 0
    assert "consider a new baseline" in outcome.cells[1].why


def test_other_losses_block_where_the_environment_is_the_same_and_warn_elsewhere() -> None:
    changed = cells(first_loss=1.001)
    assert run(Code(changed)).exit_code == 1
    elsewhere = run(Code(changed, fingerprint="e2"))
    assert elsewhere.exit_code == 0
    assert all("training loss of step 1" in found.warnings[0] for found in elsewhere.cells)
    assert "another environment" in elsewhere.notes[0]


def test_rounding_in_the_first_losses_is_no_problem() -> None:
    assert run(Code(cells(first_loss=1.00005))).exit_code == 0


@pytest.mark.parametrize("changed", [{"recurrent": 3265}, {"head": 34}])
def test_another_number_of_parameters_blocks_anywhere(changed: dict[str, int]) -> None:
    outcome = run(Code(cells(**changed), fingerprint="e2"))
    assert outcome.exit_code == 1
    assert "parameters: " in outcome.cells[0].why


def test_a_divergence_blocks_anywhere() -> None:
    diverged = [*cell(replicates=range(1, 12)), *cell(replicates=[12], status="diverged", missed=[12])]
    outcome = run(Code([cell("copy"), diverged, cell("sine", "lstm")], fingerprint="e2"))
    assert states(outcome)[SINE] == "regressed"
    assert (
        "1 of 12 replicates did not train to their end (diverged: replicate 12: the loss is no number)"
        in outcome.cells[1].why
    )


def test_a_training_that_fails_says_why() -> None:
    failed = [{**record, "error": "RuntimeError: no\n reset"} for record in cell(replicates=[12], status="failed")]
    outcome = run(Code([cell("copy"), [*cell(replicates=range(1, 12)), *failed], cell("sine", "lstm")]))
    assert "(failed: replicate 12: RuntimeError: no reset)" in outcome.cells[1].why


def test_a_divergence_that_the_baseline_has_too_is_nothing_new() -> None:
    diverging = [[*cell(replicates=range(2, 25)), *cell(replicates=[1], status="diverged", missed=[1])]]
    outcome = check(baseline(diverging), Code(diverging), folder="b")
    assert outcome.exit_code == 0


@pytest.mark.parametrize("changed", ["weights", "data", "first_batch"])
def test_a_change_without_a_new_version_blocks_in_the_same_environment(changed: str) -> None:
    outcome = run(Code(cells(**{changed: "other"})))
    assert outcome.exit_code == 1
    assert all("changed, but the " in found.why for found in outcome.cells)
    assert run(Code(cells(**{changed: "other"}), fingerprint="e2")).exit_code == 0


@pytest.mark.parametrize("changed", [{"weights": "w2", "model_version": 2}, {"data": "d2", "task_version": 2}])
def test_a_change_on_purpose_is_compared_unpaired_with_all_replicates(changed: dict[str, object]) -> None:
    changed = {**changed, "first_batch": "b2"} if "data" in changed else changed
    code = Code(cells(**changed, jitter=0.15, draw=3))
    outcome = run(code)
    assert outcome.exit_code == 0
    assert code.asked[1][1] == tuple(range(13, 25))
    assert outcome.cells[0].first is not None
    assert (outcome.cells[0].first.pairing, outcome.cells[0].first.n) == ("unpaired", 24)
    assert re.search(r"not paired: a change below about \d\d % would not be seen", outcome.cells[0].why)


def test_unpaired_a_half_more_steps_block() -> None:
    outcome = run(Code(cells(weights="w2", model_version=2, slower=1.5, jitter=0.15, draw=4)))
    assert outcome.exit_code == 1


def test_a_cell_that_is_configured_otherwise_cant_be_compared() -> None:
    outcome = run(Code([cell("copy"), cell(hidden_size=64), cell("sine", "lstm")]))
    assert outcome.exit_code == 3
    assert outcome.cells[1].why == "hidden_size is 64, in the baseline 32"


def test_of_nested_settings_the_one_that_differs_is_named() -> None:
    before = {"defaults": {"lr": 0.1, "steps": 3, "clip": {"norm": 1}}, "model_version": 1}
    now = {"defaults": {"lr": 0.2, "steps": 3, "clip": {"norm": 2}}, "model_version": 2}
    assert configuration_change(before, now) == (
        "defaults.clip.norm is 2, in the baseline 1; defaults.lr is 0.2, in the baseline 0.1"
    )


def test_a_cell_that_is_gone_cant_be_compared_and_a_regression_outweighs_it() -> None:
    assert run(Code([cell("copy"), cell()])).exit_code == 3
    assert run(Code([cell("copy"), cell(slower=1.3)])).exit_code == 1


def test_replicates_that_are_not_there_are_named() -> None:
    few = run(Code(cells(replicates=7)))
    assert (few.exit_code, few.cells[0].why) == (3, "this code has no replicate 8, 9, 10, …")
    worse = run(Code(cells(replicates=12, slower=1.3)))
    assert worse.exit_code == 3
    assert "has no replicate 13, 14, 15, … to decide it" in worse.cells[0].why


@pytest.mark.parametrize("changed", [{"first_loss": 1.001}, {"weights": "other"}])
@pytest.mark.parametrize(("slower", "state"), [(1.3, "regressed"), (1.0, "changed")])
def test_what_an_exact_check_fails_needs_no_further_replicates(
    changed: dict[str, object], slower: float, state: str
) -> None:
    outcome = run(Code(cells(replicates=12, slower=slower, **changed)))
    assert (outcome.exit_code, set(states(outcome).values())) == (1, {state})
    assert outcome.cells[0].last is not None
    assert outcome.cells[0].last.n == 12
    assert outcome.cells[0].curves is not None


def test_a_baseline_of_few_replicates_cant_be_compared() -> None:
    with pytest.raises(NotComparable, match="has 12 replicates of a cell, a check needs 24"):
        check(baseline(cells(replicates=12)), Code(), folder="b")


def test_exceptions_skip_a_cell_or_widen_its_margin() -> None:
    slow = Code(cells(slower=1.15))
    exceptions = {
        COPY: Exemption(Rule(), True, "too noisy"),
        SINE: Exemption(Rule(steps_margin=1.3), False, "known"),
    }
    outcome = check(baseline(exceptions=exceptions), slow, folder="b")
    assert states(outcome) == {COPY: "skipped", SINE: "as_good", LSTM: "regressed"}
    assert outcome.cells[0].why == "too noisy"
    assert COPY not in slow.asked[0][0]


@pytest.mark.parametrize(
    ("missed", "rule", "note"),
    [
        (range(1, 20), Rule(steps_margin=1.3), "steps_margin of sine × gru in gate.toml has no effect: .* loss_margin"),
        (range(0), Rule(loss_margin=0.3), "loss_margin of sine × gru in gate.toml has no effect: .* give steps_margin"),
        (range(0), Rule(steps_margin=1.3), None),
        (range(1, 20), Rule(steps_margin=1.3, loss_margin=0.3), None),
    ],
)
def test_a_margin_without_effect_is_told(missed: range, rule: Rule, note: str | None) -> None:
    cells = [cell(missed=missed)]
    outcome = check(baseline(cells, exceptions={SINE: Exemption(rule, False, "known")}), Code(cells), folder="b")
    assert outcome.exit_code == 0
    assert [bool(re.match(note or "never", text)) for text in outcome.notes if "no effect" in text] == [True] * bool(
        note
    )


def test_only_the_cells_asked_for_are_trained() -> None:
    code = Code()
    assert list(states(run(code, only=[SINE]))) == [SINE]
    assert code.asked == [((SINE,), tuple(range(1, 13)))]


def test_a_problem_that_the_source_finds_itself_blocks() -> None:
    outcome = run(Code(problems={SINE: [ExactProblem("numpy_twin", "float64 losses differ", True)]}, fingerprint="e2"))
    assert states(outcome)[SINE] == "regressed"


def test_unchanged_code_on_other_machines_raises_no_alarm() -> None:
    """200 checks whose trainings differ from the baseline's by what instruction sets do (sd 0.037 on log2)."""
    alarms = 0
    for draw in range(1, 201):
        alarms += run(Code(cells(jitter=0.037 * np.log(2), draw=draw), fingerprint="e2")).exit_code != 0
    assert alarms == 0


def test_ten_percent_are_found_on_every_other_machine() -> None:
    missed = 0
    for draw in range(1, 101):
        code = Code(cells(slower=1.1, jitter=0.037 * np.log(2), draw=draw), fingerprint="e2")
        missed += any(state != "regressed" for state in states(run(code)).values())
    assert missed == 0
