"""Weights leave and come back as they were, in every format, and what does not fit is refused in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.models.initialisation import draw_weights
from bench.models.numpy_gru import GRULayer
from bench.models.numpy_learner.stack import Stack
from bench.models.numpy_learner.weights import from_onnx, from_torch, to_onnx, to_torch
from bench.models.numpy_lstm import LSTMLayer
from bench.models.numpy_rnn import RNNLayer
from tasks.contract import Array
from tasks.errors import UserError

LAYERS: dict[str, Any] = {"gru": GRULayer, "lstm": LSTMLayer, "rnn": RNNLayer}


def drawn(cell: str, num_layers: int = 1, directions: int = 1) -> dict[str, Array]:
    sizes = {"input_size": 3, "hidden_size": 4, "num_layers": num_layers, "output_size": 1, "sequence_length": 5}
    weights = draw_weights("default", cell, **sizes, directions=directions, rng=np.random.default_rng(0))
    return {name: value for name, value in weights.items() if not name.startswith("head")}


def predictions(cell: str, weights: dict[str, Array], **options: Any) -> Array:
    x = np.random.default_rng(1).normal(size=(5, 3, 2)).astype(next(iter(weights.values())).dtype)
    return Stack(LAYERS[cell], weights, **options).forward(x)[0].copy()


@pytest.mark.parametrize("cell", LAYERS)
def test_through_torch_and_back_and_a_save_to_disk(cell: str, tmp_path: Path) -> None:
    weights = drawn(cell, num_layers=2, directions=2)
    module = getattr(torch.nn, cell.upper())(3, 4, 2, bidirectional=True, dtype=torch.float64)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in to_torch(weights).items()})
    torch.save({f"encoder.{k}": v for k, v in module.state_dict().items()} | {"x": torch.ones(1)}, tmp_path / "w.pt")
    back = from_torch(torch.load(tmp_path / "w.pt"), prefix="encoder.")
    np.savez(tmp_path / "w.npz", **back)
    with np.load(tmp_path / "w.npz") as archive:
        loaded = dict(archive)
    assert loaded.keys() == weights.keys()
    before, after = (predictions(cell, w, direction="bidirectional") for w in (weights, loaded))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("cell", LAYERS)
def test_through_onnx_and_back(cell: str, direction: Any) -> None:
    weights = drawn(cell, directions=2)
    if direction != "bidirectional":
        suffix = "" if direction == "forward" else "_reverse"
        weights = {k: v for k, v in weights.items() if k.endswith("_reverse") == bool(suffix)}
    tensors = to_onnx(cell, weights, direction=direction)
    back = from_onnx(cell, **tensors, direction=direction)
    assert back.keys() == weights.keys()
    np.testing.assert_array_equal(
        predictions(cell, weights, direction=direction), predictions(cell, back, direction=direction)
    )


def test_layers_of_onnx_nodes_join_into_one_stack() -> None:
    weights = drawn("gru", num_layers=2)
    nodes = [to_onnx("gru", weights, layer=k) for k in range(2)]
    joined = from_onnx("gru", **nodes[0]) | from_onnx("gru", **nodes[1], layer=1)
    np.testing.assert_array_equal(predictions("gru", weights), predictions("gru", joined))


def test_onnx_without_b_has_no_biases() -> None:
    tensors = to_onnx("gru", drawn("gru"))
    weights = from_onnx("gru", tensors["W"], tensors["R"])
    assert not weights["bias_ih_l0"].any()
    assert not weights["bias_hh_l0"].any()


def test_torch_cells_without_biases_have_zero_ones() -> None:
    module = torch.nn.LSTM(3, 4, bias=False, dtype=torch.float64)
    x = np.random.default_rng(1).normal(size=(5, 3, 2))
    expected = module(torch.tensor(x.transpose(0, 2, 1)))[0].detach().numpy()
    outputs = predictions("lstm", from_torch(module.state_dict()))
    np.testing.assert_allclose(outputs.transpose(0, 2, 1), expected, rtol=1e-12, atol=1e-14)


def test_what_is_imported_is_a_copy() -> None:
    module = torch.nn.RNN(3, 4)
    from_torch(module.state_dict())["weight_hh_l0"][...] = 7
    assert not (module.weight_hh_l0 == 7).any()


def test_what_does_not_fit_is_refused() -> None:
    gru = to_onnx("gru", drawn("gru"))
    with pytest.raises(ValueError, match=r"W of a bidirectional gru must have shape \(2, 12, 3\), not \(1, 12, 3\)"):
        from_onnx("gru", **gru, direction="bidirectional")
    with pytest.raises(ValueError, match=r"W of a forward lstm must have shape \(1, 16, 3\), not \(1, 12, 3\)"):
        from_onnx("lstm", **gru)
    with pytest.raises(UserError, match="unknown cell 'gur': did you mean 'gru'"):
        to_onnx("gur", drawn("gru"))
    with pytest.raises(ValueError, match=r"expected names such as rnn\.weight_hh_l0, not weight_ih_l0"):
        from_torch(drawn("gru"), prefix="rnn.")
    projected = torch.nn.LSTM(3, 4, proj_size=2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"unknown: .*weight_hr_l0"):
        Stack(LSTMLayer, from_torch(projected.state_dict()))


def test_no_numpy_cell_imports_torch_or_onnx() -> None:
    code = (
        "import sys, bench.models.numpy_gru, bench.models.numpy_lstm, bench.models.numpy_rnn, "
        "bench.models.numpy_learner.weights; sys.exit(', '.join({'torch', 'onnx', 'scipy'} & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
