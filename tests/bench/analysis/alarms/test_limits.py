"""A limit is an expected loss: luck is no alarm, a leak is one."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from bench.analysis.alarms import alarms
from bench.analysis.results import Results

Build = Callable[..., Results]


def results(synthetic: ModuleType, results_of: Build, losses: list[float], limits: list[float]) -> Results:
    records = []
    for replicate, (loss, limit) in enumerate(zip(losses, limits, strict=True), start=1):
        record = synthetic.training("regression", "gru", replicate)
        record["test"]["loss"] = loss
        records += [record, synthetic.reference("regression", "noise", "limit", replicate, limit)]
    return results_of(records)


def test_one_lucky_test_set_is_no_alarm(synthetic: ModuleType, results_of: Build) -> None:
    assert alarms(results(synthetic, results_of, [0.9, 1.05, 1.1, 1.02, 0.97], [1.0] * 5)) == ()


def test_two_seeds_below_the_limit_are_too_few(synthetic: ModuleType, results_of: Build) -> None:
    assert alarms(results(synthetic, results_of, [0.5, 0.51], [1.0] * 2)) == ()


def test_a_leak_is_an_alarm(synthetic: ModuleType, results_of: Build) -> None:
    (alarm,) = alarms(results(synthetic, results_of, [0.5, 0.6, 0.55, 0.52, 0.58], [1.0] * 5))
    assert "below the limit noise of 1.00, over 5 replicates" in alarm


def test_a_limit_measured_on_the_same_data_makes_a_small_leak_visible(synthetic: ModuleType, results_of: Build) -> None:
    limits = np.random.default_rng(0).chisquare(440, 5) / 440
    shares = np.array([0.97, 0.975, 0.98, 0.97, 0.965])
    assert alarms(results(synthetic, results_of, list(limits * shares), [1.0] * 5)) == ()
    assert len(alarms(results(synthetic, results_of, list(limits * shares), list(limits)))) == 1


def test_perfect_models_on_noise_raise_an_alarm_one_time_in_a_hundred(synthetic: ModuleType, results_of: Build) -> None:
    rng, raised = np.random.default_rng(1), 0
    for _ in range(100):
        raised += bool(alarms(results(synthetic, results_of, list(rng.chisquare(400, 5) / 400), [1.0] * 5)))
    assert raised <= 4  # 1 % of 100, and three standard deviations
