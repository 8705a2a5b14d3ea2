"""Models for the trials of a search on a GPU: the networks of `gru`, `lstm` and `rnn`, trained in stacks.

A cohort on a GPU trains them in stacks. Anywhere else, and where a stack is not possible, they are the model itself:
that is what they inherit. They are no entries of the registry, as no results are made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.models.gru import Gru
from bench.models.lstm import Lstm
from bench.models.rnn import Rnn
from bench.models.search_twin import STACKED_PRECISIONS


@dataclass(frozen=True)
class GruInStack(Gru):
    name = "stacked_gru"
    summary = "gru's network, trained in a stack"
    precisions: ClassVar[tuple[str, ...]] = STACKED_PRECISIONS


@dataclass(frozen=True)
class LstmInStack(Lstm):
    name = "stacked_lstm"
    summary = "lstm's network, trained in a stack"
    precisions: ClassVar[tuple[str, ...]] = STACKED_PRECISIONS


@dataclass(frozen=True)
class RnnInStack(Rnn):
    name = "stacked_rnn"
    summary = "rnn's network, trained in a stack"
    precisions: ClassVar[tuple[str, ...]] = STACKED_PRECISIONS
