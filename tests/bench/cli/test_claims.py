"""`bench claims`, and the recipe that runs what the claims need."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.analysis.claims import CLAIMS
from bench.cli import main
from bench.config.files import read_recipe, recipe_parts
from bench.config.resolve import resolve


def call(*args: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(main, list(args))
    return found.exit_code, found.stdout, found.stderr


def counts(output: str) -> str:
    """How many claims have each verdict, in the order in which they come."""
    found = re.findall(r"^ ?\d+\. .+  \[(.+)\]$", output, re.MULTILINE)
    assert len(found) == len(CLAIMS)
    return ", ".join(f"{found.count(verdict)} {verdict}" for verdict in dict.fromkeys(found))


def test_every_claim_is_listed_with_its_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--models", "gru,lstm", "--tasks", "sine", "--budget", "smoke", "--steps", "3", "--match", "hidden"]
    code, output, error = call("run", *options, "--name", "c", "--executor", "inline", "--quiet")
    assert code == 0, error + output
    code, output, _ = call("claims", "c")
    assert code == 0
    assert " 1. At equal hidden size a GRU layer has exactly 3/4" in output
    assert "[supported]" in output
    assert " 4. GRU and LSTM end with similar error on short and medium sequences.  [not settled]" in output
    assert "12. LSTM counts, GRU does not.  [not tested by this experiment]" in output
    assert "to test it: python -m bench run --recipe claims.counting" in output
    assert "not measured here: training step, on cuDNN: no timings with a GPU" in output
    assert output.splitlines().count(counts(output) + "; from c") == 1


def test_an_experiment_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, error = call("claims", "nowhere")
    assert code == 2
    assert error.startswith("error: no experiment in 'results'")


def test_the_recipe_has_parts_and_each_is_an_experiment() -> None:
    parts = recipe_parts("claims")
    assert parts[0] == "claims"
    assert len(parts) > 5
    experiments = [resolve({}, read_recipe(part), recipe=part) for part in parts]
    assert [experiment.name for experiment in experiments] == parts
    replicates = {experiment.name: experiment.options.replicates or 0 for experiment in experiments}
    assert all(count >= 5 for name, count in replicates.items() if name != "claims.speed")
    assert recipe_parts("fair") == ["fair"]


def test_what_the_claims_need_is_in_the_recipe() -> None:
    """Each claim finds something to test in some part: tasks, models, comparisons and schemes."""
    experiments = [resolve({}, read_recipe(part), recipe=part) for part in recipe_parts("claims")]
    tasks = {task.name for experiment in experiments for task in experiment.tasks}
    assert {"sine", "regression", "copy", "adding", "counting", "noise"} <= tasks
    matches = {match for experiment in experiments for match in experiment.options.match}
    assert {"hidden", "params", "each", "tuned"} <= matches
    assert {entry.label for experiment in experiments for entry in experiment.entries} >= {
        *("gru", "lstm", "rnn", "lstm[init=forget_bias]", "numpy_gru", "numpy_lstm"),
    }


def test_a_recipe_with_parts_runs_them_all_under_the_name_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bench.config.files as config_file

    folder = tmp_path / "recipes"
    folder.mkdir()
    for name, task in (("two", "sine"), ("two.more", "noise")):
        (folder / f"{name}.toml").write_text(f'# A test.\nmodels = ["gru"]\ntasks = ["{task}"]\nsteps = 2\n')
    monkeypatch.setattr(config_file, "RECIPES", folder)
    monkeypatch.chdir(tmp_path)
    options = ["--trials", "1", "--seeds", "1", "--hidden-sizes", "4", "--executor", "inline", "--quiet"]
    code, output, error = call("run", "--recipe", "two", "--name", "mine", *options)
    assert code == 0, error + output
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["mine", "mine.more"]
    assert "python -m bench claims mine" in output
    code, output, _ = call("claims", "mine")
    assert output.splitlines().count(counts(output) + "; from mine, mine.more") == 1
