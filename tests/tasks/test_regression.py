import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tasks.errors import UserError
from tasks.regression import BETA, RHO, SIGMA, Regression, integrate_lorenz

START = np.array([1.0, 2.0, 20.0])


def lorenz(_, state):
    x, y, z = state
    return [SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z]


def test_the_orbit_agrees_with_an_independent_integrator():
    ours = integrate_lorenz(START, 31, 0.1)
    theirs = solve_ivp(lorenz, (0, 3), START, method="DOP853", rtol=1e-12, atol=1e-12, t_eval=np.linspace(0, 3, 31))
    np.testing.assert_allclose(ours, theirs.y.T, atol=2e-3)


def test_the_integrator_is_of_order_four():
    exact = integrate_lorenz(START, 2, 0.5, longest_step=0.0005)[1]
    coarse, fine = (np.abs(integrate_lorenz(START, 2, 0.5, step)[1] - exact).max() for step in (0.01, 0.005))
    assert math.log2(coarse / fine) == pytest.approx(4, abs=0.3)


def test_steps_divide_the_interval_evenly():
    np.testing.assert_allclose(integrate_lorenz(START, 11, 0.05)[::2], integrate_lorenz(START, 6, 0.1), rtol=1e-10)
    np.testing.assert_allclose(
        integrate_lorenz(START, 2, 0.013)[1], integrate_lorenz(START, 2, 0.013, 0.001)[1], rtol=1e-6
    )


def test_the_training_part_is_standardised_and_the_test_part_by_its_scale():
    states, _ = Regression().clean(0)
    np.testing.assert_allclose(states[:1680].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(states[:1680].std(axis=0), 1, atol=1e-12)
    assert np.abs(states[2040:].mean(axis=0)).max() > 1e-6


@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_the_limit_is_the_measured_loss_of_the_clean_next_state(noise):
    task = Regression(noise=noise)
    measured = []
    for seed in range(10):
        clean = task.clean(seed)[0][2050:]
        measured.append(np.mean((task.generate(seed).test.targets - clean) ** 2))
    limit = next(r for r in task.references(task.generate(0)) if r.kind == "limit")
    assert limit.loss == noise**2
    # 10 seeds of 350 × 3 squared normal errors: relative sd sqrt(2 / 10500) = 1.4 %
    assert np.mean(measured) == pytest.approx(limit.loss, rel=4 * math.sqrt(2 / 10_500))


def test_no_linear_model_comes_near_the_limit():
    task = Regression()
    for seed in range(3):
        loss = {r.name: r.loss for r in task.references(task.generate(seed))}
        assert loss["training_mean"] > loss["persistence"] > loss["linear_ar"] > 20 * loss["noise"]


def test_one_output_is_the_first_of_three():
    one, three = Regression(outputs=1).generate(5), Regression().generate(5)
    np.testing.assert_array_equal(one.test.inputs, three.test.inputs)
    np.testing.assert_array_equal(one.test.targets, three.test.targets[:, :1])


def test_seeds_start_from_different_states():
    first, second = (Regression(noise=0.0).generate(seed).test.inputs for seed in (0, 1))
    assert np.abs(first - second).max() > 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"outputs": 4}, "expected 1, 2 or 3"),
        ({"noise": -1.0}, "noise is a standard deviation"),
        ({"window": 0}, r"regression\[window=0\]"),
        ({"points": 20}, "needs at least 71 points"),
        ({"interval": 0.0}, "time units above 0"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(UserError, match=message):
        Regression(**parameters)
