"""The ONNX standard's own GRU, LSTM and RNN cases, and its reference evaluator on random weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.backend.test.case.node.gru
import onnx.backend.test.case.node.lstm
import onnx.backend.test.case.node.rnn
import pytest
from onnx.backend.test.case.node import _NodeTestCases
from onnx.reference import ReferenceEvaluator

from bench.models.numpy_gru import GRULayer
from bench.models.numpy_gru_reset_before import ResetBeforeGRULayer
from bench.models.numpy_learner.stack import Stack
from bench.models.numpy_learner.weights import from_onnx, to_onnx
from bench.models.numpy_lstm import LSTMLayer
from bench.models.numpy_rnn import RNNLayer
from tasks.contract import Array

LEFT_OUT = {"test_lstm_with_peepholes": "no peepholes, as in PyTorch and cuDNN"}
CASES = {case.name: case for case in _NodeTestCases if case.model.graph.node[0].op_type in ("GRU", "LSTM", "RNN")}
GRU_CASES = ("defaults", "with_initial_bias", "seq_length", "batchwise", "reverse", "bidirectional")


def run_node(node: onnx.NodeProto, tensors: list[Array]) -> dict[str, Array]:
    """What the NumPy cells give for an ONNX node: Y, Y_h and Y_c in ONNX's layouts."""
    given = dict(zip([name for name in node.input if name], tensors, strict=True))
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    known = {"hidden_size", "direction", "layout", "linear_before_reset"}
    assert set(attributes) <= known, "an attribute that this test does not pass on"
    assert set(given) <= {"X", "W", "R", "B", "sequence_lens", "initial_h"}, "an input that this test does not pass on"
    direction: Any = attributes.get("direction", b"forward").decode()
    gru = GRULayer if attributes.get("linear_before_reset", 0) else ResetBeforeGRULayer
    layer: Any = {"GRU": gru, "LSTM": LSTMLayer, "RNN": RNNLayer}[node.op_type]
    weights = from_onnx(node.op_type.lower(), given["W"], given["R"], given.get("B"), direction=direction)
    stack = Stack(layer, weights, direction=direction)
    batchwise = attributes.get("layout", 0) == 1
    x = given["X"].transpose(1, 2, 0) if batchwise else given["X"].transpose(0, 2, 1)
    initial = None
    if "initial_h" in given:
        h = given["initial_h"].transpose(1, 2, 0) if batchwise else given["initial_h"].transpose(0, 2, 1)
        initial = np.stack([h, np.zeros_like(h)][: stack.states])
    outputs, final = stack.forward(x, initial=initial, lengths=given.get("sequence_lens"))
    by_direction = outputs.reshape(len(outputs), stack.directions, stack.hidden_size, -1)  # (T, D, H, B)
    Y = by_direction.transpose(3, 0, 1, 2) if batchwise else by_direction.transpose(0, 1, 3, 2)
    states = final.transpose(0, 3, 1, 2) if batchwise else final.transpose(0, 1, 3, 2)
    return {"Y": Y, **dict(zip(("Y_h", "Y_c"), states, strict=False))}


def test_no_case_of_the_standard_is_missing() -> None:
    assert {f"test_gru_{name}" for name in GRU_CASES} <= CASES.keys()
    assert LEFT_OUT.keys() <= CASES.keys()
    assert len(CASES) >= 14


@pytest.mark.parametrize("name", sorted(CASES.keys() - LEFT_OUT.keys()))
def test_case_of_the_standard(name: str) -> None:
    case = CASES[name]
    node = case.model.graph.node[0]
    for inputs, outputs in case.data_sets:
        ours = run_node(node, inputs)
        names = [output for output in node.output if output]
        assert len(names) == len(outputs)
        for output, expected in zip(names, outputs, strict=True):
            assert ours[output].shape == expected.shape
            np.testing.assert_allclose(ours[output], expected, rtol=1e-5, atol=1e-6, err_msg=output)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("operator", "attributes"),
    [("GRU", {"linear_before_reset": 0}), ("GRU", {"linear_before_reset": 1}), ("LSTM", {}), ("RNN", {})],
    ids=["GRU reset before", "GRU reset after", "LSTM", "RNN"],
)
def test_reference_evaluator_on_random_weights(operator: str, attributes: dict[str, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, B, I, H = rng.integers(1, 7, 4)  # noqa: E741
    rows = {"GRU": 3, "LSTM": 4, "RNN": 1}[operator] * H
    shapes = {"X": (T, B, I), "W": (1, rows, I), "R": (1, rows, H), "B": (1, 2 * rows), "initial_h": (1, B, H)}
    tensors = {name: rng.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    inputs = ["X", "W", "R", "B", "", "initial_h"]
    node = onnx.helper.make_node(operator, inputs, ["Y", "Y_h"], hidden_size=int(H), **attributes)
    Y, Y_h = ReferenceEvaluator(node).run(None, tensors)
    ours = run_node(node, list(tensors.values()))
    np.testing.assert_allclose(ours["Y"], Y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours["Y_h"], Y_h, rtol=1e-5, atol=1e-6)
    back = to_onnx(operator.lower(), from_onnx(operator.lower(), *(tensors[key] for key in "WRB")))
    for key in "WRB":
        np.testing.assert_array_equal(back[key], tensors[key])
