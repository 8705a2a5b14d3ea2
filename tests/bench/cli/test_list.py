"""`bench list`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench.config.budgets import BUDGETS

Bench = Callable[..., Result]

PLUGIN = """
from dataclasses import dataclass
from bench.models.contract import Model

@dataclass(frozen=True)
class ListedCell(Model):
    name = "listed_cell"
    summary = "a cell for this test"
    cell = "gru"
    gain: float = 2.0

    def build(self, problem, settings, weights, dropout): ...
    def count_parameters(self, problem, hidden_size, num_layers): ...
"""


def rows(result: Result) -> dict[str, str]:
    assert result.exit_code == 0
    return dict(line.split(maxsplit=1) for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("tasks", {"sine", "regression", "copy", "series"}),
        ("models", {"gru", "lstm", "rnn", "numpy_gru"}),
        ("budgets", set(BUDGETS)),
        ("recipes", {"fair", "noise"}),
    ],
)
def test_each_entry_has_a_line_with_a_summary(bench: Bench, what: str, names: set[str]) -> None:
    found = rows(bench("list", what))
    assert names <= set(found)
    assert all(len(summary) > 10 for summary in found.values())


def test_models_stand_in_three_groups(bench: Bench) -> None:
    lines = [line.split()[0] if line.startswith(" ") else line for line in bench("list", "models").stdout.splitlines()]
    headings = ["GRU, LSTM and plain RNN:", "Other recurrent cells:", "Contenders without recurrence:"]
    assert [line for line in lines if line.endswith(":")] == headings
    first, second, third = map(lines.index, headings)
    assert {"gru", "lstm", "rnn", "numpy_gru"} <= set(lines[first:second])
    assert {"mingru", "minlstm", "lru", "slstm", "indrnn", "gru_layernorm"} <= set(lines[second:third])
    assert {"attention", "tcn"} <= set(lines[third + 1 :])


def test_budgets_say_how_much_they_train_and_about_how_long_that_takes_here(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    found = rows(bench("list", "budgets"))
    assert "6 trials × 7 replicates = 42 trainings of a model on a task (49 where" in found["quick"]
    assert "hidden 16,32,64 × layers 1,2, 500 to 1,000 steps; about 78 s" in found["quick"]
    assert found["full"].endswith("about 22 hours")
    assert "25 steps; about 5 seconds" in found["smoke"]
    assert "with 4 cores" in found["times:"]


def test_a_set_of_recipes_has_one_line(bench: Bench) -> None:
    found = rows(bench("list", "recipes"))
    assert "claims" in found
    assert not [name for name in found if "." in name]


def test_parameters_are_shown_as_they_are_written(bench: Bench) -> None:
    assert "[delay=20, length=10]" in rows(bench("list", "tasks"))["copy"]


def test_what_a_plugin_defines_is_listed_too(bench: Bench, folder: Path) -> None:
    (folder / "listed.py").write_text(PLUGIN)
    assert rows(bench("list", "models", "--plugin", "listed.py"))["listed_cell"] == "a cell for this test  [gain=2.0]"


def test_experiments_are_listed_with_what_they_compare(bench: Bench, folder: Path) -> None:
    settings = {"models": ["gru", "lstm"], "tasks": ["sine"], "data": "my.csv", "budget": "quick"}
    for name, text in {"good": json.dumps({"experiment": settings}), "torn": "{"}.items():
        (folder / "results" / name).mkdir(parents=True)
        (folder / "results" / name / "experiment.json").write_text(text)
    (folder / "results" / "good" / "records.jsonl").write_text("{}\n{}\n")
    found = rows(bench("list", "experiments"))
    assert found["good"] == "gru, lstm on sine, my.csv; budget quick, 2 records"
    assert "cannot be read" in found["torn"]


def test_no_experiments_is_said_apart_from_the_list(bench: Bench) -> None:
    result = bench("list", "experiments")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no experiments yet\n")
