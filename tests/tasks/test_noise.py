import math

import numpy as np
import pytest

from tasks.baselines import choose_linear_ar
from tasks.errors import UserError
from tasks.losses import mean_loss
from tasks.noise import Noise


def test_values_are_standard_normal_and_independent():
    train = Noise().generate(0).train
    values = train.targets[:, 0]
    n = len(values)
    assert abs(values.mean()) < 4 / math.sqrt(n)
    assert abs(values.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs((train.inputs[:, :, 0] * values[:, None]).mean(axis=0)).max() < 4 / math.sqrt(n)


def test_floor_and_limit_are_the_mean_square_of_the_test_targets():
    dataset = Noise().generate(1)
    floor, limit = Noise().references(dataset)
    assert (floor.kind, limit.kind) == ("floor", "limit")
    assert floor.loss == pytest.approx(float((dataset.test.targets.astype(float) ** 2).mean()))
    assert limit.loss == floor.loss == pytest.approx(1, abs=4 * math.sqrt(2 / len(dataset.test)))


def test_a_fitted_linear_model_does_not_beat_the_floor():
    ratios = []
    for seed in range(20):
        dataset = Noise().generate(seed)
        linear = choose_linear_ar(dataset.train, dataset.valid)
        loss = mean_loss("mse", linear.predict(dataset.test.inputs), dataset.test.targets)
        ratios.append(loss / Noise().references(dataset)[0].loss)
    assert 1 < np.mean(ratios) < 1.05


@pytest.mark.parametrize(("parameters", "message"), [({"window": 0}, "1 or more"), ({"points": 20}, "at least")])
def test_bad_parameters(parameters, message):
    with pytest.raises(UserError, match=message):
        Noise(**parameters)
