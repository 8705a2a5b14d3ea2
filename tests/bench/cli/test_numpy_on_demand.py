"""`bench list` without NumPy, and NumPy all the same where something uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LISTED = """
import sys
from bench.cli import main

try:
    main(["list", sys.argv[1]])
except SystemExit as end:
    assert end.code == 0
print(sorted(name for name in sys.modules if name.startswith("numpy.")))
"""
USED = """
from bench.cli.numpy_on_demand import defer_numpy

defer_numpy()
import sys
import numpy as np

assert not [name for name in sys.modules if name.startswith("numpy.")]
import numpy.linalg
from numpy.typing import NDArray

assert np.linalg.norm(np.array([3.0, 4.0])) == 5
assert sys.modules["numpy"].float64 is np.float64
"""


def run(code: str, *arguments: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("what", ["tasks", "models"])
def test_listing_loads_no_numpy(what: str) -> None:
    *rows, loaded = run(LISTED, what)
    assert len(rows) > 5
    assert loaded == "[]"


def test_whatever_uses_numpy_has_it() -> None:
    assert run(USED) == []
