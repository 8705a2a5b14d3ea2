"""Records that something else removes, moves or changes during a run: an error, never a complete run without them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Notes, outcomes, records

from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.outcome import Outcome
from bench.experiment.run import run
from bench.records.jsonl import RecordFile
from bench.records.schema import SCHEMA, Record
from tasks.errors import UserError

AFTER = 6  # records, of the 12 and more that the experiment has


class Meddler(Notes):
    """Does something to the folder after some records."""

    def __init__(self, meddle: Callable[[], object], after: int = AFTER) -> None:
        super().__init__()
        self._meddle, self._left = meddle, after

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        super().finished(slot, record, reused)
        self._left -= 1
        if self._left == 0:
            self._meddle()


def run_toy(plugin: str, observer: Notes) -> Outcome:
    made = {"plugins": [plugin], "tasks": ["toy"], "models": ["linear"], "budget": "smoke", "name": "e", "seeds": 5}
    return run(resolve(made), observer=observer, executor=InlineExecutor([plugin]))


def replace(path: Path) -> None:
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)


def flip(path: Path) -> None:
    """One bit in the middle, in place: what a failing disk does."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))


MEDDLING: dict[str, tuple[Callable[[Path], object], str]] = {
    "removed": (Path.unlink, "was removed, or its folder was"),
    "folder removed": (lambda path: shutil.rmtree(path.parent), "was removed, or its folder was"),
    "moved": (lambda path: path.parent.rename(path.parents[1] / "elsewhere"), "was removed, or its folder was"),
    "replaced": (replace, "was replaced by another file"),
    "cut": (lambda path: os.truncate(path, path.stat().st_size // 2), "was made shorter by something else"),
    "written": (lambda path: path.write_bytes(path.read_bytes() + b"x\n"), "was made longer by something else"),
    "flipped": (flip, "was changed by something else"),
}


@pytest.mark.parametrize("after", [AFTER, 8], ids=["in the middle", "at the end"])
@pytest.mark.parametrize("how", MEDDLING)
def test_what_something_else_does_to_the_records_ends_the_run_and_the_next_one_has_all(
    toy_plugin: str, folder: Path, how: str, after: int
) -> None:
    run_toy(toy_plugin, Notes())
    expected = outcomes(records(folder)).keys()
    shutil.rmtree(folder / "results")
    meddle, says = MEDDLING[how]
    path = folder / "results/e/records.jsonl"
    with pytest.raises(UserError, match=rf"results/e/records\.jsonl {says} while this run was writing it"):
        run_toy(toy_plugin, Meddler(lambda: meddle(path), after))
    manifest = folder / "results/e/experiment.json"
    assert not manifest.exists() or json.loads(manifest.read_text())["status"] != "complete"
    outcome = run_toy(toy_plugin, Notes())
    assert not outcome.unchanged
    assert outcomes(records(folder)).keys() == expected
    assert run_toy(toy_plugin, Notes()).unchanged


def test_a_complete_folder_from_which_lines_were_taken_is_measured_again_and_says_so(
    toy_plugin: str, folder: Path
) -> None:
    run_toy(toy_plugin, Notes())
    expected = outcomes(records(folder))
    path = folder / "results/e/records.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    notes = Notes()
    run_toy(toy_plugin, notes)
    assert outcomes(records(folder)).keys() == expected.keys()
    assert any("has lost" in text and "is measured again" in text for text in notes.texts)
    assert "has lost" in json.loads((folder / "results/e/experiment.json").read_text())["noticed"][0]


def test_a_folder_that_an_earlier_bench_called_complete_with_records_missing_is_completed(
    toy_plugin: str, folder: Path
) -> None:
    """As that bench left it: a checksum of what was there at the end, and not how much there should be."""
    run_toy(toy_plugin, Notes())
    expected = outcomes(records(folder))
    as_an_earlier_bench(folder / "results/e", lambda lines: lines[:-3])
    outcome = run_toy(toy_plugin, Notes())
    assert not outcome.unchanged
    assert outcomes(records(folder)).keys() == expected.keys()


def as_an_earlier_bench(folder: Path, keep: Callable[[list[bytes]], list[bytes]]) -> None:
    """Write the records without checksums, and a manifest that has only theirs."""
    import hashlib

    path = folder / "records.jsonl"
    lines = [line[: line.rindex(b',"crc32"')] + b"}\n" for line in path.read_bytes().splitlines(keepends=True)]
    content = b"".join(keep(lines))
    path.write_bytes(content)
    manifest = json.loads((folder / "experiment.json").read_text())
    for name in ("records_bytes", "tables_sha256", "manifest_sha256"):
        del manifest[name]
    manifest["records_sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "experiment.json").write_text(json.dumps(manifest, indent=2) + "\n")


def test_a_folder_of_an_earlier_bench_is_read_and_gone_on_with_and_is_said_to_be_unprotected(
    toy_plugin: str, folder: Path
) -> None:
    from click.testing import CliRunner

    from bench.cli import main

    run_toy(toy_plugin, Notes())
    as_an_earlier_bench(folder / "results/e", lambda lines: lines)
    count = len(records(folder))
    assert run_toy(toy_plugin, Notes()).unchanged
    result = CliRunner().invoke(main, ["doctor", "e"])
    assert result.exit_code == 0
    assert f"{count} of these are unprotected" in result.output
    assert "  0 damaged" in result.output


def test_unprotected_records_that_changed_are_refused_until_a_person_has_accepted_them(
    toy_plugin: str, folder: Path
) -> None:
    from click.testing import CliRunner

    from bench.cli import main

    run_toy(toy_plugin, Notes())
    place = folder / "results/e"
    as_an_earlier_bench(place, lambda lines: lines)
    changed = (place / "records.jsonl").read_bytes().replace(b'"loss":0.0', b'"loss":0.9')
    (place / "records.jsonl").write_bytes(changed)
    with pytest.raises(UserError, match=r"has changed since it was sealed .* doctor e --repair"):
        run_toy(toy_plugin, Notes())
    assert CliRunner().invoke(main, ["doctor", "e"]).exit_code == 1
    assert CliRunner().invoke(main, ["doctor", "e", "--repair"]).exit_code == 0
    run_toy(toy_plugin, Notes())
    assert "has changed since it was sealed" in json.loads((place / "experiment.json").read_text())["noticed"][0]


def test_a_file_that_appears_where_there_was_none_is_not_written_to(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "records.jsonl")
    file.open()
    file.path.write_bytes(b"mine\n")
    with pytest.raises(UserError, match="was made by something else"):
        file.append({"schema": SCHEMA, "key": "1", "stage": "search"})
    assert file.path.read_bytes() == b"mine\n"
