"""A faster implementation of the same network, for the trials of a search (`--engine auto`).

A search only has to choose. What it chooses is trained again by the model that the user asked for.
"""

from __future__ import annotations

from bench.models.contract import Model
from bench.models.numpy_learner.learner import NumpyLearner

TWIN_KERNEL = NumpyLearner.kernel  # what records call the implementation of every twin


def search_twin(model: Model, *, device: str, dropout: float, precision: str) -> Model | None:
    """The model that computes the same as `model` from the same weights and batches, but faster; None: there is none.

    Nothing else that a training may be asked for (initialisation, loss, clipping, weight decay, masks, sequences of
    unequal length) makes a difference, but for dropout, whose masks are drawn in another way, and other precisions.
    `nn.LSTM` has none: a training step of the NumPy LSTM takes 0.48 to 1.29 of its time, the more the larger it is,
    since oneDNN's fused kernel is as fast, and the training of the selected trial would come on top.
    """
    return None if device != "cpu" or dropout or precision != "float32" else model.faster_on_cpu()
