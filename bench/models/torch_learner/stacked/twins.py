"""Models for the trials of a search on a GPU: the networks of `gru`, `lstm` and `rnn`, trained in stacks.

A cohort on a GPU trains them in stacks. Anywhere else, and where a stack is not possible, they are the model itself:
that is what they inherit. They are no entries of the registry, as no results are made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.models.contract import Model
from bench.models.gru import Gru
from bench.models.lstm import Lstm
from bench.models.rnn import Rnn

KERNEL = "stacked"  # what records call it; "stacked+graph" where its steps are replayed
PRECISIONS = ("float32", "tf32")


@dataclass(frozen=True)
class GruInStack(Gru):
    name = "stacked_gru"
    summary = "gru's network, trained in a stack"
    precisions: ClassVar[tuple[str, ...]] = PRECISIONS


@dataclass(frozen=True)
class LstmInStack(Lstm):
    name = "stacked_lstm"
    summary = "lstm's network, trained in a stack"
    precisions: ClassVar[tuple[str, ...]] = PRECISIONS


@dataclass(frozen=True)
class RnnInStack(Rnn):
    name = "stacked_rnn"
    summary = "rnn's network, trained in a stack"
    precisions: ClassVar[tuple[str, ...]] = PRECISIONS


def stacked_twin(model: Model, *, dropout: float, precision: str) -> Model | None:
    """The model whose trainings a cohort on a GPU stacks, with the same weights and batches; None: there is none.

    By exact class, since a subclass may compute something else. Dropout's masks, and bfloat16, are not stacked.
    """
    if dropout or precision not in PRECISIONS:
        return None
    if type(model) is Gru:
        return GruInStack()
    if type(model) is Lstm:
        return LstmInStack()
    if type(model) is Rnn:
        return RnnInStack(nonlinearity=model.nonlinearity)
    return None
