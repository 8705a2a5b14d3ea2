"""Read an experiment from a file: TOML that a person wrote, or the `experiment.json` that a run left behind."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from bench.config.given import by_current_names, convert_option
from bench.records.folder import PLUGINS
from tasks.errors import UserError, unknown

RECIPES = Path(__file__).parent / "recipes"
PATHS = ("data", "plugins", "results", "reports", "storage")  # options that are paths: in TOML from the file's folder


def recipes() -> dict[str, str]:
    """The experiments that come with bench: their names, and what the first line of each says."""
    paths = sorted(RECIPES.glob("*.toml"))
    return {path.stem: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for path in paths}


def recipe_parts(name: str) -> list[str]:
    """The recipes that `name` runs in turn: itself, and those called `name.…`, each an experiment of its own."""
    return [name, *sorted(other for other in recipes() if other.startswith(f"{name}."))]


def read_recipe(name: str) -> dict[str, Any]:
    """The options of a recipe; UserError with the nearest name where there is none of this one."""
    names = {path.stem for path in RECIPES.glob("*.toml")}
    if name not in names:
        if Path(name).suffix == ".toml":
            raise UserError(f"--recipe takes a name, not a file: for a TOML file of your own give --config {name}")
        raise unknown("recipe", name, names)
    return read_config(RECIPES / f"{name}.toml")


def read_config(path: str | Path) -> dict[str, Any]:
    """The options that the file sets. UserError with file, line and what was expected for an unknown key or a wrong
    type."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = f": for the recipe give --recipe {path}" if str(path) in recipes() else ""
        raise UserError(
            f"{path} does not exist{hint or ': give --config a TOML file, or the experiment.json of a run'}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from None
    values = _parse(path, text)
    read: dict[str, Any] = {}
    for key, value in values.items():
        read[key] = value
        try:
            by_current_names(read)
            for name in by_current_names({key: value}):
                convert_option(name, value, where=key)
        except UserError as error:
            raise UserError(f"{path}:{_line_of(key, text)}: {error}") from None
    current = by_current_names(read)
    return _from_here(current, path.parent) if path.suffix != ".json" else with_kept_plugins(current, path.parent)


def with_kept_plugins(options: dict[str, Any], results_folder: Path, *, changed: bool = False) -> dict[str, Any]:
    """Options of a run, with the copies that it keeps of plug-in files that are no longer there.

    changed: likewise of those that are there with another content.
    """

    def found(path: str) -> str:
        kept, original = results_folder / PLUGINS / Path(path).name, Path(path)
        if not kept.is_file() or (original.is_file() and not changed):
            return path
        return path if original.is_file() and original.read_bytes() == kept.read_bytes() else str(kept)

    plugins = options.get("plugins")
    return {**options, "plugins": [found(path) for path in plugins]} if isinstance(plugins, list) else options


def _from_here(options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Options whose relative paths start at the folder of the file that names them."""
    found = dict(options)
    for key in PATHS:
        value = found.get(key)
        if isinstance(value, str) and "://" not in value:
            found[key] = str(folder / value)
        elif isinstance(value, list):
            found[key] = [str(folder / path) for path in value]
    return found


def _parse(path: Path, text: str) -> dict[str, Any]:
    if path.suffix == ".json":
        try:
            manifest = json.loads(text)
            values = manifest["experiment"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UserError(f"{path} is not the experiment.json of a run: expected a key 'experiment'") from None
        if not isinstance(values, dict):
            raise UserError(f"{path} is not the experiment.json of a run: expected a table under 'experiment'")
        # what there was before there was a choice
        before = {"engine": "exact"} if "protocol" in manifest else {"engine": "exact", "tune": "once"}
        return {**before, **values}
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: of TOML, or a number of thousands of digits
        raise UserError(f"{path} is not valid TOML: {error}") from None


def _line_of(key: str, text: str) -> int:
    """The line where a top-level key or table is written."""
    pattern = re.compile(rf"""^\s*(?:\[+\s*)?["']?{re.escape(key)}["']?\s*[=\].]""")
    return next((number for number, line in enumerate(text.splitlines(), start=1) if pattern.match(line)), 1)
