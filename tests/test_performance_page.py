"""docs/performance.md: each benchmark that `make perf` runs has its place there, and writes nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import page
import pytest

ROOT = Path(__file__).parents[1]
ELSEWHERE = {"numpy_cells": ("cells", ROOT / "docs" / "numpy_cells.md")}


def benchmarks() -> list[str]:
    found = re.search(r"^BENCHMARKS := (.+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert found is not None
    return found[1].split()


@pytest.mark.parametrize("name", benchmarks())
def test_a_benchmark_has_a_script_and_two_marks(name: str) -> None:
    assert (ROOT / "tests" / "performance" / f"{name}.py").is_file()
    section, path = ELSEWHERE.get(name, (name, page.PERFORMANCE))
    assert path.read_text(encoding="utf-8").count(f"<!-- measured: {section} -->") == 2


def test_every_script_that_writes_is_run() -> None:
    scripts = (ROOT / "tests" / "performance").glob("*.py")
    writing = {script.stem for script in scripts if re.search(r"^ +write_section\(", script.read_text(), re.MULTILINE)}
    assert writing == set(benchmarks())


def test_a_section_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- measured: a -->\nold\n<!-- measured: a -->\nafter <!-- measured: b -->x\n")
    page.write_section("a", "new", path)
    expected = "before\n<!-- measured: a -->\n\nnew\n\n<!-- measured: a -->\nafter <!-- measured: b -->x\n"
    assert path.read_text() == expected
    with pytest.raises(SystemExit, match="1 times, not twice: nothing written"):
        page.write_section("b", "new", path)
    assert path.read_text() == expected
