"""The torch cells: the same numbers as plain torch, honest kernel names, drop-in cells, no host synchronisation."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models import torch_model
from bench.models.contract import Model, Problem, Settings
from bench.models.registry import MODELS, check_model
from bench.models.torch_learner.learner import TorchLearner
from bench.models.torch_model import TorchModel
from bench.seeds import generator
from tasks.contract import Split
from tasks.errors import UserError
from tasks.registry import Registry, load_plugin_file

MakeSplit = Callable[..., Split]
CELLS = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}
PROBLEM = Problem(input_size=2, output_size=1, loss="mse", sequence_length=6)
SETTINGS = Settings(hidden_size=5, num_layers=2, learning_rate=0.01)
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def build(model: Model, problem: Problem = PROBLEM, settings: Settings = SETTINGS, seed: int = 0) -> TorchLearner:
    learner = model.build(problem, settings, generator("init", model.cell, seed), 0)
    assert isinstance(learner, TorchLearner)
    return learner


def train(learner: TorchLearner, split: Split, steps: int = 5) -> np.ndarray[Any, Any]:
    batch = next(learner.batches(learner.place(split), np.arange(len(split)), len(split)))
    return learner.losses([learner.train_step(batch) for _ in range(steps)])


@pytest.mark.parametrize("name", CELLS)
def test_training_is_that_of_plain_torch_code(name: str, make_split: MakeSplit) -> None:
    split, learner = make_split(PROBLEM), build(MODELS.create(name))
    state = {key: torch.tensor(value) for key, value in learner.state().items()}
    core = CELLS[name](2, 5, 2, batch_first=True)
    head = nn.Linear(5, 1)
    core.load_state_dict({key: value for key, value in state.items() if key[-3:-1] == "_l" and "adam" not in key})
    head.load_state_dict({"weight": state["head.weight"], "bias": state["head.bias"]})
    parameters = [*core.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    expected = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = functional.mse_loss(head(core(torch.tensor(split.inputs))[0][:, -1]), torch.tensor(split.targets))
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        expected.append(loss.item())
    np.testing.assert_allclose(train(learner, split, 20), expected, rtol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_the_last_output_and_its_gradients_are_those_of_all_outputs_to_the_bit(
    name: str, layers: int, make_split: MakeSplit
) -> None:
    learner = build(MODELS.create(name), settings=replace(SETTINGS, num_layers=layers))
    network, split = learner._network, make_split(PROBLEM)
    inputs, targets = torch.tensor(split.inputs), torch.tensor(split.targets)
    found = []
    for outputs in (network(inputs), network.head(network.core(inputs)[0][:, -1])):
        network.zero_grad()
        functional.mse_loss(outputs, targets).backward()
        found.append([outputs.detach(), *(parameter.grad for parameter in network.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_the_relu_of_an_rnn_is_used(make_split: MakeSplit) -> None:
    split = make_split(PROBLEM)
    tanh, relu = (train(build(MODELS.create(f"rnn[nonlinearity={kind}]")), split) for kind in ("tanh", "relu"))
    assert not np.allclose(tanh, relu)


def profiled_kernel(call: Callable[[], object]) -> str:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        call()
    return "onednn" if any("mkldnn_rnn" in event.key for event in profile.key_averages()) else "aten"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CELLS)
def test_kernel_is_the_one_that_the_profiler_sees(name: str, dtype: Any, make_split: MakeSplit) -> None:
    learner, split = build(MODELS.create(name), settings=replace(SETTINGS, dtype=dtype)), make_split(PROBLEM)
    placed = learner.place(split)
    assert learner.kernel == profiled_kernel(lambda: train(learner, split, 1))
    assert learner.kernel == profiled_kernel(lambda: learner.predict(placed))


def test_kernel_is_aten_where_onednn_is_switched_off(make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    learner = build(MODELS.create("lstm"))
    assert learner.kernel == profiled_kernel(lambda: train(learner, make_split(PROBLEM), 1)) == "aten"


@contextmanager
def host_reads_forbidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a host synchronisation within a training step")

    with monkeypatch.context() as patch:
        for name in ("item", "cpu", "tolist", "numpy", "__bool__", "__float__", "__int__", "nonzero"):
            patch.setattr(Tensor, name, refuse)
        yield


@pytest.mark.parametrize(
    "problem",
    [
        PROBLEM,
        Problem(4, 3, "cross_entropy", per_step=True, tokens=True, sequence_length=5),
        Problem(2, 3, "binary_cross_entropy", per_step=True, sequence_length=5),
    ],
    ids=lambda problem: problem.loss,
)
def test_a_step_reads_nothing_back(problem: Problem, make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = build(MODELS.create("gru"), problem)
    split = make_split(problem, mask=problem.per_step, lengths=not problem.per_step)
    batch = next(learner.batches(learner.place(split), np.arange(12), 12))
    with host_reads_forbidden(monkeypatch):
        losses = [learner.train_step(batch) for _ in range(3)]
        with pytest.raises(AssertionError, match="host synchronisation"):
            losses[0].item()
    assert not any(loss.requires_grad for loss in losses)
    assert np.isfinite(learner.losses(losses)).all()


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "binary_cross_entropy"])
def test_a_batch_without_a_counted_step_changes_no_gradient(loss: Any, make_split: MakeSplit) -> None:
    problem = Problem(2, 3, loss, per_step=True, sequence_length=4)
    learner, split = build(MODELS.create("gru"), problem), make_split(problem)
    before = learner.state()
    losses = train(learner, replace(split, mask=np.zeros((12, 4), dtype=bool)), 1)
    assert losses == [0.0]
    after = learner.state()
    assert all(np.array_equal(before[name], after[name]) for name in before if name != "adam.step")


def test_training_mode_survives_a_prediction(make_split: MakeSplit) -> None:
    learner, split = build(MODELS.create("gru"), settings=replace(SETTINGS, dropout=0.5)), make_split(PROBLEM)
    placed = learner.place(split)
    batch = next(learner.batches(placed, np.arange(12), 12))
    learner.learning_rate = 0.0
    learner.predict(placed)
    losses = learner.losses([learner.train_step(batch) for _ in range(4)])
    assert len(set(losses)) == 4  # dropout is on: the masks differ, nothing else does


def test_predictions_in_parts_are_those_of_the_whole(make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = build(MODELS.create("lstm"))
    placed = learner.place(make_split(PROBLEM, lengths=True))
    whole = learner.predict(placed)
    monkeypatch.setattr("bench.models.torch_learner.learner.PREDICT_ELEMENTS", 5 * 6 * 5)
    np.testing.assert_allclose(learner.predict(placed), whole, rtol=1e-5, atol=1e-7)


def test_building_seeds_torch_for_dropout_and_takes_read_only_arrays(make_split: MakeSplit) -> None:
    split = make_split(PROBLEM)
    split.inputs.flags.writeable = False
    before = torch.get_rng_state()
    build(MODELS.create("gru")).place(split)
    assert torch.equal(torch.get_rng_state(), before)  # nothing draws, so nothing is seeded
    drawing = Settings(4, 2, dropout=0.5)
    build(MODELS.create("gru"), settings=drawing)
    seeded = torch.get_rng_state()
    torch.rand(3)
    build(MODELS.create("gru"), settings=drawing, seed=1)
    assert torch.equal(torch.get_rng_state(), seeded)


def documented_example() -> str:
    document = inspect.getdoc(torch_model) or ""
    start, end = document.index('    """Try it'), document.index("The linear head")
    return textwrap.dedent(document[start:end])


