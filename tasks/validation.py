"""Check the data and references that a task makes, once, before anything is trained on them."""

from __future__ import annotations

import contextlib
import math
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from tasks.checking import of_seed
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.errors import UserError


@contextlib.contextmanager
def naming(task: Task) -> Iterator[None]:
    """Turn an exception in the task's own code into a UserError that names the task and the line."""
    try:
        yield
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"task {task.label}: its data do not fit into memory: give it smaller parameters") from None
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename}:{frame.lineno}"
        text = f"{type(error).__name__}: {error}{of_seed(error)}"
        raise UserError(f"task {task.label} failed at {where}: {text}") from error


def validate_dataset(task: Task, dataset: Dataset) -> tuple[Reference, ...]:
    """Raise UserError, naming task and attribute, where data, metrics or references break the contract.

    Returns the references, which are computed for this.
    """
    if not isinstance(dataset, Dataset):
        _fail(task, f"generate returned {type(dataset).__name__}", "expected a tasks.contract.Dataset")
    for name in ("train", "valid", "test"):
        split = getattr(dataset, name)
        if not isinstance(split, Split):
            _fail(task, f"{name} is {type(split).__name__}", "expected a tasks.contract.Split")
        _check_inputs(task, name, split)
        _check_targets(task, name, split)
        _check_mask_and_lengths(task, name, split)
    shapes = {getattr(dataset, name).inputs.shape[2:] for name in ("train", "valid", "test")}
    if len(shapes) > 1:
        _fail(task, "the splits' inputs differ in kind", "expected tokens in all three, or features in all three")
    _check_metrics(task, dataset.valid)
    return _check_references(task, task.references(dataset))


def _check_inputs(task: Task, name: str, split: Split) -> None:
    inputs = _array(task, f"{name}.inputs", split.inputs)
    if inputs.ndim == 2 and np.issubdtype(inputs.dtype, np.integer):
        _check_range(task, f"{name}.inputs", inputs, task.input_size, "input_size")
    elif inputs.ndim != 3 or inputs.shape[2] != task.input_size or inputs.dtype != np.float32:
        _fail(
            task,
            f"{name}.inputs is {_describe(inputs)}",
            f"expected (N, T, {task.input_size}) float32, or (N, T) integer tokens",
        )
    else:
        _check_finite(task, f"{name}.inputs", inputs)
    if 0 in inputs.shape:
        _fail(task, f"{name}.inputs has shape {inputs.shape}", "expected at least one sequence of one step")


def _check_targets(task: Task, name: str, split: Split) -> None:
    targets, where = _array(task, f"{name}.targets", split.targets), f"{name}.targets"
    shape = split.inputs.shape[: 2 if task.per_step else 1]
    each = "step, as per_step is True" if task.per_step else "sequence, as per_step is False"
    if task.loss == "cross_entropy":
        if targets.shape != shape or not np.issubdtype(targets.dtype, np.integer):
            _fail(task, f"{where} is {_describe(targets)}", f"expected {shape} integer classes, one for each {each}")
        _check_range(task, where, targets, task.output_size, "output_size")
        return
    shape = (*shape, task.output_size)
    if targets.shape != shape or targets.dtype != np.float32:
        _fail(task, f"{where} is {_describe(targets)}", f"expected {shape} float32, values for each {each}")
    _check_finite(task, where, targets)
    if task.loss == "binary_cross_entropy" and (targets.min() < 0 or targets.max() > 1):
        _fail(task, f"{where} reaches from {targets.min()} to {targets.max()}", "expected probabilities, 0 to 1")


