"""Data files that other packages carry: read from where they are installed, without importing (or downloading) them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tasks.errors import NotInstalledError, UserError


def packaged_file(package: str, path: str, *, task: str, extra: str) -> Path:
    """The file `path` of an installed package; NotInstalledError names the extra to install where that is missing."""
    found = importlib.util.find_spec(package)  # finds a top-level package without running any of it
    if found is None or not found.submodule_search_locations:
        raise NotInstalledError(
            f"task {task} reads data of the package {package}, which is not installed: pip install 'bench[{extra}]'"
        )
    file = Path(next(iter(found.submodule_search_locations))) / path
    if not file.is_file():
        raise UserError(f"task {task}: the installed {package} has no {path}: pip install --upgrade 'bench[{extra}]'")
    return file
