"""Checkpoints: write a trained model to a file and load it again, without unpickling.

`results/NAME/models/KEY.pt` (torch; plain tensors and containers, so `torch.load(weights_only=True)` reads it) or
`KEY.npz` (NumPy models; no pickle). Both contain the weights and the optimiser's state at the lowest validation loss
(to which the test scores belong), the losses, the configuration, and of a table how it is read and scaled, and its
newest validation rows.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.models.contract import Learner, Problem, Settings
from bench.models.registry import MODELS
from bench.records.kept_models import ENDINGS, FOLDER
from bench.records.schema import Record
from bench.training import validation_rows
from bench.training.checkpoint_file import FORMAT, LARGEST_GIB, STATE, read_checkpoint, read_content, typed
from bench.training.request import Training, describe_entry
from tasks.contract import Array, Columns, Dataset, Split
from tasks.errors import UserError, short
from tasks.registry import load_plugin_file
from tasks.spec import Spec

HARMLESS = 1024  # a size that costs no memory to speak of


def pack(training: Training, learner: Learner, dataset: Dataset, record: Record) -> tuple[str, bytes]:
    """Return the file's name within the results folder and its content.

    learner: with the weights whose test score is recorded.
    """
    problem = Problem.of(training.task, dataset.train)
    about = {
        "format": FORMAT,
        "key": record["key"],
        "task": describe_entry(training.task),
        "model": describe_entry(training.model),
        "problem": asdict(problem),
        "settings": training.settings.as_recorded(),
        "training": record["training"],
        "replicate": training.replicate,
        "columns": asdict(training.task.columns) if training.task.columns else None,
        "validation": validation_rows.pack(dataset.valid) if training.task.columns else None,
        "curve": record["curve"],
        "test": record["test"],
    }
    buffer, name = io.BytesIO(), file_name(learner, record["key"])
    if learner.kernel == "numpy":
        arrays = {STATE + name: value for name, value in learner.state().items()}
        np.savez(buffer, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
        return name, buffer.getvalue()
    import torch

    state = {name: torch.from_numpy(value) for name, value in learner.state().items()}
    torch.save({"about": json.loads(json.dumps(about)), "state": state}, buffer)
    return name, buffer.getvalue()


def file_name(learner: Learner, key: str) -> str:
    """Where the checkpoint of the training with this key lies within the results folder."""
    return f"{file_stem(key)}{'.npz' if learner.kernel == 'numpy' else '.pt'}"


def file_stem(key: str) -> str:
    """`file_name` without its ending."""
    return f"{FOLDER}/{key}"


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
    found = (results_folder / f"{file_stem(key)}{ending}" for ending in ENDINGS)
    return [path for path in found if path.exists()]


def state_of(content: bytes) -> dict[str, Array] | None:
    """The learner's state in a checkpoint; None for one that is damaged."""
    try:
        return read_content(content, FOLDER)[1]
    except UserError:
        return None


def load_model(path: str | Path, plugins: Sequence[str] = (), *, largest_gib: float = LARGEST_GIB) -> LoadedModel:
    """The trained model in a checkpoint, on the CPU. Nothing in the file is executed, whoever made it.

    plugins: files that define its model, if it is not one of bench's own. largest_gib: of the file.
    UserError for a file that is missing, damaged, no checkpoint, of a newer format, or of a model that is not known or
    has another shape.
    """
    for plugin in plugins:
        MODELS.load_plugin(load_plugin_file(plugin))
    about, state = read_checkpoint(Path(path), largest_gib, FOLDER)
    try:
        problem = typed(Problem, _renamed(about["problem"]))
        settings = replace(typed(Settings, about["settings"]), device="cpu")
        columns = typed(Columns, _transformed(about["columns"])) if about["columns"] else None
        name, parameters = str(about["model"]["name"]), dict(about["model"]["parameters"])
        str(about["task"]["name"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is a damaged checkpoint: {error!r} in its description: save the model again") from None
    if name not in MODELS.entries():
        raise UserError(
            f"{path} is of model {short(name)}, which none of the files of bench defines: name the file that does (a "
            "run keeps a copy in results/NAME/plugins), as in "
            'bench.load_model(path, plugins=["FILE.py"]), or --plugin FILE.py on the command line'
        )
    try:
        model = MODELS.create(Spec(name, parameters))
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path} is a damaged checkpoint: {error!r} in its description: save the model again") from None
    # before anything of that size is built: a description may claim sizes that no weight in the file has
    largest = max([HARMLESS, *(size for value in state.values() for size in value.shape)])
    claimed = (settings.hidden_size, problem.input_size, problem.output_size)
    unlike = f"{path} does not hold the weights of {model.label}"
    if not all(0 < size <= largest for size in claimed) or not 0 < settings.num_layers <= len(state):
        raise UserError(f"{unlike}: none has the sizes that it describes")
    count = model.count_parameters(problem, settings.hidden_size, settings.num_layers).total
    if count > sum(value.size for value in state.values()) + HARMLESS**2:
        raise UserError(f"{unlike}: there are fewer than the {count:,} that it describes")
    try:
        learner = model.build(problem, settings, np.random.default_rng(0), 0)
        learner.load_state(state)
    except (ValueError, TypeError, RuntimeError, KeyError, IndexError, AttributeError, MemoryError) as error:
        raise UserError(f"{unlike}: {error or type(error).__name__}") from None
    return LoadedModel(str(path), about, problem, columns, learner)


def _renamed(problem: Any) -> Any:
    """A checkpoint's description of its problem in today's names: older files call the sequence length `steps`."""
    if not isinstance(problem, Mapping):
        return problem
    return {"sequence_length" if key == "steps" else key: value for key, value in problem.items()}


def _transformed(columns: Any) -> Any:
    """A checkpoint's description of its columns in today's names: older files say `growth` or not."""
    if not isinstance(columns, Mapping) or "growth" not in columns:
        return columns
    kept = {key: value for key, value in columns.items() if key != "growth"}
    return {**kept, "transform": "growth"} if columns["growth"] is True else kept
