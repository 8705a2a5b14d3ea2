"""GRU, LSTM or plain RNN? Evidence that survives a reviewer.

In a notebook:

    import bench

    found = bench.compare(frame, target="load", time="time", models=["gru", "lstm"])  # a DataFrame of your own
    found.best.predict(frame, steps=24)        # the next rows, with an interval

    experiment = bench.resolve({"models": "gru,lstm", "budget": "smoke"})
    bench.run(experiment)                      # trains, and writes results/NAME/records.jsonl
    tables = bench.load(experiment.name)       # the same tables as the CSV files, as DataFrames

Names are imported on first use: `import bench` loads neither torch nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.analysis.results import load as load
    from bench.config.files import read_config as read_config
    from bench.config.files import read_recipe as read_recipe
    from bench.config.resolve import resolve as resolve
    from bench.experiment.run import run as run
    from bench.notebook import compare as compare
    from bench.training.checkpoint import load_model as load_model
    from tasks.errors import UserError as UserError

__version__ = "0.1.0"

_HOMES = {
    "UserError": "tasks.errors",
    "compare": "bench.notebook",
    "load": "bench.analysis.results",
    "load_model": "bench.training.checkpoint",
    "read_config": "bench.config.files",
    "read_recipe": "bench.config.files",
    "resolve": "bench.config.resolve",
    "run": "bench.experiment.run",
}
__all__ = ["UserError", "__version__", "compare", "load", "load_model", "read_config", "read_recipe", "resolve", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
