"""Fixtures of the reading side: synthetic records, and results made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """The generator of synthetic records, `synthetic_records.py` beside this file."""
    from . import synthetic_records

    return synthetic_records


@pytest.fixture
def emulate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """`emulate(watch=True, learners_on_gpu=False, seed=0)`: from then on the CPU stands in for a GPU; returns it."""
    from .models.emulated_graph import emulated_gpu

    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(emulated_gpu(monkeypatch, **options))


@pytest.fixture
def results_of(synthetic: ModuleType) -> Callable[..., Results]:
    """Records (and changes to the manifest) as results, without files."""

    def build(records: list[dict[str, Any]], **changes: Any) -> Results:
        return Results("synthetic", tuple(records), synthetic.manifest(records, **changes))

    return build
