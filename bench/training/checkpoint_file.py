"""Reading a checkpoint that anybody may have made: checked before it is unpacked, and never unpickled.

What bench writes is stored without compression, so a file's entries are together no larger than the file. One that
says otherwise would unpack to more than it is, and is refused, as is an array that is larger than its entry.
"""

from __future__ import annotations

import io
import json
import math
import re
import stat
import types
import typing
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bench.records.kept_models import FOLDER, restoring_command
from bench.records.plain import plain_values
from tasks.contract import Array
from tasks.errors import UserError

FORMAT = 1
STATE = "state/"  # before the names of arrays in an .npz
GIB = 1 << 30
LARGEST_GIB = 4.0  # of a file, unless more is allowed
_ENTRIES = 10_000
_LARGEST_HEADER = 1 << 26  # bytes of what is not weights: the pickle of a .pt, the description of an .npz
_LARGEST_COUNT = 1 << 31
# what damaged and made-up files make zipfile, NumPy, torch and json raise
_BROKEN = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, IndexError, AssertionError),
    *(ArithmeticError, MemoryError, zipfile.BadZipFile, zlib.error, SyntaxError),
)
Class = TypeVar("Class")
Source = Callable[[], Path | io.BytesIO]


def read_checkpoint(path: Path, largest_gib: float, folder: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Description and state. Which kind of file it is, is read from its content and not from its name.

    largest_gib: of the file. folder: where checkpoints are, for messages. UserError for anything that is none.
    """
    expected = f"expected a .pt or .npz of results/NAME/{folder}"
    try:
        found = path.stat()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give a file of results/NAME/{folder}{_or_again(path)}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read ({error}): {expected}") from None
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path} is no regular file: {expected}")
    if found.st_size > largest_gib * GIB:
        raise UserError(
            f"{path} has {found.st_size / GIB:.1f} GiB, and more than {largest_gib:g} GiB are not read unasked: if "
            f"that is right, allow it with --largest {math.ceil(found.st_size / GIB)}"
        )
    try:
        return _read(str(path), lambda: path, found.st_size, expected)
    except UserError as error:
        raise UserError(f"{error}{_or_again(path)}") from None


def _or_again(path: Path) -> str:
    """How to make a model again that an experiment kept; empty for other files."""
    command = restoring_command(path.parent.parent) if path.parent.name == FOLDER else ""
    return f"; this command makes it again: {command}" if command else ""


def read_content(content: bytes, folder: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """`read_checkpoint` for a file that is in memory already."""
    expected = f"expected a .pt or .npz of results/NAME/{folder}"
    return _read("the checkpoint", lambda: io.BytesIO(content), len(content), expected)


def _read(path: str, source: Source, size: int, expected: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """path: what messages call it. source: gives what it can be read from, from the start each time."""
    try:
        with zipfile.ZipFile(source()) as archive:
            names = _check_sizes(path, archive, size)
            damaged = archive.testzip()
    except _BROKEN:
        raise UserError(f"{path} is no checkpoint of bench: {expected}") from None
    if damaged is not None:
        raise UserError(f"{path} is damaged (in {damaged}): save the model again")
    about, state = _read_npz(path, source) if "about.npy" in names else _read_torch(path, source, size)
    if not isinstance(about, dict) or type(about.get("format")) is not int:
        raise UserError(f"{path} is no checkpoint of bench: it has no description")
    if about["format"] > FORMAT:
        raise UserError(
            f"{path} has checkpoint format {about['format']}, this bench reads {FORMAT}: install a newer one"
        )
    try:
        return plain_values(about), state
    except RecursionError:  # a .pt may hold a list that holds itself
        raise UserError(f"{path} is no checkpoint of bench: its description is nested without end") from None


def _check_sizes(path: str, archive: zipfile.ZipFile, size: int) -> list[str]:
    """The names of the entries; UserError where they say that they are larger than the file."""
    entries = archive.infolist()
    if len(entries) > _ENTRIES or len({entry.filename for entry in entries}) != len(entries):
        raise UserError(f"{path} is no checkpoint of bench: it has {len(entries):,} entries, or one of them twice")
    if sum(entry.file_size for entry in entries) > size:
        raise UserError(f"{path} is no checkpoint of bench: it would unpack to more than it is, and was not unpacked")
    for entry in entries:
        if entry.filename.endswith(("data.pkl", "about.npy")) and entry.file_size > _LARGEST_HEADER:
            raise UserError(f"{path} is no checkpoint of bench: its description has {entry.file_size:,} bytes")
    return [entry.filename for entry in entries]


def _read_npz(path: str, source: Source) -> tuple[Any, dict[str, Array]]:
    try:
        with zipfile.ZipFile(source()) as archive:
            for entry in archive.infolist():
                _check_header(archive, entry)
        with np.load(source(), allow_pickle=False) as file:
            state = {name.removeprefix(STATE): file[name] for name in file.files if name.startswith(STATE)}
            return json.loads(str(file["about"])), state
    except _BROKEN as error:  # ValueError: an array that would have to be unpickled
        what = "it holds objects, and nothing in it was run" if "allow_pickle" in str(error) else _short(error)
        raise UserError(f"{path} is no checkpoint of bench: {what}") from None


def _check_header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """ValueError where an array's header promises more than its entry has: NumPy would make room for it first."""
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if dtype.hasobject:
            raise ValueError("allow_pickle")
        if math.prod(shape) * dtype.itemsize != entry.file_size - file.tell() or min(shape, default=0) < 0:
            raise ValueError(f"{entry.filename} is not as large as its header says")


def _read_torch(path: str, source: Source, size: int) -> tuple[Any, dict[str, Array]]:
    import pickle

    import torch

    nothing_run = f"{path} is no checkpoint of bench, and nothing in it was run"
    try:
        content = torch.load(source(), map_location="cpu", weights_only=True)
        state = {str(name): tensor.numpy() for name, tensor in content["state"].items()}
        if sum(value.nbytes for value in state.values()) > size:  # one number, repeated
            raise ValueError("its weights are larger than the file")
        return content["about"], state
    except pickle.UnpicklingError as error:  # whose text advises to load the file without this protection
        asked = re.search(r"GLOBAL (\S+)", str(error))
        what = f"it asks for {asked[1]}" if asked else "it holds more than weights and numbers"
        raise UserError(f"{nothing_run}: {what}") from None
    except _BROKEN as error:
        raise UserError(f"{nothing_run}: {_short(error)}") from None


def _short(error: BaseException) -> str:
    return (str(error).partition("\n")[0] or type(error).__name__)[:200]


def typed(cls: type[Class], values: Any) -> Class:
    """A dataclass from a description, each value of the type that its field has. TypeError, ValueError or KeyError."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{cls.__name__.lower()} is no table")
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(map(str, values.keys() - known)):
        raise KeyError(unknown[0])
    hints = typing.get_type_hints(cls)
    return cls(**{name: _of_type(value, hints[name], name) for name, value in values.items()})


def _of_type(value: Any, hint: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _of_type(value, next(kind for kind in arguments if kind is not type(None)), name)
    if is_dataclass(hint) and isinstance(hint, type):
        return typed(hint, value)
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_of_type(entry, arguments[0], name) for entry in value)
    fits = (
        value in arguments
        if origin is typing.Literal
        else (type(value) is int and abs(value) < _LARGEST_COUNT) or (type(value) is float and math.isfinite(value))
        if hint is float
        else type(value) is int and 0 <= value < _LARGEST_COUNT
        if hint is int
        else type(value) is hint
    )
    if not fits:
        raise TypeError(f"{name} is {str(value)[:40]!r}")
    return value
