"""Checkpoints: write a trained model to a file and load it again, without unpickling.

`results/NAME/models/KEY.pt` (torch; plain tensors and containers, so `torch.load(weights_only=True)` reads it) or
`KEY.npz` (NumPy models; no pickle). Both contain the weights and Adam's state at the lowest validation loss (to which
the test scores belong), the losses, the configuration, and the scaling of a table.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.models.contract import Learner, Problem, Settings
from bench.models.registry import MODELS
from bench.records.schema import Record
from bench.training.request import Training, describe_entry
from tasks.contract import Array, Columns, Split
from tasks.errors import UserError
from tasks.registry import load_plugin_file
from tasks.spec import Spec

FOLDER = "models"
FORMAT = 1
HARMLESS = 1024  # a size that needs little memory
_STATE = "state/"  # before the names of arrays in an .npz


def pack(training: Training, learner: Learner, problem: Problem, record: Record) -> tuple[str, bytes]:
    """Return the file's name within the results folder and its content.

    learner: with the weights whose test score is recorded.
    """
    about = {
        "format": FORMAT,
        "key": record["key"],
        "task": describe_entry(training.task),
        "model": describe_entry(training.model),
        "problem": asdict(problem),
        "settings": asdict(training.settings),
        "training": record["training"],
        "replicate": training.replicate,
        "columns": asdict(training.task.columns) if training.task.columns else None,
        "curve": record["curve"],
        "test": record["test"],
    }
    buffer = io.BytesIO()
    if learner.kernel == "numpy":
        arrays = {_STATE + name: value for name, value in learner.state().items()}
        np.savez(buffer, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
        return f"{FOLDER}/{record['key']}.npz", buffer.getvalue()
    import torch

    state = {name: torch.from_numpy(value) for name, value in learner.state().items()}
    torch.save({"about": json.loads(json.dumps(about)), "state": state}, buffer)
    return f"{FOLDER}/{record['key']}.pt", buffer.getvalue()


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A trained model that predicts on new data: `bench.load_model(path)(inputs)`.

    about: the checkpoint's description of the training (task, model, settings, curve, test scores).
    """

    path: str
    about: Mapping[str, Any]
    problem: Problem
    columns: Columns | None
    learner: Learner

    def __call__(self, inputs: Array) -> Array:
        """Predict for sequences; inputs and predictions are in the data's own units.

        inputs: `(N, T, input_size)`, or `(N, T)` integer tokens. Returns `(N, O)`, or `(N, T, O)` per step; for classes
        and probabilities these are logits. ValueError for another shape.
        """
        inputs, problem = np.asarray(inputs), self.problem
        shape = "(N, T)" if problem.tokens else f"(N, T, {problem.input_size})"
        if inputs.ndim != (2 if problem.tokens else 3) or (
            not problem.tokens and inputs.shape[2] != problem.input_size
        ):
            raise ValueError(f"inputs have shape {inputs.shape}, expected {shape}")
        columns = self.columns
        if columns is not None and columns.input_scale:
            inputs = (inputs - np.array(columns.input_mean)) / np.array(columns.input_scale)
        outputs = self.predict(inputs.astype(np.int64 if problem.tokens else np.float32))
        if columns is not None and columns.output_scale:
            outputs = outputs * np.array(columns.output_scale) + np.array(columns.output_mean)
        return outputs

    def predict(self, inputs: Array) -> Array:
        """Return raw outputs for standardised inputs, as the task makes them."""
        problem, leading = self.problem, inputs.shape[:2] if self.problem.per_step else inputs.shape[:1]
        if problem.loss == "cross_entropy":
            targets: Array = np.zeros(leading, dtype=np.int64)
        else:
            targets = np.zeros((*leading, problem.output_size), dtype=np.float32)
        return self.learner.predict(self.learner.place(Split(inputs, targets)))


def stored(results_folder: Path, key: str) -> list[Path]:
    """The checkpoints that the training with this key left in a results folder: one, or none."""
    found = (results_folder / FOLDER / f"{key}{ending}" for ending in (".pt", ".npz"))
    return [path for path in found if path.exists()]


