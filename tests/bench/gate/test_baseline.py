"""A baseline on disk: what is written reads back, what a hand changed is noticed."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from synthetic import baseline, cells, write

from bench.gate.baseline import SCHEMA
from bench.gate.baseline_files import MANIFEST, TABLE, read_baseline
from bench.gate.errors import NotComparable
from bench.gate.exceptions import EMPTY, NAME, read_exceptions


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    written = baseline()
    assert read_baseline(write(tmp_path)) == written


def test_the_same_trainings_write_the_same_bytes_whatever_their_order(tmp_path: Path) -> None:
    shuffled = [part[::-1] for part in cells()][::-1]
    for name in (TABLE, MANIFEST):
        assert (write(tmp_path / "a") / name).read_bytes() == (write(tmp_path / "b", shuffled) / name).read_bytes()


def test_rows_are_sorted_tidy_and_without_times(tmp_path: Path) -> None:
    with (write(tmp_path) / TABLE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = [(row["task"], row["model"], int(row["replicate"]), row["metric"]) for row in rows]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert not [row for row in rows if re.search(r"second|time|date", row["metric"])]


def test_twelve_cells_stay_below_500_kilobytes(tmp_path: Path) -> None:
    names = [(f"task_with_a_long_name[delay={i},length=10]", f"model{j}") for i in range(3) for j in range(4)]
    assert (write(tmp_path, cells(names)) / TABLE).stat().st_size < 500_000


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [(TABLE, ",ok\n", ",diverged\n"), (TABLE, "sine", "sin"), (MANIFEST, "0.01", "0.02"), (MANIFEST, "Example", "My")],
)
def test_an_edit_by_hand_is_noticed(tmp_path: Path, file: str, before: str, after: str) -> None:
    path = write(tmp_path) / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(NotComparable, match="edited by hand"):
        read_baseline(tmp_path)


def test_other_line_ends_are_no_edit(tmp_path: Path) -> None:
    path = write(tmp_path) / TABLE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_baseline(tmp_path).recorded == 24


def test_what_is_no_baseline_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotComparable, match=r"there is no baseline in .*bench baseline record"):
        read_baseline(tmp_path / "nowhere")
    (write(tmp_path / "a") / TABLE).unlink()
    with pytest.raises(NotComparable, match="is missing"):
        read_baseline(tmp_path / "a")
    (write(tmp_path / "b") / MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(NotComparable, match="not valid JSON"):
        read_baseline(tmp_path / "b")
    (write(tmp_path / "c") / MANIFEST).write_text("[]", encoding="utf-8")
    with pytest.raises(NotComparable, match="is not a baseline's"):
        read_baseline(tmp_path / "c")


def test_another_schema_says_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path) / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "schema": SCHEMA + 1}), encoding="utf-8")
    with pytest.raises(NotComparable, match=f"schema {SCHEMA + 1}, this bench compares schemas up to {SCHEMA}"):
        read_baseline(tmp_path)


def test_exceptions_are_read_and_are_no_edit(tmp_path: Path) -> None:
    (write(tmp_path) / NAME).write_text(
        '[[cell]]\ntask = "sine"\nmodel = "gru"\nreason = "r"\nsteps_margin = 1.2\n', encoding="utf-8"
    )
    ((name, exception),) = read_baseline(tmp_path).exceptions.items()
    assert (name, exception.rule.steps_margin, exception.rule.loss_margin) == (("sine", "gru"), 1.2, 0.05)
    assert (exception.skip, exception.reason) == (False, "r")


def test_the_first_gate_toml_explains_itself_and_changes_nothing(tmp_path: Path) -> None:
    assert (write(tmp_path) / NAME).read_text(encoding="utf-8") == EMPTY
    assert read_exceptions(tmp_path) == {}
    (tmp_path / NAME).write_text(re.sub(r"^# ?(?=\[\[|\w+ =)", "", EMPTY, flags=re.MULTILINE), encoding="utf-8")
    assert len(read_exceptions(tmp_path)) == 1


CELL = '[[cell]]\ntask = "sine"\nmodel = "gru"\nreason = "r"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[cell", "not valid TOML"),
        ("[other]\nx = 1", "expected only"),
        (CELL + "margn = 2", "unknown key 'margn'"),
        (CELL + 'skip = "yes"', "skip is 'yes', expected bool"),
        (CELL + "steps_margin = true", "steps_margin is True, expected float"),
        (CELL + "steps_margin = 0.9", "at least 1"),
        (CELL, "changes nothing"),
        (CELL.replace('"r"', '" "') + "skip = true", "has no reason"),
        ((CELL + "skip = true\n") * 2, "two exceptions"),
        ('[[cell]]\ntask = "sin"\nmodel = "gru"\nreason = "r"\nskip = true', "names sin × gru, which the baseline"),
    ],
)
def test_an_exception_that_is_no_good_says_why(tmp_path: Path, text: str, message: str) -> None:
    (write(tmp_path) / NAME).write_text(text, encoding="utf-8")
    with pytest.raises(NotComparable, match=re.escape(message)):
        read_baseline(tmp_path)
