"""What a core of torch may be: a mistake in one is met with a sentence, and an unusual one is not refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.contract import Model, Problem, Settings
from bench.models.contract_checks import model_checks
from bench.models.sizing import total_parameters
from bench.models.torch_learner.learner import TorchLearner
from bench.models.torch_learner.network import Network
from bench.models.torch_model import TorchModel
from bench.seeds import generator
from tasks.checking import perform
from tasks.contract import Split
from tasks.errors import UserError

MakeSplit = Callable[..., Split]
PROBLEM = Problem(input_size=2, output_size=1, loss="mse", sequence_length=6)
PER_STEP = replace(PROBLEM, per_step=True)
SETTINGS = Settings(hidden_size=5, num_layers=2, learning_rate=0.01)


def build(model: Model, problem: Problem = PROBLEM, settings: Settings = SETTINGS, seed: int = 0) -> TorchLearner:
    learner = model.build(problem, settings, generator("init", model.cell, seed), 0)
    assert isinstance(learner, TorchLearner)
    return learner


class ReturnsFirstState(nn.GRU):
    """Its second item is not the last state."""

    def forward(self, *arguments: Any) -> Any:  # type: ignore[override]
        outputs, _ = super().forward(*arguments)
        return outputs, outputs[:, 0].unsqueeze(0)


def test_a_class_derived_from_torch_s_may_return_anything_beside_its_outputs() -> None:
    core, inputs = ReturnsFirstState(2, 5, batch_first=True), torch.randn(3, 4, 2)
    network = Network(core, nn.Linear(5, 1), per_step=False)
    torch.testing.assert_close(network(inputs), network.head(core(inputs)[0][:, -1]), rtol=0, atol=0)


def test_a_core_of_another_shape_is_named_with_what_it_returned() -> None:
    @dataclass(frozen=True)
    class Wide(TorchModel):
        name = "wide"
        summary = "forgets the hidden size"

        def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
            return nn.Linear(input_size, hidden_size + 1)

    with pytest.raises(UserError, match=r"model wide: .*\(3, 6, 6\), expected .*\(3, 6, 5\)"):
        build(Wide())


class Careless(nn.Module):
    """A core with a mistake that shapes do not show."""

    def __init__(self, mistake: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.mistake = mistake
        self.rnn = nn.GRU(input_size, hidden_size, batch_first=mistake != "batch_first forgotten")

    def forward(self, x: Tensor) -> Tensor:
        if self.mistake == "mean over sequences":
            x = x - x.mean(dim=0, keepdim=True)
        if self.mistake == "mean over steps":
            x = x - x.mean(dim=1, keepdim=True)
        if self.mistake == "two steps ahead":
            x = x + functional.pad(x, (0, 0, 0, 2))[:, 2:]
        outputs: Tensor = self.rnn(x)[0]
        return outputs


@dataclass(frozen=True)
class Mistaken(TorchModel):
    name = "mistaken"
    summary = "a cell with a mistake"
    mistake: str = ""

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        if self.mistake == "torch's, batch_first forgotten":
            return nn.GRU(input_size, hidden_size)
        return Careless(self.mistake, input_size, hidden_size)


@pytest.mark.parametrize("problem", [PROBLEM, PER_STEP], ids=["per sequence", "per step"])
@pytest.mark.parametrize("mistake", ["batch_first forgotten", "torch's, batch_first forgotten", "mean over sequences"])
def test_a_core_that_mixes_sequences_is_refused(mistake: str, problem: Problem) -> None:
    with pytest.raises(UserError, match=r"mistaken: its core mixes sequences.*batch_first=True"):
        build(Mistaken(mistake), problem)


@pytest.mark.parametrize("mistake", ["mean over steps", "two steps ahead"])
def test_a_core_that_looks_ahead_is_refused_where_every_step_is_predicted(mistake: str) -> None:
    with pytest.raises(UserError, match="mistaken: its core looks ahead"):
        build(Mistaken(mistake), PER_STEP)
    build(Mistaken(mistake))  # a prediction for the whole sequence may see all of it


class Attention(nn.Module):
    """Causal attention: torch takes another kernel for it where no gradient is wanted."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(input_size, hidden_size)
        self.attention = nn.MultiheadAttention(hidden_size, 1, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x)
        ahead = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        outputs: Tensor = self.attention(x, x, x, attn_mask=ahead, need_weights=False)[0]
        return outputs


