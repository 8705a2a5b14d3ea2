"""Torn and damaged records: reported, never deleted unasked, and what they had measured is measured again."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from harness import Notes, Run, outcomes, records

from bench.cli import main
from bench.records.line import encode
from bench.records.schema import SCHEMA
from tasks.errors import UserError


def doctor(*flags: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["doctor", "e", *flags])
    return result.exit_code, result.output


def begin_again(folder: Path) -> Path:
    """Forget that the experiment was complete, so that the next run looks at its records."""
    (folder / "results/e/experiment.json").write_text(
        (folder / "results/e/experiment.json").read_text().replace('"complete"', '"interrupted"')
    )
    return folder / "results/e/records.jsonl"


def test_a_torn_last_line_is_dropped_with_a_warning_and_repeated(experiment: Run, folder: Path, notes: Notes) -> None:
    experiment()
    whole = outcomes(records(folder))
    path = begin_again(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2])
    experiment()
    assert [text for text in notes.texts if "was only begun" in text and f":{len(lines)} " in text]
    assert outcomes(records(folder)) == whole
    assert doctor()[0] == 0


@pytest.mark.parametrize("damage", [b"\0" * 200 + b"\n", b"", b"[1, 2]\n", b'{"schema":1,"key":5}\n'], ids=repr)
def test_a_damaged_line_is_reported_with_its_number_and_goes_only_with_repair(
    experiment: Run, folder: Path, notes: Notes, damage: bytes
) -> None:
    experiment()
    whole = outcomes(records(folder))
    path = begin_again(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = damage or lines[3][:80] + b"\n"
    path.write_bytes(b"".join(lines))
    experiment()
    assert [text for text in notes.texts if "records.jsonl:4 is damaged" in text and "bench doctor e" in text]
    assert outcomes(records(folder)) == whole
    assert path.read_bytes().startswith(b"".join(lines))

    before = path.read_bytes()
    code, text = doctor()
    assert code == 1
    assert "records.jsonl:4: no " in text
    assert f"{len(lines)} whole records" in text
    assert path.read_bytes() == before

    code, text = doctor("--repair")
    assert code == 0
    assert (folder / text.rsplit(": ", 1)[1].strip()).read_bytes() == before
    assert path.read_bytes() == b"".join(line for line in before.splitlines(keepends=True) if line != lines[3])
    assert doctor()[0] == 0


def test_records_of_a_newer_bench_are_refused_and_never_repaired_away(experiment: Run, folder: Path) -> None:
    experiment()
    path = begin_again(folder)
    newer = encode({**records(folder)[0], "schema": SCHEMA + 1})
    path.write_bytes(path.read_bytes() + newer)
    with pytest.raises(UserError, match=rf"has record schema {SCHEMA + 1}, .* install a newer bench"):
        experiment()
    assert doctor("--repair")[0] == 1
    assert path.read_bytes().endswith(newer)


def test_a_kill_that_let_only_some_references_through_loses_none(experiment: Run, folder: Path) -> None:
    experiment(tasks=["sine"])
    whole = outcomes(records(folder))
    path = begin_again(folder)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    experiment(tasks=["sine"])
    assert outcomes(records(folder)) == whole