def test_the_documented_example_is_a_model(tmp_path: Path, make_split: MakeSplit) -> None:
    path = tmp_path / "leaky_example.py"
    path.write_text(documented_example())
    registry: Registry[Model] = Registry("model", Model, "bench.models", check_model)  # type: ignore[type-abstract]
    assert registry.load_plugin(load_plugin_file(path)) == 1
    model = registry.create("leaky[leak=0.25]")
    assert (model.cell, model.label) == ("leaky", "leaky[leak=0.25]")
    learner = build(model)
    assert learner.parameter_count == model.count_parameters(PROBLEM, 5, 2)
    assert learner.kernel == "aten"
    losses = train(learner, make_split(PROBLEM), 40)
    assert losses[-1] < 0.9 * losses[0]
    np.testing.assert_array_equal(train(build(model), make_split(PROBLEM), 40), losses)
    assert not np.array_equal(train(build(model, seed=1), make_split(PROBLEM), 40), losses)
    with pytest.raises(UserError, match="draws its own initial weights"):
        build(model, settings=replace(SETTINGS, init="chrono"))


class HandWritten(nn.Module):
    """A GRU under torch's names, step by step."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.layers = num_layers
        for layer in range(num_layers):
            fan_in = hidden_size if layer else input_size
            for name, shape in {
                "weight_ih": (3 * hidden_size, fan_in),
                "weight_hh": (3 * hidden_size, hidden_size),
                "bias_ih": (3 * hidden_size,),
                "bias_hh": (3 * hidden_size,),
            }.items():
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.zeros(shape)))

    def forward(self, x: Tensor) -> Tensor:
        for layer in range(self.layers):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            weights = [self.get_parameter(f"{name}_l{layer}") for name in names]
            h = x.new_zeros(x.shape[0], weights[1].shape[1])
            states = []
            for t in range(x.shape[1]):
                h = torch.gru_cell(x[:, t], h, *weights)
                states.append(h)
            x = torch.stack(states, 1)
        return x


@dataclass(frozen=True)
class HandWrittenGru(TorchModel):
    name = "hand_written"
    summary = "the same cell in other code"
    cell = "gru"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        return HandWritten(input_size, hidden_size, num_layers)


@pytest.mark.parametrize("init", ["default", "orthogonal", "chrono"])
def test_another_code_for_a_known_cell_starts_from_the_same_weights(init: str, make_split: MakeSplit) -> None:
    settings = replace(SETTINGS, init=init, dtype="float64")
    one, other = build(MODELS.create("gru"), settings=settings), build(HandWrittenGru(), settings=settings)
    assert one.state().keys() == other.state().keys()
    assert all(np.array_equal(value, other.state()[name]) for name, value in one.state().items())
    np.testing.assert_allclose(train(one, make_split(PROBLEM), 20), train(other, make_split(PROBLEM), 20), rtol=1e-10)


@gpu
@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("name", CELLS)
def test_on_a_gpu_a_step_never_waits_and_follows_the_cpu(name: str, make_split: MakeSplit) -> None:
    split = make_split(PROBLEM)
    learner = build(MODELS.create(name), settings=replace(SETTINGS, device="cuda"))
    assert learner.kernel == "cudnn"
    batch = next(learner.batches(learner.place(split), np.arange(12), 12))
    collected = [learner.train_step(batch)]
    torch.cuda.set_sync_debug_mode("error")
    try:
        collected += [learner.train_step(batch) for _ in range(19)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    np.testing.assert_allclose(learner.losses(collected), train(build(MODELS.create(name)), split, 20), rtol=1e-3)
    saved = learner.state()
    restored = build(MODELS.create(name), settings=replace(SETTINGS, device="cuda"), seed=1)
    restored.load_state(saved)
    assert all(np.array_equal(value, saved[key]) for key, value in restored.state().items())
