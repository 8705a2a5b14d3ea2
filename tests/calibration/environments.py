"""Train a baseline's first replicates in a simulated environment, and write them as tables of a baseline.

    python tests/calibration/environments.py results/baseline NAME OUT    # one of ENVIRONMENTS, in its own process

NAME selects the instructions, threads and kernels that torch and OpenBLAS may use, so that rounding differs as it does
between machines. `gate.py` resamples checks from these trainings.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

# variables that must be set before torch is imported; "threads" and "onednn" are set through its interface
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "as recorded": {},
    "once more": {},
    "2 threads": {"threads": "2"},
    "ATEN_CPU_CAPABILITY=default": {"ATEN_CPU_CAPABILITY": "default"},
    "ATEN_CPU_CAPABILITY=avx2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "ATEN_CPU_CAPABILITY=avx512": {"ATEN_CPU_CAPABILITY": "avx512"},
    "oneDNN off": {"onednn": "off"},
    "default instructions, oneDNN off": {"ATEN_CPU_CAPABILITY": "default", "onednn": "off"},
    "avx2, 2 threads": {"ATEN_CPU_CAPABILITY": "avx2", "threads": "2"},
    "OpenBLAS for Haswell": {"OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2"},
}


def set_up(name: str) -> None:
    """Configure this process as the environment."""
    wanted = ENVIRONMENTS[name]
    os.environ.update({key: value for key, value in wanted.items() if key.isupper()})
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = wanted.get("threads", "1")
    import torch

    from bench.executors import inline

    def use_threads() -> None:
        torch.set_num_threads(int(wanted.get("threads", "1")))

    inline.use_one_thread = use_threads  # type: ignore[attr-defined]
    if wanted.get("onednn") == "off":
        torch.backends.mkldnn.enabled = False  # type: ignore[assignment]


def main() -> None:
    folder, name, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    set_up(name)

    from bench.executors.inline import InlineExecutor
    from bench.experiment.observer import Observer
    from bench.gate.baseline_files import read_baseline
    from bench.gate.check import check
    from bench.gate.formats import write
    from bench.gate.this_code.check_code import experiment_of
    from bench.gate.this_code.session import Session

    sys.path.insert(0, str(Path(__file__).parent))
    from trained import Trained, as_json

    trainings: Trained = {}
    baseline = read_baseline(folder)
    seen: dict[str, Any] = {"environment": name}
    with tempfile.TemporaryDirectory() as results, contextlib.ExitStack() as stack:
        experiment = experiment_of(baseline, {"results": results, "device": "cpu"}, folder=str(folder))
        session = stack.enter_context(Session(experiment, Observer(), InlineExecutor()))
        original = session.train

        def train(cells: Any, numbers: Any) -> Any:
            found = original(cells, numbers)
            for cell, replicates in found.items():
                trainings.setdefault(cell, {}).update(replicates)
            return found

        session.train = train  # type: ignore[method-assign]
        outcome = check(baseline, session, folder=str(folder))
        seen["outcome"] = json.loads(write(outcome, "json"))
        seen["same_environment"] = session.fingerprint == baseline.fingerprint
    out.write_text(json.dumps(seen | as_json(trainings)), encoding="utf-8")


if __name__ == "__main__":
    main()
