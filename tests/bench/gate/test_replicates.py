"""What the gate takes from a record, and that a baseline gives it back exactly."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from synthetic import BUDGET, INTERVAL, cell, record

from bench.gate.replicates import CellTraining


def test_rows_read_back_exactly() -> None:
    for entry in cell(missed=(3,), jitter=0.3, draw=1):
        replicate = CellTraining.of(entry)
        assert CellTraining.from_rows(replicate.number, replicate.rows()) == replace(replicate, curve=None)


def test_rows_of_a_training_that_failed_read_back() -> None:
    failed = {**record("sine", "gru", 1, 300), "status": "failed"}
    for key in ("curve", "first_losses", "parameters", "hashes", "steps_to_target"):
        failed[key] = None
    replicate = CellTraining.of(failed)
    assert replicate.missed
    assert not replicate.is_finite
    assert CellTraining.from_rows(1, replicate.rows()) == replicate


def test_what_came_after_the_target_is_left_out() -> None:
    """A training that went on beyond its target, as an ordinary experiment's, says the same as one that stopped."""
    stopped = record("sine", "gru", 1, 310.0)
    whole = record("sine", "gru", 1, 310.0)
    speed = math.log10(1e-3) / 310
    steps = list(range(0, BUDGET + 1, INTERVAL))
    losses = [10 ** (speed * s) for s in steps]
    whole["curve"] = dict.fromkeys(whole["curve"], losses) | {"step": steps}
    assert CellTraining.of(whole) == CellTraining.of(stopped)


def test_the_mean_loss_stands_for_the_whole_budget() -> None:
    """log10 of the loss falls from 0 by a tenth an evaluation, to −3 at the 30th; the last 20 stay there."""
    replicate = CellTraining.of(record("sine", "gru", 1, 900.0))
    expected = (sum(-0.1 * k for k in range(31)) + 20 * -3.0) / 51
    assert replicate.mean_log10_valid_loss == pytest.approx(expected)
    assert replicate.steps_to_target == pytest.approx(900)


def test_a_divergence_has_no_mean_loss() -> None:
    assert CellTraining.of(record("sine", "gru", 1, None, status="diverged")).mean_log10_valid_loss is None
