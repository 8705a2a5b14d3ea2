"""Find tasks (and, with another base class, models) by name: in a package, in plug-in files and behind entry points.

There is no list to maintain: every concrete subclass of the base class in a module of the package is an entry.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import re
import shlex
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from tasks.contract import BUDGETS, LOSSES, Defaults, Task
from tasks.entry import parameters, usual
from tasks.errors import UserError, is_stop, listed, short, unknown
from tasks.ranges import declared_range
from tasks.spec import Spec, convert

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """Entries of one kind ("task", "model") by name. Modules are loaded on first use, each of them once."""

    def __init__(self, kind: str, base: type[Entry], package: str, check: Callable[[type[Entry]], None]) -> None:
        self.kind, self.base, self.package, self._check = kind, base, package, check
        self._entries: dict[str, type[Entry]] = {}
        self._sources: dict[str, str] = {}
        self._loaded = False

    def entries(self) -> dict[str, type[Entry]]:
        """All entries by name, sorted."""
        if not self._loaded:
            package = importlib.import_module(self.package)
            for info in pkgutil.iter_modules(package.__path__):
                self._collect(self._import(f"{self.package}.{info.name}"))
            for point in importlib.metadata.entry_points(group=f"bench.{self.kind}s"):
                self._collect(_load_entry_point(point, self.kind))
            self._loaded = True  # only now, so that an error is reported again at the next call
        return dict(sorted(self._entries.items()))

    def load_plugin(self, module: types.ModuleType) -> int:
        """Register what a plug-in file defines (see `load_plugin_file`); returns how many entries it had."""
        self.entries()
        return self._collect(module)

    def get(self, name: str) -> type[Entry]:
        entries = self.entries()
        if name not in entries:
            raise unknown(self.kind, name, entries)
        return entries[name]

    def create(self, spec: Spec | str, **defaults: Any) -> Entry:
        """Make an entry. Text is converted to the fields' types, and the spec takes precedence over `defaults`."""
        spec = Spec.parse(spec) if isinstance(spec, str) else spec
        cls = self.get(spec.name)
        hints = typing.get_type_hints(cls)
        known = {f.name: f for f in parameters(cls)}
        values = {}
        for key, value in {**defaults, **spec.parameters}.items():
            if key not in known:
                raise _unknown_parameter(self.kind, cls, key, known)
            values[key] = convert(value, hints[key], f"{spec.name}[{key}]")
        values |= {key: usual(f) for key, f in known.items() if key not in values and declared_range(f) is not None}
        missing = [
            key
            for key, f in known.items()
            if key not in values and f.default is MISSING and f.default_factory is MISSING
        ]
        if missing:
            raise UserError(f"{self.kind} {spec.name} needs {', '.join(missing)}: give {spec.name}[{missing[0]}=…]")
        try:
            return cls(**values)
        except ValueError as error:
            raise UserError(f"{self.kind} {spec}: {error}") from error

    def _import(self, name: str) -> types.ModuleType:
        """Import a module of the package. UserError names a file that cannot be imported."""
        try:
            return importlib.import_module(name)
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            raise UserError(
                f"{name.replace('.', '/')}.py could not be imported: {type(error).__name__}: {error}"
            ) from error

    def _collect(self, module: types.ModuleType) -> int:
        found = 0
        for cls in dict.fromkeys(filter(inspect.isclass, vars(module).values())):  # once each, under whatever names
            if not issubclass(cls, self.base) or cls.__module__ != module.__name__:
                continue
            if "name" not in vars(cls) and inspect.isabstract(cls):
                continue  # a base class for others, not an entry
            source = str(getattr(module, "__file__", module.__name__))
            try:
                self._check(cls)
            except UserError as error:
                raise UserError(f"{source}: {self.kind} {cls.__name__}: {error}") from None
            name = cls.name  # type: ignore[attr-defined]
            if name in self._entries and cls is not self._entries[name]:
                raise UserError(
                    f"{source}: {self.kind} '{name}' exists already, in {self._sources[name]}: choose another name"
                )
            self._entries[name], self._sources[name] = cls, source
            found += 1
        return found


def _unknown_parameter(kind: str, cls: Any, key: str, known: Iterable[str]) -> UserError:
    """The error for a parameter that a class does not have; an attribute that was meant to be one is told apart."""
    own, inherited = ({name for base in bases for name in _names(base)} for bases in ([cls], cls.__mro__[1:]))
    if key not in own - inherited:
        return unknown(f"parameter of {kind} {cls.name}", key, known)
    return UserError(
        f"parameter {short(key)} of {kind} {cls.name}: {cls.__name__} has an attribute of this name, which is no "
        f"parameter: expected a field with a type, as in `{key}: float = …`, in a class with @dataclass(frozen=True) "
        f"above it. Parameters: {listed(known)}"
    )


