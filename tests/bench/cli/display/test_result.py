"""The tables and lines at the end of a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.results import Results
from bench.cli.display.result import (
    HEADERS,
    ResultTable,
    failure_lines,
    lines,
    model_lines,
    place_lines,
    summary_tables,
)


def training(model: str, replicate: int, loss: float, *, match: str = "tuned", **changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "key": f"{match}{model}{replicate}",
        "stage": "confirm",
        "match": match,
        "task": {"name": "sine", "label": "sine"},
        "model": {"name": model, "label": model, "hidden_size": 16, "num_layers": 2, "init": "default"},
        "training": {"learning_rate": 0.01, "batch_size": 8, "steps": 100},
        "replicate": replicate,
        "status": "ok",
        "command": f"python -m bench rerun e {match}{model}{replicate}",
        "test": {"loss": loss, "skill": 1 - loss},
        "steps_to_target": 40.0 * replicate,
        "parameters": {"recurrent": 1200, "head": 34, "total": 1234},
        **changes,
    }


def timing(model: str) -> dict[str, Any]:
    return {**training(model, 1, 1), "stage": "time", "replicate": None, "timing": {"step_seconds": 0.0029}}


def reference(name: str, loss: float) -> dict[str, Any]:
    model = {"name": name, "label": name, "kind": "floor", "how": "the last value"}
    return {**training(name, 1, loss), "stage": "reference", "match": None, "model": model}


@pytest.mark.parametrize(("valid", "said"), [((0.2, 0.3), False), ((0.3, 0.2), True)])
def test_the_line_on_the_best_model_says_why_it_is_not_first_by_test_loss(
    tmp_path: Path, valid: tuple[float, float], said: bool
) -> None:
    (tmp_path / "models").mkdir()
    records = []
    for model, test, loss in zip(("gru", "lstm"), (0.1, 0.5), valid, strict=True):
        record = training(model, 1, test, curve={"step": [0, 10], "train_loss": [1, loss], "valid_loss": [1, loss]})
        (tmp_path / "models" / f"{record['key']}.pt").touch()
        record["kept_files"] = {f"models/{record['key']}.pt": 0}
        records.append(record)
    line = next(line for line in model_lines(Results("e", tuple(records), {}, tmp_path)) if "best by" in line)
    best = "lstm" if said else "gru"
    path = f"{tmp_path}/models/tuned{best}1.pt"
    why = " (chosen on validation data, as it must be; gru has the lower test loss)" if said else ""
    assert line == f"  best by validation on sine: {best}, {path}{why}"


def results(*records: dict[str, Any]) -> Results:
    return Results("e", records, {})


RECORDS = [
    *(training("gru", i, loss) for i, loss in ((1, 0.1), (2, 0.3))),
    training("a_cell_with_a_long_name", 1, 0.05),
    timing("gru"),
    reference("persistence", 1.0),
]


def test_models_come_in_order_of_skill_and_references_below() -> None:
    (table,) = summary_tables(results(*RECORDS))
    assert table.title == "sine"
    assert [row[0] for row in table.rows] == ["a_cell_with_a_long_name", "gru", "persistence"]
    assert table.is_model == (True, True, False)
    assert table.rows[1] == ("gru", "16×2", "0.80", "−0.47 to 1.00", "0.173", "2/2", "40", "1,234", "2.90 ms")
    assert table.rows[2] == ("persistence", "", "0.000", "", "1.00", "", "", "", "")


def test_what_was_not_measured_is_a_dash() -> None:
    (table,) = summary_tables(results(training("gru", 1, 0.1, steps_to_target=None)))
    row = dict(zip(HEADERS, table.rows[0], strict=True))
    assert (row["95 % interval"], row["solved"], row["to target"], row["a step"]) == ("", "0/1", "–", "–")


def test_each_comparison_has_its_table() -> None:
    both = results(training("gru", 1, 0.1), training("gru", 1, 0.2, match="params"))
    assert [table.title for table in summary_tables(both)] == ["sine, tuned", "sine, equal parameters"]


@pytest.mark.parametrize(("bad", "said"), [(9.0, True), (1.2, False)])
def test_a_skill_that_contradicts_the_loss_is_explained(bad: float, said: bool) -> None:
    """Skills of 0.9, 0.9 and −8 have the mean −2.07; losses of 0.1, 0.1 and 9 the geometric mean 0.45, below 1."""
    losses = [training("gru", i, loss) for i, loss in ((1, 0.1), (2, 0.1), (3, bad))]
    (table,) = summary_tables(results(*losses, reference("persistence", 1.0)))
    assert table.note.startswith("gru: skill and loss disagree on whether it beats persistence. ") == said
    assert bool(table.note) == said


def test_a_search_alone_gives_no_table() -> None:
    assert summary_tables(results(training("gru", 0, 0.1, stage="search", test=None))) == []


@pytest.mark.parametrize("width", [None, 120, 80, 20])
def test_columns_are_aligned_and_nothing_is_cut(width: int | None) -> None:
    (table,) = summary_tables(results(*RECORDS))
    title, header, *rows = lines(table, width)
    assert title == "sine"
    assert header.split() == " ".join(HEADERS).split()
    for row, cells in zip(rows, table.rows, strict=True):
        assert row.split() == " ".join(cells).split()
    assert len({len(row) for row in (header, *rows[:2])}) == 1  # full rows end in the same column


def test_an_ordinary_table_fits_eighty_columns() -> None:
    cells = ("persistence", "128×2", "−0.129", "−1.07 to 0.81", "0.00975", "20/20", "12,345", "123,456", "12.6 ms")
    assert max(map(len, lines(ResultTable("sine", (cells,), (True,)), 80))) <= 80


def test_failures_are_counted_and_the_first_ones_shown_with_their_commands() -> None:
    failed = [training("gru", i, math.nan, status="diverged", error=None, test=None) for i in range(1, 6)]
    found = failure_lines(results(training("lstm", 1, 0.1), *failed))
    assert found[1] == "5 of 6 trainings did not end well:"
    assert "    again: python -m bench rerun e tunedgru1" in found
    assert found[-1] == "  and 2 more, in the report"


def test_no_failures_no_lines() -> None:
    assert failure_lines(results(training("lstm", 1, 0.1))) == []


def test_places_name_report_and_tables(tmp_path: Path) -> None:
    (tmp_path / "summary.csv").touch()
    assert place_lines([Path("reports/e/index.html")], tmp_path) == [
        "report  reports/e/index.html",
        f"tables  {tmp_path}/ (summary.csv)",
    ]
