"""What `--engine auto` changes: the same experiment with both engines, side by side.

    python tests/calibration/engine.py                  # gru on the default tasks at quick
    python tests/calibration/engine.py --models gru,lstm --tasks sine --replicates 2

For each model: in how many replicates another configuration was selected than by the model itself, what that changed in
the test loss, and the processor time (user time of all processes of a run, its start, timings and report included).
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

import bench

ROOT = Path(__file__).parents[2]
ENGINES = ("exact", "auto")
PLACE = ["task", "model", "replicate"]


def run(engine: str, folder: Path, flags: list[str]) -> tuple[pd.DataFrame, float]:
    """The trainings of an experiment, and the processor time that it took, in seconds."""
    command = [sys.executable, "-m", "bench", "run", "--device", "cpu", "--engine", engine, "--name", engine, *flags]
    # results apart, or one would use the other's trainings
    command += ["--results", str(folder / engine), "--reports", str(folder / "reports")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    quiet, environment = subprocess.DEVNULL, {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, stdout=quiet, stderr=quiet, check=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return bench.load(engine, folder / engine).trainings, seconds


def differences(exact: pd.DataFrame, auto: pd.DataFrame) -> pd.DataFrame:
    """A row a replicate: what each engine selected, and log(test loss of auto / test loss of exact)."""
    chosen = [table[table["selected"].to_numpy(bool)].set_index(PLACE) for table in (exact, auto)]
    both = chosen[0].join(chosen[1].add_suffix("_auto"), how="inner")
    ratio = (both["test_loss_auto"] / both["test_loss"]).astype(float).map(math.log)
    return both.assign(other=both["trial"] != both["trial_auto"], log_ratio=ratio).reset_index()


def report(found: pd.DataFrame) -> str:
    """A line a model."""
    lines = []
    for model, rows in found.groupby("model", sort=False):
        others = rows[rows["other"]]
        lost = math.exp(rows["log_ratio"].mean()) - 1
        lines.append(
            f"{model}: another configuration in {len(others)} of {len(rows)} replicates "
            f"({', '.join(f'{math.exp(r) - 1:+.1%}' for r in others['log_ratio']) or 'none'}), "
            f"geometric mean test loss {lost:+.2%} of the model's own selection"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"models": "gru", "tasks": "sine,regression,copy", "budget": "quick"}.items():
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--replicates", type=int, default=7)
    given = vars(parser.parse_args())
    flags = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    with tempfile.TemporaryDirectory() as folder:
        (exact, exact_seconds), (auto, auto_seconds) = (run(engine, Path(folder), flags) for engine in ENGINES)
    print(report(differences(exact, auto)))
    print(
        f"processor time: exact {exact_seconds:.0f} s, auto {auto_seconds:.0f} s, "
        f"ratio {auto_seconds / exact_seconds:.2f}"
    )
    for name, table in zip(ENGINES, (exact, auto), strict=True):
        seconds = table.groupby(["model", "stage"], sort=False)["wall_seconds"].agg(["count", "sum"])
        print(
            f"{name}: "
            + ", ".join(
                f"{m} {s} {int(r['count'])} × {r['sum'] / r['count']:.2f} s" for (m, s), r in seconds.iterrows()
            )
        )


if __name__ == "__main__":
    main()
