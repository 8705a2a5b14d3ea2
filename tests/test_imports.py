"""What a command loads decides how fast it starts, and reading results must work without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli.list import KINDS

HEAVY = ("torch", "pandas", "seaborn", "matplotlib", "scipy", "optuna", "rich", "jinja2")


def loaded(code: str, folder: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after running the code."""
    tail = "\nimport sys; print('LOADED', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[1])!r})\n{code}{tail}"],
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
    )
    return set(done.stdout.split("LOADED", 1)[1].split())


def command(*args: str) -> str:
    return f"""
from bench.cli import main
try:
    main({list(args)!r}, prog_name="bench")
except SystemExit as end:
    assert end.code == 0, end.code
"""


@pytest.mark.parametrize(
    "code",
    [
        "import bench",
        command(),
        command("--help"),
        command("--version"),
        *(command("list", kind) for kind in KINDS),
        command("run", "--help"),
        command("check", "--help"),
        command("baseline", "--help"),
        "import bench.pytest_plugin",
    ],
    ids=lambda code: code.split("main(")[-1].split(",  prog")[0][:30].strip(),
)
def test_nothing_heavy_is_loaded_to_start(code: str, tmp_path: Path) -> None:
    assert not loaded(code, tmp_path) & set(HEAVY)


@pytest.mark.parametrize("args", [("--help",), *(("list", kind) for kind in KINDS)])
def test_help_and_list_start_without_numpy(args: tuple[str, ...], tmp_path: Path) -> None:
    # numpy alone takes longer to load than all the rest of these commands
    assert "numpy._core" not in loaded(command(*args), tmp_path)


@pytest.mark.parametrize(
    "module",
    [
        "bench.records.jsonl",
        "bench.analysis.tables",
        "bench.analysis.stats",
        "bench.analysis.results",
        "bench.analysis.verdicts",
        "bench.analysis.claims",
        "bench.gate.check",
        "bench.gate.finished",
        "bench.gate.formats",
        "bench.gate.speed",
        "bench.report",
        "bench.config.resolve",
    ],
)
def test_the_reading_side_loads_no_torch(module: str, tmp_path: Path) -> None:
    assert "torch" not in loaded(f"import {module}", tmp_path)


def test_tasks_load_neither_bench_nor_torch_nor_pandas(tmp_path: Path) -> None:
    modules = loaded("from tasks.registry import TASKS\nTASKS.entries()", tmp_path)
    assert not modules & {"bench", "torch", "pandas", "scipy"}


def test_the_numpy_models_load_no_torch(tmp_path: Path) -> None:
    code = """
from bench.models.contract import Problem, Settings
from bench.models.registry import MODELS
import numpy as np
MODELS.create("numpy_gru").build(Problem(1, 1, "mse"), Settings(4), np.random.default_rng(0), 0)
"""
    assert "torch" not in loaded(code, tmp_path)


def test_numpy_is_the_real_one_when_it_is_needed_after_a_list(tmp_path: Path) -> None:
    code = command("list", "tasks") + "import numpy as np\nassert np.linalg.norm(np.ones(4)) == 2\nimport numpy.typing"
    assert "numpy._core" in loaded(code, tmp_path)


def test_the_public_names_are_there() -> None:
    import bench

    for name in bench.__all__:
        assert getattr(bench, name) is not None
        assert name in dir(bench)
    misspelt = "lode"
    with pytest.raises(AttributeError, match=f"no attribute '{misspelt}'"):
        getattr(bench, misspelt)
