"""Nine cells and tasks of somebody's own, each a file of under 60 lines, from the check to the report and the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bench.analysis.results import load
from bench.cli import main
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.run import run
from bench.report import render

pytestmark = pytest.mark.usefixtures("brief_timings")
FILES = sorted((Path(__file__).parents[2] / "plugins" / "own").glob("*.py"))
MODELS = ("own_mingru", "own_lru", "own_tcn", "own_attention", "own_esn", "own_peephole")
FIXED = {  # a baseline searches nothing
    "own_esn": "spectral_radius=0.9,leak=0.5,input_scale=0.5,ridge=1e-3",
    "own_lru": "longest=0.95",
    "own_tcn": "width=3",
}
TASKS = ("own_recall", "own_npz", "own_labels")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of sequences: a rising and a falling line, with noise."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "lines.npz"
    y = rng.integers(0, 2, 120)
    lines = np.linspace(-1, 1, 7)[None, :, None] * (2 * y - 1)[:, None, None]
    np.savez(path, x=lines + 0.3 * rng.standard_normal((120, 7, 2)), y=y)
    return path


def test_each_is_a_file_of_under_60_lines() -> None:
    assert [path.stem for path in FILES] == sorted([*MODELS, *TASKS])
    assert max(len(path.read_text().splitlines()) for path in FILES) < 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_keeps_its_contract(path: Path, data: Path) -> None:
    entries = [f"own_npz[file={data}]"] if path.stem == "own_npz" else []
    result = CliRunner().invoke(main, ["validate", str(path), *entries])
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "every promise is kept"), result.output


@pytest.mark.slow
def test_all_of_them_are_run_matched_and_reported(tmp_path: Path, data: Path) -> None:
    flags: dict[str, Any] = {
        "plugins": [str(path) for path in FILES],
        "models": [*MODELS, "numpy_gru"],
        "tasks": ["own_recall", f"own_npz[file={data}]", "own_labels"],
        "match": "params",
        "budget": "smoke",
        "layers": "1",
        "steps": 6,
        "trials": 2,
        "replicates": 1,
        "name": "own",
        "results": str(tmp_path),
    }
    assert run(resolve(flags), executor=InlineExecutor()).failures == 0
    results = load("own", tmp_path)
    assert set(results.models) == {*MODELS, "numpy_gru"}
    assert (results.selected["status"] == "ok").all()
    assert len(results.selected) == 3 * 7
    matched = results.manifest["matched"]["params"]["own_labels"]
    for model, own in matched["models"].items():
        rows = results.selected[(results.selected["match"] == "params") & (results.selected["model"] == model)]
        assert own["hidden_size"] in set(rows["hidden_size"])
    assert matched["models"]["own_attention"]["hidden_size"] % 4 == 0
    page, *_ = render("own", tmp_path, tmp_path / "reports")
    assert all(model in page.read_text() for model in MODELS)


@pytest.mark.storm
def test_the_gate_guards_all_of_them(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "bench.gate.this_code.session.open_executor", lambda made, _: InlineExecutor(made.options.plugins)
    )
    monkeypatch.chdir(tmp_path)
    models = [f"{model}[{FIXED[model]}]" if model in FIXED else model for model in MODELS]
    tasks = ["own_recall", f"own_npz[file={data}]", "own_labels"]
    Path("own.toml").write_text(
        f"plugins = {json.dumps([str(path) for path in FILES])}\nmodels = {json.dumps(models)}\n"
        f'tasks = {json.dumps(tasks)}\nmatch = ["hidden"]\nhidden_sizes = [8]\nlayers = [1]\n'
        "lr_range = [1e-2, 1e-2]\nsteps = 10\n"
    )
    recorded = CliRunner().invoke(main, ["baseline", "record", "base", "--config", "own.toml"])
    assert recorded.exit_code == 0, recorded.output
    assert "18 cells" in recorded.output
    checked = CliRunner().invoke(main, ["check", "base"])
    assert checked.exit_code == 0, checked.output
