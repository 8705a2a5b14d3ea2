import math

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.parity import Parity


def splits(dataset):
    return [dataset.train, dataset.valid, dataset.test]


def test_targets_are_the_running_parity_and_padding_does_not_count():
    for split in splits(Parity(longest=12, test_longest=30).generate(0)):
        for bits, odd, mask, length in zip(
            split.inputs[:50], split.targets[:50], split.mask[:50], split.lengths[:50], strict=True
        ):
            assert mask.sum() == length
            assert mask[:length].all()
            assert [sum(bits[: t + 1]) % 2 for t in range(length)] == odd[:length, 0].tolist()


def test_the_last_answer_is_the_same_asked_at_the_end_only():
    ours, whole = Parity().generate(3).test, Parity(per_step=False).generate(3).test
    np.testing.assert_array_equal(ours.inputs, whole.inputs)
    last = ours.targets[np.arange(500), ours.lengths - 1]
    np.testing.assert_array_equal(last, whole.targets)
    assert whole.mask is None


def test_test_strings_are_longer_than_all_that_were_trained_on():
    dataset = Parity().generate(0)
    assert dataset.train.lengths.max() == dataset.valid.lengths.max() == 40
    assert dataset.train.lengths.min() == 1
    assert dataset.test.lengths.min() > 40
    assert dataset.test.lengths.max() <= 400


def test_classes_are_balanced():
    train = Parity().generate(0).train
    assert train.targets[train.mask].mean() == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("per_step", [True, False])
def test_a_counter_of_ones_is_perfect_and_a_coin_scores_the_floor(per_step):
    task = Parity(longest=4, test_longest=8, per_step=per_step)
    dataset = task.generate(0)
    test, (floor, _) = dataset.test, task.references(dataset)
    assert floor.loss == math.log(2)
    assert task.metrics(test.targets - 0.5, test.targets, test.mask) == {"accuracy": 1.0, "string_accuracy": 1.0}
    coin = np.random.default_rng(0).choice([-1.0, 1.0], size=(400, *test.targets.shape))
    scores = [task.metrics(each, test.targets, test.mask) for each in coin]
    for name, value in floor.metrics.items():
        assert np.mean([score[name] for score in scores]) == pytest.approx(value, abs=0.005)


@pytest.mark.parametrize("parameters", [{"longest": 0}, {"longest": 40, "test_longest": 40}])
def test_bad_parameters(parameters):
    with pytest.raises(UserError, match="expected"):
        Parity(**parameters)