def _names(cls: type) -> list[str]:
    """What the body of a class names."""
    return [*vars(cls), *inspect.get_annotations(cls)]


_PLUGINS: dict[Path, types.ModuleType] = {}  # a file is run once in a process


def load_plugin_file(path: str | Path) -> types.ModuleType:
    """Import a Python file by path, under a name that is the same in every process. UserError names the file."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"plug-in {path} does not exist: give --plugin a Python file")
    name = f"bench_plugin_{path.stem}"
    already = _PLUGINS.get(path.resolve())
    if already is not None:
        sys.modules[name] = already  # another file of this name may have taken its place
        return already
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        table = path.suffix.lower() in (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xls")
        hint = f"; a table is trained on with python -m bench run --data {shlex.quote(str(path))}" if table else ""
        raise UserError(f"plug-in {path} is no Python file: expected a name ending in .py{hint}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        # not by the loader: it would write a bytecode cache beside the user's file, and miss an edit within a second
        exec(compile(path.read_bytes(), str(path.resolve()), "exec"), vars(module))
    except BaseException as error:  # what a file raises at import is its own mistake, SystemExit too
        del sys.modules[name]
        if is_stop(error):
            raise
        raise UserError(f"plug-in {path} could not be imported: {type(error).__name__}: {error}") from error
    vars(module)["__code_hash__"] = _file_hash(path)
    _PLUGINS[path.resolve()] = module
    return module


@functools.lru_cache(maxsize=256)
def code_hash(cls: type) -> str | None:
    """SHA-256 of the plug-in file that defines a task or model, as it was when it was loaded.

    The text of a plug-in is part of what decides a result, because who edits it expects another one. None for the tasks
    and models of bench, whose `version` does this.
    """
    if cls.__module__.split(".")[0] in ("bench", "tasks"):
        return None
    module = sys.modules[cls.__module__]
    found: str | None = vars(module).get("__code_hash__")
    return found or (_file_hash(Path(module.__file__)) if module.__file__ else None)


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_named_dataclass(cls: type, required: Mapping[str, type]) -> None:
    """Check what tasks and models have in common: a concrete frozen dataclass with a name and what is `required`."""
    for attribute, kind in {"name": str, "summary": str, "version": int, **required}.items():
        value = getattr(cls, attribute, None)
        if not isinstance(value, kind):
            raise UserError(f"attribute '{attribute}' must be {kind.__name__}, not {type(value).__name__}")
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", cls.name):  # type: ignore[attr-defined]
        raise UserError(f"attribute 'name' is {cls.name!r}: expected letters, digits, '_', '.' and '-'")  # type: ignore[attr-defined]
    abstract = sorted(getattr(cls, "__abstractmethods__", ()))
    if abstract:
        raise UserError(f"attribute '{abstract[0]}' is missing: {cls.__name__} must define {', '.join(abstract)}")
    if not is_dataclass(cls) or not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise UserError("the class must be a frozen dataclass: put @dataclass(frozen=True) above it")


def check_task(cls: type[Task]) -> None:
    """Raise UserError, naming the attribute, where a task class breaks its contract."""
    check_named_dataclass(cls, {"loss": str, "defaults": Defaults})
    if cls.loss not in LOSSES:
        raise unknown("loss in attribute 'loss'", cls.loss, LOSSES)
    missing = [budget for budget in BUDGETS if budget not in cls.defaults.steps]
    if missing:
        raise UserError(f"attribute 'defaults' has no steps for budget {missing[0]}: expected {', '.join(BUDGETS)}")
    for budget, values in cls.budgets.items():
        if budget not in BUDGETS:
            raise unknown("budget in attribute 'budgets'", budget, BUDGETS)
        for key in values:
            if key not in cls.__dataclass_fields__:  # type: ignore[attr-defined]
                raise UserError(f"attribute 'budgets' names parameter '{key}', which is no field of {cls.__name__}")
    low, high = cls.defaults.learning_rate
    if not 0 < low <= high:
        raise UserError(f"attribute 'defaults' has learning_rate ({low}, {high}): expected 0 < low <= high")


def _load_entry_point(point: importlib.metadata.EntryPoint, kind: str) -> types.ModuleType:
    """An entry point of group `bench.tasks` or `bench.models` names a module."""
    try:
        module = point.load()
    except (Exception, SystemExit) as error:
        raise UserError(f"the {kind} plug-in '{point.name}' ({point.value}) could not be loaded: {error}") from error
    if not isinstance(module, types.ModuleType):
        raise UserError(f"the {kind} plug-in '{point.name}' ({point.value}) must name a module")
    return module


TASKS: Registry[Task] = Registry("task", Task, "tasks", check_task)  # type: ignore[type-abstract]
