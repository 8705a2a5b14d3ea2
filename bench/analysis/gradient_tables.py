"""The gradient-flow probes of an experiment as tables: how far back a loss reaches, before and after training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from bench.records.schema import Record, label

if TYPE_CHECKING:
    import pandas as pd

CASE = ["match", "task", "model", "cell", "hidden_size", "num_layers", "init", "state", "replicate", "lags"]


def flow_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a probe and lag: `CASE`, `lag`, `hidden_norm`, `cell_norm` (missing where a cell has none).

    `cell` is the model's own name, whatever its entry is called. state: "initial" or "trained". steps: how many lags.
    Of replicate 1 only, as others keep no curves.
    """
    import pandas as pd

    rows = []
    for case, flow in _probes(records):
        hidden = flow.get("hidden") or []
        cell = flow.get("cell") or [None] * len(hidden)
        rows += [
            {**case, "lag": i, "hidden_norm": h, "cell_norm": c}
            for i, (h, c) in enumerate(zip(hidden, cell, strict=True))
        ]
    table = pd.DataFrame(rows, columns=[*CASE, "lag", "hidden_norm", "cell_norm"])
    return table.astype({"hidden_norm": float, "cell_norm": float})


def factor_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a probe: `CASE`, `hidden_factor`, `cell_factor`: what a step further back multiplies the norm by."""
    import pandas as pd

    rows = [{**case, **{key: flow[key] for key in ("hidden_factor", "cell_factor")}} for case, flow in _probes(records)]
    table = pd.DataFrame(rows, columns=[*CASE, "hidden_factor", "cell_factor"])
    return table.astype({"hidden_factor": float, "cell_factor": float})


def _probes(records: Iterable[Record]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    seen = set()
    for record in records:
        model = record.get("model") or {}
        for flow in record.get("gradient_flow") or []:
            trained = flow["state"] == "trained"
            case = {
                "match": record.get("match"),
                "task": label(record.get("task")),
                # initial weights depend on the cell and the scheme, not on the entry that happened to be probed
                "model": label(model) if trained else str(model.get("name")),
                "cell": str(model.get("name")),
                **{key: model.get(key) for key in ("hidden_size", "num_layers")},
                **{key: flow[key] for key in ("init", "state")},
                "replicate": record.get("replicate"),
                "lags": flow["lags"] if "lags" in flow else flow["steps"],  # "steps" in older records
            }
            if tuple(case.values()) not in seen:
                seen.add(tuple(case.values()))
                yield case, flow
