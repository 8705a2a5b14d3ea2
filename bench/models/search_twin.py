"""A faster implementation of the same network, for the trials of a search (`--engine auto`).

A search only has to choose. What it chooses is trained again by the model that the user asked for.
"""

from __future__ import annotations

from pkgutil import resolve_name

from bench.models.contract import Model
from bench.models.numpy_learner.learner import NumpyLearner

STACKED = "stacked"  # the kernel of trainings in stacks; "stacked+graph" where their steps are replayed
STACKED_PRECISIONS = ("float32", "tf32")
TWIN_KERNELS = {"cpu": NumpyLearner.kernel, "cuda": STACKED}  # by device, what records call every twin's implementation
TWINS = {  # by device and class; as text, so that what only plans an experiment loads no torch
    "cpu": {"bench.models.gru:Gru": "bench.models.numpy_gru:NumpyGRU"},
    "cuda": {
        "bench.models.gru:Gru": "bench.models.torch_learner.stacked.twins:GruInStack",
        "bench.models.lstm:Lstm": "bench.models.torch_learner.stacked.twins:LstmInStack",
        "bench.models.rnn:Rnn": "bench.models.torch_learner.stacked.twins:RnnInStack",
    },
}


def is_tested(device: str) -> bool:
    """Whether a twin's training is scored on test data too, which nothing needs.

    On a GPU it is not: a member of a stack would be scored on the CPU, while all others wait.
    """
    return device == "cpu"


def search_twin(
    model: Model,
    *,
    device: str,
    dropout: float,
    precision: str,
    optimizer: str = "adam",
    rate_changes_each_step: bool = False,
) -> Model | None:
    """The model that computes the same as `model` from the same weights and batches, but faster; None: there is none.

    Nothing else that a training may be asked for (initialisation, loss, clipping, weight decay, masks, sequences of
    unequal length) makes a difference, but for dropout, whose masks are drawn in another way, and other precisions.
    Stacks make their steps by Adam, at a learning rate that changes between evaluations alone.
    On a CPU a training step of the NumPy GRU takes 0.22 to 0.55 of `nn.GRU`'s time (default tasks, hidden 16 to 64,
    1 and 2 layers). `nn.LSTM` has none: a training step of the NumPy LSTM takes 0.48 to 1.29 of its time, the more
    the larger it is, since oneDNN's fused kernel is as fast, and the training of the selected trial would come on
    top. `nn.RNN` has none there, though a step of the NumPy RNN takes 0.23 to 0.46 of its time: its curves are
    chaotic where it learns best, so rounding decides which trial wins. In 2 of 6 replicates (default tasks, quick)
    another one did, and the model's own training of it had 5.5 and 1.3 times the test loss of the model's own
    selection. In stacks it has one: in their CPU form (`tests/calibration/stacks.py`) all 21 replicates of the default
    tasks at quick selected the model's own trial, though lowest losses of single trials differed by up to a factor of
    11. Not measured on a GPU.
    """
    if dropout:
        return None
    if device == "cuda":
        possible = precision in STACKED_PRECISIONS and optimizer == "adam" and not rate_changes_each_step
    else:
        possible = precision == "float32"
    return twin_on(device, model) if possible else None


def twin_on(device: str, model: Model) -> Model | None:
    """The faster form of a model on a device, whatever the settings; None: there is none."""
    kind = type(model)  # not its name, and not a base: a subclass may compute something else
    twin = TWINS[device].get(f"{kind.__module__}:{kind.__qualname__}")
    return resolve_name(twin)(**vars(model)) if twin else None
