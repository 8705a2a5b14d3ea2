"""Random data hold nothing to learn."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.random_data import HELD_OUT, RandomData


def test_sizes_are_those_of_the_tutorial() -> None:
    dataset = RandomData().generate(0)
    assert dataset.train.inputs.shape == (32, 10, 3)
    assert dataset.train.targets.shape == (32, 1)
    assert len(dataset.test) == HELD_OUT


def test_values_are_standard_normal_and_no_input_tells_of_the_target() -> None:
    split = RandomData(sequences=20_000).generate(1).train
    assert split.inputs.mean() == pytest.approx(0, abs=0.01)
    assert split.targets.std() == pytest.approx(1, abs=0.02)
    flat = split.inputs.reshape(len(split), -1)
    correlations = [np.corrcoef(column, split.targets[:, 0])[0, 1] for column in flat.T]
    assert max(map(abs, correlations)) < 4.5 / np.sqrt(len(split))


@pytest.mark.parametrize("parameter", ["sequences", "steps", "features"])
def test_nothing_of_it_may_be_empty(parameter: str) -> None:
    with pytest.raises(UserError, match=f"random_data.{parameter}=0.: expected 1 or more"):
        RandomData(**{parameter: 0})
