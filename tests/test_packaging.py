"""The wheel: it holds what it needs, and works outside the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ("bench/config/recipes/*.toml", "bench/report/templates/*", "bench/report/*.bib", "tasks/data/*")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources, by the installed build backend: no network."""
    folder = tmp_path_factory.mktemp("wheel")
    leave_out = shutil.ignore_patterns("__pycache__")
    for name in ("bench", "tasks"):
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=leave_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source" / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), "source"]
    subprocess.run(command, check=True, cwd=folder, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_both_packages_and_their_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    expected = {path.relative_to(ROOT) for package in ("bench", "tasks") for path in (ROOT / package).rglob("*.py")}
    files = {path.relative_to(ROOT) for pattern in SHIPPED for path in ROOT.glob(pattern) if path.is_file()}
    assert files
    assert {path.as_posix() for path in expected | files} <= names
    assert not [name for name in names if name.startswith("tests")]
    assert [name for name in names if name.endswith("licenses/LICENSE")]


@pytest.mark.slow
def test_the_installed_wheel_runs_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    # the dependencies are the ones of this environment; bench itself must come from the wheel
    environment = {**os.environ, "PYTHONPATH": str(target), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def bench(*args: str) -> str:
        command = [sys.executable, "-m", "bench", *args]
        done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [sys.executable, "-c", "import bench, tasks; print(bench.__file__, tasks.__file__)"],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.count(str(target)) == 2
    assert "fair" in bench("list", "recipes")
    helped = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"], cwd=elsewhere, env=environment, capture_output=True, text=True
    )
    assert "--bench-baseline" in helped.stdout  # through the entry point: no flag loads it
    out = bench(
        *("run", "--budget", "smoke", "--data", "sunspots_annual.csv", "--target", "sunspots", "--tasks", "sine"),
        *("--models", "gru,numpy_gru", "--name", "installed"),
    )
    assert "On sine" in out
    page = elsewhere / "reports" / "installed" / "index.html"
    assert "<svg" in page.read_text(encoding="utf-8")


def test_the_file_with_hashes_pins_what_the_constraints_pin() -> None:
    """`make lock` writes it; both files name the same versions, and each version has the hash of at least one file."""

    def pins(path: Path) -> list[str]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [re.split(r"[ ;]", line)[0] for line in lines if line and line[0] not in "# "]

    locked = (ROOT / "locked.txt").read_text(encoding="utf-8")
    asked_for = set(pins(ROOT / "constraints.txt"))
    assert asked_for == set(pins(ROOT / "locked.txt")), "make lock, and commit locked.txt"
    hashes = re.split(r"^\S.*\\$", locked, flags=re.MULTILINE)[1:]
    assert len(hashes) == len(asked_for)
    assert all(re.fullmatch(r"(\s+--hash=sha256:[0-9a-f]{64}(?: \\)?)+\s*", of_one) for of_one in hashes)
