"""Single bits that flip in a recorded folder: each is noticed, by the doctor, by the next run and by the report."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from harness import Notes, Run, outcomes, records

from bench.analysis.alarms import alarms
from bench.analysis.results import load
from bench.records.doctor import diagnose
from bench.records.line import encode, parse
from bench.records.schema import SCHEMA


def flips(files: list[Path], count: int, seed: int) -> list[tuple[Path, int]]:
    """Places (file, bit), every bit of all files as likely as any other."""
    sizes = [8 * path.stat().st_size for path in files]
    chance = random.Random(seed)
    chosen = chance.choices(files, weights=sizes, k=count)
    return [(path, chance.randrange(8 * path.stat().st_size)) for path in chosen]


def flip(path: Path, bit: int) -> bytes:
    """Flip one bit; returns what the file was."""
    before = path.read_bytes()
    content = bytearray(before)
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    return before


def unnoticed(folder: Path, count: int, seed: int) -> list[tuple[Path, int]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    missed = []
    for path, bit in flips(files, count, seed):
        before = flip(path, bit)
        if diagnose(folder.name, folder.parent).is_sound:
            missed.append((path, bit))
        path.write_bytes(before)
    assert diagnose(folder.name, folder.parent).is_sound
    return missed


def test_flipped_bits_in_any_file_of_a_folder_are_noticed(experiment: Run, folder: Path) -> None:
    experiment(trials=1)
    assert unnoticed(folder / "results/e", 300, seed=1) == []


@pytest.mark.slow
@pytest.mark.storm
def test_ten_thousand_flipped_bits_are_noticed(experiment: Run, folder: Path) -> None:
    experiment(trials=1, save_models=True)
    assert unnoticed(folder / "results/e", 10_000, seed=2) == []


def test_every_bit_of_a_line_is_covered_by_its_checksum() -> None:
    raw = encode({"schema": SCHEMA, "key": "k", "stage": "search", "test": {"loss": 0.0148}})
    assert parse(1, 0, raw).protected
    for bit in range(8 * len(raw)):
        content = bytearray(raw)
        content[bit // 8] ^= 1 << bit % 8
        pieces = bytes(content).splitlines(keepends=True) if b"\n" in content[:-1] else [bytes(content)]
        assert [parse(1, 0, piece).record for piece in pieces] == [None] * len(pieces), bit


def test_the_report_and_the_next_run_say_what_was_flipped_and_measure_it_again(
    experiment: Run, folder: Path, notes: Notes
) -> None:
    experiment()
    whole = outcomes(records(folder))
    path = folder / "results/e/records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if b'"learning_rate":' in line)
    place = sum(map(len, lines[:number])) + lines[number].index(b'"learning_rate":') + 20
    flip(path, 8 * place)
    found = " ".join(alarms(load("e")))
    assert f"Line {number + 1} of records.jsonl is damaged" in found
    assert "has changed since it was sealed" in found
    experiment()
    damage = f"records.jsonl:{number + 1} is damaged (its checksum is not that of its content)"
    assert any(damage in text for text in notes.texts)
    assert any("has changed since it was sealed" in text for text in notes.texts)
    assert outcomes(records(folder)) == whole
    assert any("has changed since it was sealed" in text for text in load("e").changed)  # though it is sealed again


def test_a_missing_prediction_is_named(experiment: Run, folder: Path) -> None:
    experiment()
    lost = sorted((folder / "results/e/predictions").iterdir())[0]
    lost.unlink()
    assert diagnose("e").files == (f"results/e/predictions/{lost.name} is missing",)
