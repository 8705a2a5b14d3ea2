"""Forecasts of a series beside what came: every model's and reference's, over the stretch that was tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.analysis.results import Results
from bench.analysis.selected import selected_rows
from bench.records.predictions import load_predictions, load_references
from bench.records.schema import label

Array = NDArray[np.float64]
REPLICATES = 20  # of which predictions are read: each of them is a file a model


@dataclass(frozen=True, eq=False)
class Forecasts:
    """One column of a series, in its own units, over n predicted rows in order of time.

    times: n texts of the column `time_name`, or numbers of rows where that is "row"; () where nothing recorded them.
    truth: `(n,)`. models: of each model `(n, 3)`, the lowest, the median and the highest prediction of the replicates
    that were tested on the row; references: `(n,)`. NaN where there is none.
    """

    name: str
    time_name: str
    times: tuple[str, ...]
    truth: Array
    models: Mapping[str, Array]
    references: Mapping[str, Array]


def forecasts(results: Results, match: str, task: str) -> tuple[Forecasts, ...]:
    """One for each column that a series' task predicts; () for other tasks, and where no predictions were kept."""
    if results.folder is None:
        return ()
    kept, rows = results.training_records, selected_rows(results, match, task)
    rows = rows[(rows["status"] == "ok") & rows["block"].notna() & (rows["replicate"] <= REPLICATES)]
    found: dict[int, _Block] = {}
    for place, row in zip(rows.index, rows.to_dict("records"), strict=True):
        predictions = load_predictions(results.folder, str(kept[int(place)].get("key")))
        if predictions is None or predictions.classes or predictions.targets.ndim != 2:
            continue
        block = found.setdefault(int(row["block"]), _Block(predictions.names, predictions.targets.astype(float), {}))
        if predictions.outputs.shape == block.truth.shape:
            block.models.setdefault(row["model"], []).append(predictions.outputs.astype(float))
    keys = _reference_keys(results, task)
    blocks = [(found[number], keys.get(number, "")) for number in sorted(found)]
    return _joined(results, blocks) if blocks else ()


@dataclass(frozen=True, eq=False)
class _Block:
    """What was predicted of one stretch: truth `(n, O)`, and a model's predictions `(n, O)` in each replicate."""

    names: tuple[str, ...]
    truth: Array
    models: dict[str, list[Array]]


def _reference_keys(results: Results, task: str) -> dict[int, str]:
    """For each block the key of the references that were scored on it."""
    found: dict[int, str] = {}
    for record in results.records:
        origin = record.get("origin") or {}
        if record["stage"] == "reference" and label(record.get("task")) == task and origin.get("block") is not None:
            found.setdefault(int(origin["block"]), str(record.get("key")))
    return found


def _joined(results: Results, blocks: list[tuple[_Block, str]]) -> tuple[Forecasts, ...]:
    assert results.folder is not None
    references = [load_references(results.folder, key) for _, key in blocks]
    fits = [r is not None and r.targets.shape == b.truth.shape for r, (b, _) in zip(references, blocks, strict=True)]
    names = blocks[0][0].names
    models = [model for model in results.models if any(model in block.models for block, _ in blocks)]
    fitting = [r for r, fit in zip(references, fits, strict=True) if r and fit]
    others = list(dict.fromkeys(name for r in fitting for name in r.outputs))
    times: list[str] = []
    for r in references if all(fits) else ():
        times += r.times if r else ()

    def of_model(model: str, block: _Block, column: int) -> Array:
        runs = block.models.get(model)
        if not runs:
            return np.full((len(block.truth), 3), np.nan)
        values = np.stack([run[:, column] for run in runs])
        return np.stack([values.min(axis=0), np.median(values, axis=0), values.max(axis=0)], axis=1)

    def of_reference(name: str, place: int, column: int) -> Array:
        found = references[place]
        if found is None or not fits[place] or name not in found.outputs:
            return np.full(len(blocks[place][0].truth), np.nan)
        return np.asarray(found.outputs[name][:, column], dtype=np.float64)

    return tuple(
        Forecasts(
            name,
            next((r.time_name for r in references if r), "row"),
            tuple(times),
            np.concatenate([block.truth[:, column] for block, _ in blocks]),
            {model: np.concatenate([of_model(model, block, column) for block, _ in blocks]) for model in models},
            {other: np.concatenate([of_reference(other, i, column) for i in range(len(blocks))]) for other in others},
        )
        for column, name in enumerate(names)
        if not fitting or column in fitting[0].columns
    )