def state_of(content: bytes) -> dict[str, Array] | None:
    """The learner's state in a checkpoint; None for one that is damaged."""
    try:
        return _read(content, "a checkpoint")[1]
    except UserError:
        return None


def load_model(path: str | Path, plugins: Sequence[str] = ()) -> LoadedModel:
    """The trained model in a checkpoint, on the CPU. Nothing in the file is executed, whoever made it.

    plugins: files that define its model, if it is not one of bench's own. UserError for a file that is missing,
    damaged, no checkpoint, of a newer format, or of a model that is not known or has another shape.
    """
    for plugin in plugins:
        MODELS.load_plugin(load_plugin_file(plugin))
    about, state = _read(_content(Path(path)), str(path))
    try:
        problem = Problem(**_renamed(about["problem"]))
        settings = replace(Settings(**about["settings"]), device="cpu")
        columns = about["columns"] and Columns(**{f.name: _tuples(about["columns"][f.name]) for f in fields(Columns)})
        name, parameters = str(about["model"]["name"]), dict(about["model"]["parameters"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is a damaged checkpoint: {error!r} in its description: save the model again") from None
    model = MODELS.create(Spec(name, parameters))
    # checked before building: a hostile description may claim sizes that no weight in the file has
    largest = max([HARMLESS, *(size for value in state.values() for size in value.shape)])
    claimed = (settings.hidden_size, problem.input_size, problem.output_size)
    if not all(isinstance(size, int) and 0 < size <= largest for size in claimed) or settings.num_layers > len(state):
        raise UserError(f"{path} does not hold the weights of {model.label}: none has the sizes that it describes")
    try:
        learner = model.build(problem, settings, np.random.default_rng(0), 0)
        learner.load_state(state)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} does not hold the weights of {model.label}: {error}") from None
    return LoadedModel(str(path), about, problem, columns or None, learner)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give a file of results/NAME/{FOLDER} (run --save-models)") from None
    except OSError:
        raise UserError(f"{path} is no checkpoint of bench: expected a .pt or .npz of results/NAME/{FOLDER}") from None


def _read(content: bytes, path: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Description and state. Which kind of file it is, is read from its content and not from its name."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError):
        raise UserError(f"{path} is no checkpoint of bench: expected a .pt or .npz of results/NAME/{FOLDER}") from None
    if damaged is not None:
        raise UserError(f"{path} is damaged (in {damaged}): save the model again")
    about, state = _read_npz(content, path) if "about.npy" in names else _read_torch(content, path)
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise UserError(f"{path} is no checkpoint of bench: it has no description")
    if about["format"] > FORMAT:
        raise UserError(
            f"{path} has checkpoint format {about['format']}, this bench reads {FORMAT}: install a newer one"
        )
    return about, state


def _read_npz(content: bytes, path: str) -> tuple[Any, dict[str, Array]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            state = {name.removeprefix(_STATE): file[name] for name in file.files if name.startswith(_STATE)}
            return json.loads(str(file["about"])), state
    except (ValueError, KeyError, OSError, EOFError) as error:  # ValueError: an array that would have to be unpickled
        what = "it holds objects, and nothing in it was run" if "allow_pickle" in str(error) else error
        raise UserError(f"{path} is no checkpoint of bench: {what}") from None


def _read_torch(content: bytes, path: str) -> tuple[Any, dict[str, Array]]:
    import pickle

    import torch

    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return found["about"], {str(name): tensor.numpy() for name, tensor in found["state"].items()}
    except pickle.UnpicklingError as error:  # whose text advises to load the file without this protection
        asked = re.search(r"GLOBAL (\S+)", str(error))
        what = f"it asks for {asked[1]}" if asked else "it holds more than weights and numbers"
        raise UserError(f"{path} is no checkpoint of bench, and nothing in it was run: {what}") from None
    except (RuntimeError, KeyError, TypeError, AttributeError, ValueError, EOFError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise UserError(f"{path} is no checkpoint of bench, and nothing in it was run: {reason}") from None


def _renamed(problem: Any) -> dict[str, Any]:
    """A checkpoint's description of its problem in today's names: older files call the sequence length `steps`."""
    return {"sequence_length" if key == "steps" else key: value for key, value in dict(problem).items()}


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
