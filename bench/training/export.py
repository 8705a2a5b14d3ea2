"""Take a kept model along without bench: a plain PyTorch script, its weights, and ONNX."""

from __future__ import annotations

import importlib.util
import io
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from bench.models.contract import weights_of
from bench.records.atomic import write_bytes_atomically
from bench.training.checkpoint import LoadedModel
from bench.training.exported_script import require_exportable, script
from bench.training.forecast import table_columns
from bench.training.paths import Horizons
from tasks.contract import Array, Columns
from tasks.errors import UserError
from tasks.new_rows import NewRows, read_new_rows

EXACT = 1e-6  # in standard units, or relative where the model forecasts changes or logarithms
SCRIPT, WEIGHTS, ONNX = "model.py", "weights.pt", "model.onnx"


@dataclass(frozen=True)
class Exported:
    """The files that were written, and what was left out, in a sentence each."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def export(model: LoadedModel, folder: Path, *, experiment: str, train_rows: int, table: str) -> Exported:
    """Write the script, the weights and, where the package onnx is installed, `model.onnx` into a folder.

    train_rows: rows with which the training ended. table: a file that the model reads, with which the script is checked
    against bench before anything is written. UserError for a model that is no GRU, LSTM or plain RNN of PyTorch, and
    for a table that is read in a way that a short script cannot show.
    """
    notes: list[str] = []
    files = script_and_weights(model, experiment=experiment, train_rows=train_rows, table=table)
    if importlib.util.find_spec("onnx") is None:
        notes.append(f"no {ONNX}: the package onnx is not installed (pip install 'bench[onnx]')")
    else:
        with tempfile.TemporaryDirectory() as there:
            files[ONNX] = _onnx(_written(files, Path(there)), table_columns(model))
    for name, content in files.items():
        write_bytes_atomically(folder / name, content)
    return Exported(tuple(folder / name for name in files), tuple(notes))


def script_and_weights(model: LoadedModel, *, experiment: str, train_rows: int, table: str) -> dict[str, bytes]:
    """The content of both files, with which a table is forecast as by bench. Parameters and errors: as of `export`."""
    require_exportable(model)
    columns = table_columns(model)
    new = read_new_rows(table, columns, model.path)
    text = script(model, table, new, experiment=experiment, train_rows=train_rows)
    files = {SCRIPT: text.encode(errors="replace"), WEIGHTS: _weights(model, columns)}
    with tempfile.TemporaryDirectory() as there:
        _check(_written(files, Path(there)), model, table, new)
    return files


def _check(plain: ModuleType, model: LoadedModel, table: str, new: NewRows) -> None:
    """UserError where the script does not read a table or forecast as bench does: pandas has rules of its own."""
    try:
        values, levels, *measured = plain.read(table)  # the last with --fill alone
        found = plain.forecast(values, levels, *measured)
    except Exception as error:  # pandas refuses what bench reads in more ways than can be named
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"a short script with pandas cannot read {table} ({why}): use predict") from error
    rows = np.concatenate([new.inputs[0], new.inputs[1:, -1]])
    if (other := _difference(values, rows)) is not None:
        raise UserError(f"a short script with pandas reads {table} otherwise than bench does ({other}): use predict")
    columns = new.columns
    shape = Horizons.of(columns).targets, -1
    last = replace(new, inputs=new.inputs[-1:], made_at=new.made_at[-1:])
    expected = last.in_units(model(last.inputs)).reshape(shape).T  # (horizons, targets)
    scale = np.array(columns.output_scale or [1.0] * len(columns.outputs)).reshape(shape).T
    if columns.transform != "none":
        scale = np.abs(expected)
    if not (np.abs(found - expected) <= EXACT * scale).all():
        raise UserError(f"a short script does not forecast what bench does after {table}: use predict")


def _difference(found: Array, rows: Array) -> str | None:
    """Where the rows of the script begin to differ from bench's `(rows, inputs)`; None where they do not."""
    if len(found) < len(rows):
        return f"{len(found):,} rows, not {len(rows):,}"
    differs = ~(np.abs(found[: len(rows)] - rows) <= EXACT * np.abs(rows).max(axis=0)).all(axis=1)
    return f"from row {int(np.flatnonzero(differs)[0]) + 1:,} of its inputs on" if differs.any() else None


def _weights(model: LoadedModel, columns: Columns) -> bytes:
    """The weights and the scales of inputs and outputs, by the names that the script's model has."""
    import torch

    state = weights_of(model.learner.state())
    named = {name if name.startswith("head.") else f"core.{name}": torch.from_numpy(v) for name, v in state.items()}
    for name, count in (("input", len(columns.inputs)), ("output", len(columns.outputs))):
        mean, scale = (
            getattr(columns, f"{name}_mean") or [0.0] * count,
            getattr(columns, f"{name}_scale") or [1.0] * count,
        )
        named |= {f"{name}_mean": torch.tensor(mean, dtype=torch.float64)}
        named |= {f"{name}_scale": torch.tensor(scale, dtype=torch.float64)}
    buffer = io.BytesIO()
    torch.save(named, buffer)
    return buffer.getvalue()


def _written(files: Mapping[str, bytes], folder: Path) -> ModuleType:
    """The script as a module, from a folder with all files: what is exported to ONNX is what it computes."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    spec = importlib.util.spec_from_file_location("bench_exported_model", folder / SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _onnx(plain: ModuleType, columns: Columns) -> bytes:
    """The script's model with its weights: `windows` (n, window, inputs) to `forecasts` (n, outputs), both float64."""
    import torch

    model = plain.Model()
    windows = torch.from_numpy(np.tile(np.array(columns.input_mean), (1, columns.window, 1)))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # the newer exporter needs onnxscript; the layers are given a zero state, so any batch size is right
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (windows,),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            input_names=["windows"],
            output_names=["forecasts"],
            dynamic_axes={"windows": {0: "n"}, "forecasts": {0: "n"}},
        )
    return buffer.getvalue()
