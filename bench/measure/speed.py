"""How slow a machine's cores are, beside those on which the costs of trainings were measured."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from bench.models.numpy_gru import GRULayer
from bench.models.numpy_learner.stack import Stack

SEQUENCES, STEPS, INPUTS, HIDDEN = 64, 10, 3, 50
PASS_SECONDS = (
    0.46e-3  # forward and backward of these sizes on a core of an AMD EPYC, the median in docs/numpy_cells.md
)
LOOK_SECONDS = 0.1


def slowness(clock: Callable[[], float] = time.perf_counter) -> float:
    """The median of the passes of a NumPy GRU in a tenth of a second, one at least, as a multiple of `PASS_SECONDS`.

    BLAS has one thread, as in a worker.
    """
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": INPUTS, "weight_hh_l0": HIDDEN, "bias_ih_l0": None, "bias_hh_l0": None}
    weights = {name: rng.random((3 * HIDDEN, *([n] if n else []))).astype(np.float32) for name, n in shapes.items()}
    gru = Stack(GRULayer, {name: weight / HIDDEN for name, weight in weights.items()})
    inputs = rng.standard_normal((STEPS, INPUTS, SEQUENCES)).astype(np.float32)
    d_outputs = np.ones((STEPS, HIDDEN, SEQUENCES), dtype=np.float32)
    times = [clock()]
    with threadpool_limits(1, user_api="blas"):
        while len(times) < 2 or times[-1] - times[0] < LOOK_SECONDS:
            gru.forward(inputs, training=True)
            gru.backward(d_outputs)
            times.append(clock())
    return float(np.median(np.diff(times))) / PASS_SECONDS
