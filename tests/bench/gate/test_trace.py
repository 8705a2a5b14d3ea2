"""The first steps in float64: what counts as the same, what blocks, and what a check says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from synthetic import TRACES, Code, baseline, cell, cells

from bench.gate.check import check
from bench.gate.errors import NotComparable
from bench.gate.quick import check_quickly
from bench.gate.replicates import CellName
from bench.gate.rule import FLOAT64
from bench.gate.trace import Trace, deviation, trace_of

SINE = CellName("sine", "gru")


def moved(factor: float) -> Mapping[CellName, Mapping[int, Trace]]:
    """Every cell's traces as recorded, but the sine GRU's first loss times a factor, in replicate 2."""
    found = dict.fromkeys([CellName("copy", "gru"), SINE, CellName("sine", "lstm")], TRACES)
    second = {**TRACES[2], "train_loss_step_01": TRACES[2]["train_loss_step_01"] * factor}
    return {**found, SINE: {**TRACES, 2: second}}


def test_a_trace_has_every_loss_and_the_evaluations() -> None:
    curve = {"step": [0, 2], "valid_loss": [3.0, 2.0], "valid_metric": [None, None], "learning_rate": [0.1, 0.05]}
    assert trace_of([1.5, 1.25], curve, 7.0) == {
        "gradient_norm_step_01": 7.0,
        "train_loss_step_01": 1.5,
        "train_loss_step_02": 1.25,
        "valid_loss_step_00": 3.0,
        "valid_loss_step_02": 2.0,
        "learning_rate_step_00": 0.1,
        "learning_rate_step_02": 0.05,
    }


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({"a": 2.0, "b": 1.0}, {"a": 2.0, "b": 1.0}, ("", 0.0)),
        ({"a": 2.0, "b": 1.0}, {"a": 2.5, "b": 1.1}, ("a", 0.25)),
        ({"a": 0.0}, {"a": 1e-13}, ("a", 0.1)),  # absolutely, below 1e-12
        ({"a": 1.0, "b": 1.0}, {"a": 1.0}, ("b", math.inf)),
        ({"a": 1.0}, {"a": math.nan}, ("a", math.inf)),
        ({"a": math.nan}, {"a": math.nan}, ("", 0.0)),
    ],
)
def test_the_deviation_is_the_largest_relative_one(before: Trace, now: Trace, expected: tuple[str, float]) -> None:
    name, difference = deviation(before, now)
    assert (name, difference) == (expected[0], pytest.approx(expected[1]))


@pytest.mark.parametrize("fingerprint", ["e1", "another machine"])
def test_a_difference_in_float64_blocks_in_every_environment(fingerprint: str) -> None:
    outcome = check(baseline(), Code(traces=moved(1 + 1e-6), fingerprint=fingerprint), folder="b")
    assert {str(found.name): found.state for found in outcome.cells if found.state != "as_good"} == {
        "sine × gru": "changed"
    }
    assert outcome.exit_code == 1
    assert "in float64, replicate 2: train loss step 01 is off by 1.0e-06" in outcome.cells[1].why


def test_what_rounding_explains_is_no_difference() -> None:
    outcome = check(baseline(), Code(traces=moved(1 + FLOAT64 / 2)), folder="b")
    assert outcome.exit_code == 0


def test_what_computes_something_else_and_converges_worse_regressed() -> None:
    slower = [cell("copy", "gru"), cell("sine", "gru", slower=1.5), cell("sine", "lstm")]
    outcome = check(baseline(), Code(slower, traces=moved(2.0)), folder="b")
    assert [found.state for found in outcome.cells] == ["as_good", "regressed", "as_good"]


def test_a_raised_version_says_that_a_difference_is_meant() -> None:
    renewed = [
        cell(*name, model_version=2, weights="new") for name in (("copy", "gru"), ("sine", "gru"), ("sine", "lstm"))
    ]
    outcome = check(baseline(), Code(renewed, traces=moved(2.0)), folder="b")
    assert outcome.exit_code == 0


def test_first_steps_that_cannot_be_run_any_more_block() -> None:
    outcome = check(baseline(), Code(traces={**moved(1.0), SINE: {1: {}, 2: {}}}), folder="b")
    assert outcome.cells[1].state == "regressed"
    assert "its first steps in float64 failed" in outcome.cells[1].why


def test_a_quick_check_trains_nothing() -> None:
    code = Code(traces=moved(1.5))
    outcome = check_quickly(baseline(), code, folder="b")
    assert code.asked == []
    assert [found.state for found in outcome.cells] == ["as_good", "changed", "as_good"]
    assert outcome.exit_code == 1


def without_traces() -> object:
    made = baseline()
    return replace(made, cells={name: replace(found, traces={}) for name, found in made.cells.items()}, schema=1)


def test_a_baseline_without_traces_is_compared_and_told_what_it_lacks() -> None:
    outcome = check(without_traces(), Code(traces=moved(2.0)), folder="b")  # type: ignore[arg-type]
    assert outcome.exit_code == 0
    assert any("no first steps in float64" in note for note in outcome.notes)


def test_a_quick_check_needs_traces() -> None:
    with pytest.raises(NotComparable, match="no first steps in float64, which --quick compares"):
        check_quickly(without_traces(), Code(cells()), folder="b")  # type: ignore[arg-type]
