"""For all tests: one thread a process, no display, Ctrl-C as usual, and the same examples on every run."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

# before numpy, torch, CUDA or matplotlib are loaded: they read these once
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", MPLBACKEND="Agg")
os.environ.update(CUBLAS_WORKSPACE_CONFIG=":4096:2", CUDA_DEVICE_MAX_CONNECTIONS="32")  # as in bench's own processes
# On Intel's processors MKL's last bits depend on where in memory the operands lie, and tests compare to the last bit.
if Path("/proc/cpuinfo").exists() and "GenuineIntel" in Path("/proc/cpuinfo").read_text(errors="replace"):
    os.environ.setdefault("MKL_CBWR", "AVX2,STRICT")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under nohup, or behind a script's &: tests do interrupt
    signal.signal(signal.SIGINT, signal.default_int_handler)

from hypothesis import HealthCheck, settings

from bench.config.budgets import BUDGETS

# shared machines stall: a deadline would fail now and then, and for no fault of the code
settings.register_profile(
    "bench", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bench")


@pytest.fixture(autouse=True)
def _as_a_worker_computes_on_a_gpu(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that need a GPU demand the same bits again, so they compute as workers do."""
    if request.node.get_closest_marker("gpu") is None:
        yield
        return
    import torch

    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    yield
    torch.backends.cudnn.deterministic = before


@pytest.fixture(autouse=True, scope="module")
def one_process_draws() -> Iterator[None]:
    """Reports are drawn by one process, as other tests use the processors; `test_drawing.py` lets two do it."""
    drawing = sys.modules.get("bench.report.drawing")  # it takes a second to load, which most modules need not
    with pytest.MonkeyPatch.context() as patched:
        if drawing is not None:
            patched.setattr(drawing, "_may_copy", lambda: False)
        yield


@pytest.fixture
def brief_timings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs take five samples of a step, which is enough where nobody looks at how long it takes."""
    from bench.experiment import cell_orders

    brief = {name: replace(budget, timing_seconds=0.001) for name, budget in BUDGETS.items()}
    monkeypatch.setattr(cell_orders, "BUDGETS", brief)


@pytest.fixture(scope="session")
def toy_plugin() -> str:
    """The path to give as --plugin (tests/plugins/toy.py); its task and models are registered."""
    from bench.executors.worker import load_plugins

    path = str(Path(__file__).with_name("plugins") / "toy.py")
    load_plugins([path])
    return path