class Patches(nn.Module):
    """A causal convolution over five steps, which can't take shorter sequences."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.filter = nn.Conv1d(input_size, hidden_size, 5)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(self.filter(x.transpose(1, 2)), (4, 0)).transpose(1, 2)


class Noisy(nn.Module):
    """Its outputs are never the same twice."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layer = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(self.layer(x), 0.5, training=True)


@dataclass(frozen=True)
class Unusual(TorchModel):
    name = "unusual"
    summary = "a cell that is odd, and right"
    kind: str = "Attention"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        kinds = {"Attention": Attention, "Patches": Patches, "Noisy": Noisy}
        return kinds[self.kind](input_size, hidden_size)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["Attention", "Patches", "Noisy"])
def test_an_unusual_core_is_not_refused(kind: str, precision: Any, make_split: MakeSplit) -> None:
    for seed in range(5):
        learner = build(Unusual(kind), PER_STEP, replace(SETTINGS, precision=precision), seed)
    split = make_split(PER_STEP)
    batch = next(learner.batches(learner.place(split), np.arange(len(split)), len(split)))
    assert np.isfinite(learner.losses([learner.train_step(batch) for _ in range(5)])).all()


class Divided(Mistaken):
    name = "divided"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        if hidden_size % 8:
            raise ValueError("8 heads\nat 9")
        return None  # type: ignore[return-value]


def test_what_a_core_must_be_is_said_in_a_sentence() -> None:
    with pytest.raises(
        UserError, match=r"divided cannot be built with hidden size 9 and 1 layer\(s\) \(8 heads\): comparing at"
    ):
        total_parameters(Divided(), PROBLEM, 9, 1)
    with pytest.raises(UserError, match=r"divided: core\(\) returned None, expected a torch.nn.Module"):
        build(Divided(), settings=replace(SETTINGS, hidden_size=8))


def test_a_core_with_other_parameters_is_told_which_it_needs() -> None:
    class Fewer(Mistaken):
        name = "fewer"

        def core(self, input_size: int, hidden_size: int, num_layers: int) -> nn.Module:  # type: ignore[override]
            return nn.GRU(input_size, hidden_size, num_layers, batch_first=True)

    with pytest.raises(
        UserError,
        match=r"model fewer: core\(self, input_size: .*\) cannot be called .* expected core\(self, input_size, "
        r"hidden_size, num_layers, dropout\)",
    ):
        Fewer().count_parameters(PROBLEM, 8, 1)


def test_a_core_may_not_take_the_name_of_the_head() -> None:
    @dataclass(frozen=True)
    class Headed(TorchModel):
        name = "headed"
        summary = "has a head of its own"

        def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
            return nn.ModuleDict({"head": nn.Linear(input_size, hidden_size)})

    with pytest.raises(UserError, match="submodule 'head'"):
        build(Headed())


class BothWays(nn.Module):
    """Reads sequences in both directions, each from its own end: the lengths say where that is."""

    def __init__(self, input_size: int, hidden_size: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.rnn = nn.GRU(input_size, hidden_size // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None:
            return self.rnn(x)[0]  # type: ignore[no-any-return]
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=self.steps)[0]


@dataclass(frozen=True)
class Bidirectional(TorchModel):
    name = "both_ways"
    summary = "is told lengths and sequence length"

    def core(  # type: ignore[override]
        self, input_size: int, hidden_size: int, num_layers: int, dropout: float, sequence_length: int
    ) -> nn.Module:
        return BothWays(input_size, hidden_size, sequence_length)


def test_a_core_is_told_lengths_and_the_sequence_length_where_it_asks_for_them() -> None:
    rng = np.random.default_rng(0)
    split = Split(
        rng.standard_normal((6, 6, 2)).astype(np.float32),
        rng.standard_normal((6, 1)).astype(np.float32),
        lengths=np.array([1, 2, 3, 4, 5, 6]),
    )
    settings = replace(SETTINGS, hidden_size=4, num_layers=1)
    for finding in perform(model_checks(Bidirectional(), PROBLEM, split, settings), __file__):
        assert finding.verdict != "broken", finding
        if finding.verdict == "doubtful":  # and rightly: the last step's backward state has read that step alone
            assert "nothing depends on rnn.weight_hh_l0_reverse, " in finding.text
            continue
        assert finding.verdict == "kept" or re.search(
            "every|one prediction|is asked for|no field declares", finding.text
        ), finding