def _check_mask_and_lengths(task: Task, name: str, split: Split) -> None:
    count, steps = split.inputs.shape[:2]
    if split.mask is not None:
        mask = _array(task, f"{name}.mask", split.mask)
        if not task.per_step:
            _fail(task, f"{name}.mask is given", "expected none, as the task is not per_step")
        if mask.shape != (count, steps) or mask.dtype != np.bool_:
            _fail(task, f"{name}.mask is {_describe(mask)}", f"expected {(count, steps)} bool")
        if not mask.any():
            _fail(task, f"{name}.mask lets no step count", "expected at least one True")
    if split.measured is not None:
        measured, shape = _array(task, f"{name}.measured", split.measured), split.targets.shape
        if task.per_step or task.loss == "cross_entropy":
            _fail(task, f"{name}.measured is given", "expected none, as the task is per_step or asks for classes")
        if measured.shape != shape or measured.dtype != np.bool_ or not measured.any():
            _fail(task, f"{name}.measured is {_describe(measured)}", f"expected {shape} bool, not all False")
    if split.lengths is None:
        return
    lengths = _array(task, f"{name}.lengths", split.lengths)
    if lengths.shape != (count,) or not np.issubdtype(lengths.dtype, np.integer):
        _fail(task, f"{name}.lengths is {_describe(lengths)}", f"expected {(count,)} integers")
    if lengths.min() < 1 or lengths.max() > steps:
        _fail(task, f"{name}.lengths reaches from {lengths.min()} to {lengths.max()}", f"expected 1 to {steps}")
    padding = np.arange(steps) >= lengths[:, None]  # (N, T)
    if task.per_step and padding.any() and (split.mask is None or (split.mask & padding).any()):
        _fail(task, f"{name}.mask counts padded steps", "expected False from each sequence's length on")


def _check_metrics(task: Task, split: Split) -> None:
    shape = (*split.inputs.shape[: 2 if task.per_step else 1], task.output_size)
    metrics: Any = task.score(np.zeros(shape), split)
    if not isinstance(metrics, dict):
        _fail(task, f"metrics returned {type(metrics).__name__}", "expected a dict of names and numbers")
    for key, value in metrics.items():
        if not isinstance(key, str) or key == "loss" or isinstance(value, bool) or not isinstance(value, (int, float)):
            _fail(task, f"metrics has {key!r}: {value!r}", "expected names other than 'loss' with plain numbers")
    if task.target.metric not in ("loss", *metrics):
        _fail(
            task,
            f"target names metric '{task.target.metric}'",
            f"expected one of {', '.join(['loss', *sorted(metrics)])}",
        )


def _check_references(task: Task, references: Sequence[Reference]) -> tuple[Reference, ...]:
    if not isinstance(references, (list, tuple)):
        _fail(task, f"references returned {type(references).__name__}", "expected a list of tasks.contract.Reference")
    for reference in references:
        if not isinstance(reference, Reference):
            _fail(task, f"references has a {type(reference).__name__}", "expected tasks.contract.Reference")
        if reference.kind not in ("floor", "baseline", "limit"):
            _fail(task, f"reference '{reference.name}' has kind '{reference.kind}'", "expected floor, baseline, limit")
        if not math.isfinite(reference.loss):
            _fail(task, f"reference '{reference.name}' has loss {reference.loss}", "expected a finite number")
        if reference.valid_loss is not None and not math.isfinite(reference.valid_loss):
            where = f"reference '{reference.name}' has valid_loss {reference.valid_loss}"
            _fail(task, where, "expected a finite number, or None where it is not known")
    names = [reference.name for reference in references]
    if len(set(names)) < len(names):
        _fail(task, f"references are called {', '.join(names)}", "expected different names")
    floors = [reference.name for reference in references if reference.kind == "floor"]
    if len(floors) != 1:
        _fail(task, f"references has {len(floors)} of kind 'floor' ({', '.join(floors) or 'none'})", "expected one")
    return tuple(references)


def _array(task: Task, where: str, value: Any) -> Array:
    if not isinstance(value, np.ndarray):
        _fail(task, f"{where} is {type(value).__name__}", "expected a NumPy array")
    return value


def _check_finite(task: Task, where: str, values: Array) -> None:
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        _fail(task, f"{where} has {len(wrong)} values that are NaN or infinite, the first at {place}", "expected none")


def _check_range(task: Task, where: str, values: Array, size: int, attribute: str) -> None:
    if values.size and (values.min() < 0 or values.max() >= size):
        expected = f"expected 0 to {size - 1} ({attribute} is {size})"
        _fail(task, f"{where} reaches from {values.min()} to {values.max()}", expected)


def _describe(values: Array) -> str:
    return f"{values.shape} {values.dtype}"


def _fail(task: Task, what: str, expected: str) -> NoReturn:
    raise UserError(f"task {task.label}: {what}: {expected}")
