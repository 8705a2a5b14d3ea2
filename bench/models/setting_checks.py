"""The checks that a model heeds its settings: a cell that ignores one would be compared under a wrong name.

Where a setting is of no use to a model, its class says so in `ignores`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from bench.models.contract import Ignorable
from bench.models.torch_model import TorchModel
from bench.models.tried_model import TriedModel

Size = tuple[int, int]  # hidden size, layers
STEPS = 3  # of training, in which dropout must be seen


def check_hidden_size(tried: TriedModel, sizes: Sequence[Size]) -> str | None:
    """More units must be more parameters. The head grows whatever the core does, so the core's are counted."""
    if "hidden_size" in tried.model.ignores:
        return "it ignores hidden_size"
    pair = _smallest_pair(sizes, 0)
    if pair is None:
        return "one hidden size is asked for"
    (fewer, layers), (more, _) = pair
    counts = [tried.model.count_parameters(tried.problem, size, layers) for size in (fewer, more)]
    if isinstance(tried.model, TorchModel):
        small, large = (count.recurrent for count in counts)
    else:
        small, large = (count.recurrent or count.total for count in counts)  # it may be a head alone
    if large > small:
        return None
    raise tried.error(
        f"hidden size {more} has {large:,} parameters, and hidden size {fewer} has {small:,}",
        _expected("more with more units", "hidden_size"),
    )


def check_layers(tried: TriedModel, sizes: Sequence[Size]) -> str | None:
    """More layers must be more parameters; layers that share their weights must give other outputs."""
    if "num_layers" in tried.model.ignores:
        return "it ignores num_layers"
    pair = _smallest_pair(sizes, 1)
    if pair is None:
        return "one number of layers is asked for"
    (size, fewer), (_, more) = pair
    small, large = (tried.model.count_parameters(tried.problem, size, layers).total for layers in (fewer, more))
    if large > small:
        return None
    learners = [tried.build(hidden_size=size, num_layers=layers) for layers in (fewer, more)]
    one, other = (learner.predict(learner.place(tried.split)) for learner in learners)
    if large == small and not np.array_equal(one, other, equal_nan=True):
        return None
    raise tried.error(
        f"{more} layers have {large:,} parameters, and {fewer} layer{'s' * (fewer > 1)} {small:,}",
        _expected("more with more layers", "num_layers"),
    )


def check_dropout(tried: TriedModel, sizes: Sequence[Size], dropout: float) -> str | None:
    """Dropout between layers must change the loss of one of a few training steps; a scale that begins at 0 hides it
    from the first. dropout: the share; 0: none is asked for.
    """
    if "dropout" in tried.model.ignores:
        return "it ignores dropout"
    if not dropout:
        return "no dropout is asked for"
    deep = [size for size in sizes if size[1] > 1]
    if not deep:
        return "a single layer has none"
    hidden_size, num_layers = min(deep)
    losses = []
    for share in (0.0, dropout):
        learner = tried.build(tried.single, hidden_size=hidden_size, num_layers=num_layers, dropout=share)
        batch = tried.batch(learner)
        losses.append([float(learner.losses([learner.train_step(batch)])[0]) for _ in range(STEPS)])
    if not np.array_equal(losses[0], losses[1], equal_nan=True):
        return None
    raise tried.error(
        f"dropout {dropout:g} changes nothing in {num_layers} layers", _expected("it to act between layers", "dropout")
    )


def _expected(effect: str, setting: Ignorable) -> str:
    return f'expected {effect}; a model that has no use for {setting} declares ignores = ("{setting}",)'


def _smallest_pair(sizes: Sequence[Size], which: int) -> tuple[Size, Size] | None:
    """Two sizes that differ in the hidden size alone (which = 0), or in the layers alone (1); None: there are none."""
    for one, other in itertools.combinations(sorted(sizes), 2):
        if one[which] != other[which] and one[1 - which] == other[1 - which]:
            return one, other
    return None
