"""Fixtures of the reading side: synthetic records, and results made of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """The generator of synthetic records, `synthetic_records.py` beside this file."""
    path = Path(__file__).with_name("synthetic_records.py")
    spec = importlib.util.spec_from_file_location("synthetic_records", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results_of(synthetic: ModuleType) -> Callable[..., Results]:
    """Records (and changes to the manifest) as results, without files."""

    def build(records: list[dict[str, Any]], **changes: Any) -> Results:
        return Results("synthetic", tuple(records), synthetic.manifest(records, **changes))

    return build
