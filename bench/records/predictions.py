"""What a confirmed training predicted on its test data: kept beside the records, for the pictures of the report.

`results/NAME/predictions/KEY.npz`, one a training, small (`LARGEST` values at most), without pickle, written and read
with NumPy alone. Of a series also one for the references of each replicate, with the times of the predicted rows.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasks.contract import Array, Reference, Split, Task

FOLDER = "predictions"
LARGEST = 20_000  # values kept of a training's predictions: the first sequences, as many as fit


@dataclass(frozen=True)
class LayerSize:
    """One layer of a network, as its parameters say. `shapes`: those of the parameters, by name."""

    name: str
    inputs: int
    outputs: int
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def parameters(self) -> int:
        return int(sum(np.prod(shape) for shape in self.shapes.values()))


@dataclass(frozen=True, eq=False)
class Predictions:
    """outputs, targets: `(n, O)`, or `(n, T, O)` per step, in the columns' own units where the task has columns;
    for classes both are `(n,)` or `(n, T)` integers. A target that was not measured is NaN. mask: `(n, T)` bool or
    None. names: of the O outputs.
    layers: the network, input to head; empty where the layout of its weights is not known. steps: T of a sequence.
    """

    outputs: Array
    targets: Array
    mask: Array | None
    names: tuple[str, ...]
    classes: bool
    steps: int
    layers: tuple[LayerSize, ...]


def pack(task: Task, split: Split, outputs: Array, weights: Mapping[str, Array], cell: str) -> bytes:
    """The file's content. outputs: raw, for `split`; weights: the learner's; cell: the name of its recurrent layers."""
    classes, targets = task.loss == "cross_entropy", split.targets
    if classes:
        outputs = outputs.argmax(axis=-1)
    else:
        outputs, targets = task.in_units(outputs, split), _in_units(task, split)
    count = max(1, LARGEST // int(np.prod(targets.shape[1:], dtype=np.int64)))
    about = {
        "names": list(task.columns.outputs) if task.columns else [f"output {i + 1}" for i in range(task.output_size)],
        "classes": classes,
        "steps": int(split.inputs.shape[1]),
        "layers": layers(weights, cell, task.input_size),
    }
    arrays = {
        "outputs": outputs[:count].astype(np.int32 if classes else np.float32),
        "targets": targets[:count].astype(np.int32 if classes else np.float32),
        "about": np.array(json.dumps(about)),
    }
    if split.mask is not None:
        arrays["mask"] = split.mask[:count]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


@dataclass(frozen=True, eq=False)
class ReferencePredictions:
    """What predictors without a recurrent net say of the test data of one replicate, in order of time.

    outputs: `(n, O)` of each by name; targets: `(n, O)`, NaN where none was measured; both in the columns' own units,
    in the rows of the models' predictions. times: n texts, of the column `time_name` or, where that is "row", numbers
    of rows; columns: those of the O columns that are predicted for these times.
    """

    outputs: Mapping[str, Array]
    targets: Array
    time_name: str
    times: tuple[str, ...]
    columns: tuple[int, ...]


def pack_references(task: Task, split: Split, references: Sequence[Reference]) -> bytes | None:
    """The content of the file of a replicate's references; None for a task whose test data are in no order of time.

    task: at the replicate's origin; split: its test data.
    """
    times, kept = task.forecast_times, [reference for reference in references if reference.outputs is not None]
    if times is None or not kept or split.targets.ndim != 2:
        return None
    count = max(1, LARGEST // split.targets.shape[1])  # as of the models
    arrays = [_in_units(task, split), *(task.in_units(np.asarray(reference.outputs), split) for reference in kept)]
    arrays = [values[:count].astype(np.float32) for values in arrays]
    about: dict[str, Any] = {"names": [r.name for r in kept], "time_name": times.name, "times": times.texts[:count]}
    about["columns"] = times.outputs
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, allow_pickle=False, targets=arrays[0], outputs=np.stack(arrays[1:]), about=np.array(json.dumps(about))
    )
    return buffer.getvalue()


def load_references(results_folder: Path, key: str) -> ReferencePredictions | None:
    """What the references with this key predicted; None where nothing, or nothing readable, was kept."""
    try:
        with (results_folder / FOLDER / f"{key}.npz").open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            about: dict[str, Any] = json.loads(str(file["about"]))
            outputs = dict(zip(map(str, about["names"]), file["outputs"], strict=True))
            times, columns = tuple(about["times"]), tuple(map(int, about["columns"]))
            return ReferencePredictions(outputs, file["targets"], str(about["time_name"]), times, columns)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def load_predictions(results_folder: Path, key: str) -> Predictions | None:
    """What the training with this key predicted; None where nothing, or nothing readable, was kept."""
    try:
        with (results_folder / FOLDER / f"{key}.npz").open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            about: dict[str, Any] = json.loads(str(file["about"]))
            mask = file["mask"] if "mask" in file.files else None
            found = tuple(
                LayerSize(layer["name"], layer["inputs"], layer["outputs"], _shapes(layer["shapes"]))
                for layer in about["layers"]
            )
            values = (file["outputs"], file["targets"], mask, tuple(about["names"]), about["classes"], about["steps"])
            return Predictions(*values, found)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def layers(weights: Mapping[str, Array], cell: str, input_size: int) -> list[dict[str, Any]]:
    """The layers of a network from its own parameters, input to head: name, inputs, outputs, shapes of parameters.

    Empty for weights that are not laid out as torch's: there is no `head.weight` of two dimensions.
    """
    if np.ndim(weights.get("head.weight", 0.0)) != 2:
        return []
    groups: dict[str, dict[str, Sequence[int]]] = {}
    for name, value in weights.items():
        if name.startswith("fit."):  # sums that a fit has made: no weights
            continue
        number = re.search(r"_l(\d+)(_reverse)?$", name)
        where = "head" if name.startswith("head.") else f"{cell} {int(number[1]) + 1}" if number else cell
        groups.setdefault(where, {})[name] = list(value.shape)
    found, inputs = [], input_size
    for name, shapes in groups.items():
        # a head's weight is (outputs, inputs); a recurrent matrix is (gates·H, H)
        recurrent = next(
            (shape for key, shape in shapes.items() if key.startswith("weight_hh") and len(shape) == 2), None
        )
        weight = shapes.get("head.weight")
        outputs = weight[0] if weight else recurrent[1] if recurrent else weights["head.weight"].shape[1]
        found.append({"name": name, "inputs": int(inputs), "outputs": int(outputs), "shapes": shapes})
        inputs = outputs
    return found


def _in_units(task: Task, split: Split) -> Array:
    """A split's targets in the columns' own units; NaN where none was measured."""
    targets = task.in_units(split.targets, split)
    return targets if split.measured is None else np.where(split.measured, targets, np.nan)


def _shapes(shapes: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(shape) for name, shape in shapes.items()}
