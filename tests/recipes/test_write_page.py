"""docs/recipes.md: the tables that a script writes have the numbers of the records, and each has its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.results import Results, load
from bench.config.files import read_recipe, recipes

from ..bench import synthetic_records as synthetic
from .write_page import METRICS, PAGE, SERVED, claims_section, complete, figure, section

ENVIRONMENT = {
    "python": "3.11.9",
    "cpu": "Example CPU",
    "cores": 2,
    "packages": {"torch": "2.13.0+cpu"},
    "commit": "0123456789abcdef",
}


def results(**asked: Any) -> Results:
    records = synthetic.experiment(seeds=7, trials=2, protocol=2, **asked)
    return Results("synthetic", tuple(records), synthetic.manifest(records, environment=ENVIRONMENT))


def cells(text: str, first: str) -> list[str]:
    """The cells of the row that begins with `first`, without it."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


@pytest.mark.parametrize("name", SERVED)
def test_each_recipe_that_is_served_has_two_marks_and_a_section(name: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert name in recipes()
    assert text.count(f"<!-- measured: {name} -->") == 2
    assert f"\n### {name}\n" in text.partition(f"<!-- measured: {name} -->")[0]


def test_every_recipe_that_searches_and_has_a_section_is_served() -> None:
    headings = re.findall(r"^### ([\w-]+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    searching = [name for name in headings if name in recipes() and "lr_range" not in read_recipe(name)]
    assert {*searching, "cogscale"} == set(SERVED)
    assert set(METRICS) < set(SERVED)


def test_one_task_has_a_row_for_each_model_and_reference() -> None:
    found = results(tasks=("sine",), models=("gru", "lstm"))
    text = section("gru-vs-lstm-sine", found)
    row = found.summary.set_index("model").loc["gru"]
    gru = cells(text, "gru")
    assert gru[0] == f"{row['hidden_size']} × {row['num_layers']}"
    assert gru[1] == "7"
    assert float(gru[2]) == pytest.approx(row["test_loss"], rel=0.01)
    assert float(gru[3].partition(" ")[0]) == pytest.approx(row["skill"], abs=0.01)
    assert gru[-1] == f"{round(row['parameter_count']):,}"
    assert cells(text, "*persistence*")[0] == ""
    (verdict,) = found.verdicts
    assert verdict.headline.split()[0] in text
    assert "protocol 2, 7 replicates of 8 trials, 28 trainings of " in text
    assert text.endswith("added up; Example CPU, 2 cores, Python 3.11.9, torch 2.13.0; commit 0123456789.")


def test_many_models_are_rows_and_many_tasks_are_rows() -> None:
    wide = section("contenders", results(tasks=("sine", "regression"), models=("gru", "lstm", "rnn")))
    assert "| model | `sine` | `regression` | parameters |" in wide
    assert len(cells(wide, "rnn")) == 3
    assert "persistence" in cells(wide, "*best without a net*")[1]  # the noise, a limit, is no predictor
    long = section("contenders", results(tasks=("sine", "regression", "copy"), models=("gru", "lstm")))
    assert "| task | gru | lstm | best without a net |" in long
    assert "(*linear_ar*)" in cells(long, "`sine`")[-1]


def test_a_cell_has_the_metric_s_mean_and_deviation_and_how_often_the_target_was_reached() -> None:
    found = results(tasks=("copy", "copy2"), models=("gru", "rnn"))
    text = section("copy-delays", found)
    rows = found.selected[(found.selected["task"] == "copy") & (found.selected["model"] == "rnn")]
    value = rows["recall_accuracy"]
    reached = int(rows["steps_to_target"].notna().sum())
    assert cells(text, "`copy`")[1] == f"{value.mean():.2f} ± {value.std():.2f} ({reached})"


def test_the_answers_on_many_tasks_are_counted() -> None:
    text = section("contenders", results(tasks=tuple(f"t{i}" for i in range(7)), models=("gru", "lstm")))
    counts = re.search(r"answers on 7 pairs of task and comparison: (.+)\.", text)
    assert counts is not None
    assert sum(int(part.rpartition(": ")[2]) for part in counts[1].split("; ")) == 7


def test_claims_are_listed_with_their_verdicts() -> None:
    text = claims_section([results(models=("gru", "lstm", "rnn"))])
    assert cells(text, "1")[0].startswith("At equal hidden size")
    assert len([line for line in text.splitlines() if re.match(r"\| \d+ \|", line)]) == 12


def test_the_figure_is_that_of_the_report() -> None:
    svg, shown = figure("gru-vs-lstm-sine", results(tasks=("sine",), models=("gru",)))
    assert svg.startswith("<svg ")
    assert shown.endswith("](recipes/gru-vs-lstm-sine.svg)")


def test_an_experiment_that_has_not_ended_is_not_written(tmp_path: Path) -> None:
    records = synthetic.experiment(tasks=("sine",), seeds=2, trials=2, protocol=2)
    synthetic.write(tmp_path, "e", records, status="interrupted")
    with pytest.raises(SystemExit, match="is interrupted: run it to its end first; nothing written"):
        list(complete(["e"], str(tmp_path)))
    synthetic.write(tmp_path, "whole", records)
    assert [found.name for found in complete(["whole"], str(tmp_path))] == [load("whole", tmp_path).name]
