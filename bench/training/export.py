"""Take a kept model along without bench: a plain PyTorch script, its weights, and ONNX."""

from __future__ import annotations

import importlib.util
import io
import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2
import numpy as np

from bench.models.contract import Settings, weights_of
from bench.records.atomic import write_bytes_atomically
from bench.training.checkpoint import LoadedModel
from bench.training.checkpoint_file import typed
from bench.training.exported_reading import reading_of, require_readable
from bench.training.forecast import table_columns
from bench.training.paths import Horizons
from bench.training.validation_rows import unpack
from tasks.contract import Columns
from tasks.errors import UserError, listed
from tasks.new_rows import NewRows, read_new_rows

EXACT = 1e-6  # in standard units, or relative where the model forecasts changes or logarithms
SCRIPT, WEIGHTS, ONNX = "model.py", "weights.pt", "model.onnx"
_WIDTH = 110  # of a list in the script, before it is broken
# the models that are a layer of PyTorch, or have its weights and compute the same
_LAYERS = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN", "numpy_gru": "GRU", "numpy_lstm": "LSTM", "numpy_rnn": "RNN"}


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
    require_readable(table_columns(model))
    new = read_new_rows(table, table_columns(model), model.path)
    files = {
        SCRIPT: script(model, new, experiment=experiment, train_rows=train_rows).encode(errors="replace"),
        WEIGHTS: _weights(model, table_columns(model)),
    }
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as there:
        for name, content in files.items():
            Path(there, name).write_bytes(content)
        plain = _loaded_script(Path(there, SCRIPT))
        _check(plain, model, table, new)
        if importlib.util.find_spec("onnx") is None:
            notes.append(f"no {ONNX}: the package onnx is not installed (pip install 'bench[onnx]')")
        else:
            files[ONNX] = _onnx(plain, table_columns(model))
    for name, content in files.items():
        write_bytes_atomically(folder / name, content)
    return Exported(tuple(folder / name for name in files), tuple(notes))


def _check(plain: ModuleType, model: LoadedModel, table: str, new: NewRows) -> None:
    """UserError where the script's forecasts are not bench's own, as for a table to which rows are added."""
    columns = new.columns
    shape = Horizons.of(columns).targets, -1
    last = replace(new, inputs=new.inputs[-1:], made_at=new.made_at[-1:])
    expected = last.in_units(model(last.inputs)).reshape(shape).T  # (horizons, targets)
    try:
        found = plain.forecast(*plain.read(table))
    except Exception as error:  # pandas refuses what bench reads in more ways than can be named
        why = f"{type(error).__name__}: {error}"
        raise UserError(f"a short script with pandas cannot read {table} ({why}): use predict") from error
    scale = np.array(columns.output_scale or [1.0] * len(columns.outputs)).reshape(shape).T
    if columns.transform != "none":
        scale = np.abs(expected)
    if not (np.abs(found - expected) <= EXACT * scale).all():
        raise UserError(
            f"a short script does not forecast what bench does after {table}: it adds no rows that the time lacks (as "
            "--fill forward does), and takes infinite values as they are; use predict"
        )


def script(model: LoadedModel, new: NewRows, *, experiment: str, train_rows: int) -> str:
    """The script as text: it reads the file, and trains and forecasts with the model's layer and configuration.

    new: the rows of a table for the model.

    The checkpoint may be anybody's, and the script is run: from its description only numbers and quoted text get there.
    """
    columns, about = table_columns(model), model.about
    name, layer = str(about["model"]["name"]), _LAYERS.get(str(about["model"]["name"]))
    if layer is None:
        raise UserError(f"model {name} is no layer of PyTorch: export takes {listed(_LAYERS)}; give one with --model")
    rows = unpack(about.get("validation"), columns.window, len(columns.inputs), len(columns.outputs))
    horizons, settings = Horizons.of(columns), typed(Settings, about["settings"])
    nonlinearity = about["model"]["parameters"].get("nonlinearity", "tanh")
    more = f', nonlinearity="{nonlinearity}"' if nonlinearity != "tanh" else ""
    more += f", dropout={settings.dropout}" if settings.dropout and settings.num_layers > 1 else ""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(Path(__file__).with_name("plain_model.py.jinja").read_text(encoding="utf-8"))
    text: str = template.render(
        experiment=_quotable(experiment),
        model=_quotable(str(about["model"].get("label", name))),
        cell=layer,
        more=more,
        inputs=list(columns.inputs),
        outputs=len(columns.outputs),
        targets=horizons.targets,
        window=columns.window,
        horizons=list(horizons.ahead),
        transform=columns.transform,
        units="in the file's units" if columns.transform == "none" else f"with the targets' {columns.transform}",
        train_rows=train_rows,
        valid_windows=len(rows.targets) if rows else 1,
        assigned=_assigned,
        **reading_of(columns, new),
        **{name: getattr(settings, name) for name in ("hidden_size", "num_layers")},
        **{name: getattr(settings, name) for name in ("learning_rate", "weight_decay", "clip_norm")},
        **{name: _count(model, name) for name in ("batch_size", "steps")},
    )
    return text


def _assigned(name: str, values: Sequence[Any] | Mapping[str, Any], brackets: str = "[]") -> str:
    """A list or dict under a name, on several lines where it is long."""
    pairs = values.items() if isinstance(values, Mapping) else ()
    items = [f"{key!r}: {value!r}" for key, value in pairs] or [repr(value) for value in values]
    line = f"{name} = {brackets[0]}{', '.join(items)}{brackets[1]}"
    if len(line) <= _WIDTH:
        return line
    lines = [""]
    for item in items:
        lines += [""] if lines[-1] and len(lines[-1]) + len(item) > _WIDTH else []
        lines[-1] += f"{item}, "
    inner = "".join(f"    {each.rstrip()}\n" for each in lines)
    return f"{name} = {brackets[0]}\n{inner}{brackets[1]}"


def _quotable(text: str) -> str:
    """Text as it can stand between the quotes of a Python string: escapes of JSON are escapes of Python."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _count(model: LoadedModel, name: str) -> int:
    """A number of the training that a checkpoint describes; UserError where it is none."""
    training = model.about.get("training")
    value = training.get(name) if isinstance(training, Mapping) else None
    if type(value) is not int or value < 1:
        raise UserError(f"{model.path} is a damaged checkpoint: its {name} is {value!r}: train the model again")
    return value


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


def _loaded_script(path: Path) -> ModuleType:
    """The script that was just written, as a module: what is exported to ONNX is what it computes."""
    spec = importlib.util.spec_from_file_location("bench_exported_model", path)
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
