"""The three pages of findings and the published studies come together: the pages' numbers are in the tables."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from bench.analysis.published_tables import table_differences
from bench.records.doctor import diagnose

ROOT = Path(__file__).parents[1]
STUDIES = tuple(ROOT / "results" / name for name in ("study", "study-init", "study-contenders", "study-times"))
PAGES = tuple(ROOT / "docs" / f"{name}.md" for name in ("findings", "findings_in_detail", "study_tables"))
LARGEST = 5_000_000  # bytes of the folder
Row = dict[str, str]
_NUMBER = re.compile(r"(?<![\w.^`])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w^`])")
_POWER, _SUPERSCRIPTS = re.compile("×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"), str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_INTERVAL = re.compile(r"([^()]*)\(([-−\d.,e]+)\s+to\s+([-−\d.,e]+)(?:\s%)?\)")
# ratios of times, and counts of tasks: test_write_findings.py has them
_COUNTED = re.compile("(<!-- measured: study-(?:steps|targets|counts) -->).*?\\1", re.DOTALL)
_CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)


def numbers(text: str) -> list[str]:
    """The numbers that a page states, without those in code and addresses."""
    return [found.replace("−", "-").replace(",", "") for found in _NUMBER.findall(_plain(text))]


def _plain(text: str) -> str:
    return _POWER.sub(lambda power: "e" + power[1].translate(_SUPERSCRIPTS), _CODE.sub(" ", text))


def statements(page: str) -> list[str]:
    """The paragraphs, list items and rows of tables of a page, without headings and blocks of code."""
    text = re.sub(r"(?s:```.*?```)|^#.*$", "", page, flags=re.MULTILINE)
    return [part for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.\s))", text) if part.strip()]


def rows_about(statement: str, rows: Sequence[Row]) -> list[Row]:
    """The rows of the tasks and comparisons that a statement names in code (`copy[delay=10]`, `tuned`): all, where it
    names none."""
    named = set(re.findall(r"`([^`]+)`", statement))
    for column in ("task", "match"):
        if found := [row for row in rows if row[column] in named]:
            rows = found
    return list(rows)


def values(rows: Iterable[Row]) -> set[float]:
    """All numbers of rows, and what is said of them: per cent, the change that a ratio is, its reciprocal, and ms."""
    found: set[float] = set()
    for name, cell in (item for row in rows for item in row.items()):
        try:
            value = float(cell)
        except ValueError:
            continue
        if math.isfinite(value):
            found |= {value, 100 * value, 100 * (1 - value), 100 * (value - 1), *([1 / value] if value else [])}
            found |= {1000 * value} if name.endswith("_seconds") else set()
    return found


def is_found(text: str, known: set[float]) -> bool:
    """Whether a value rounds to the number as it is written; the first three digits of a whole one count."""
    digits = len(text.partition(".")[2].partition("e")[0])
    if text.isdigit() and len(text) > 3 and not text[3:].strip("0"):
        digits = 3 - len(text)
    written = float(text)
    unit = 10.0**-digits * 10 ** int(text.partition("e")[2] or 0)
    return any(abs(value - written) <= unit / 2 * (1 + 1e-9) for value in known)


def strangers(page: str, tables: Iterable[str]) -> list[str]:
    """The estimates with an interval, as 1.08 … (1.00 to 1.18), of which no row of a table has all three numbers."""
    rows = [row for table in tables for row in csv.DictReader(table.splitlines())]
    found = []
    for statement in statements(page):
        own = estimates(rows_about(statement, rows))
        for before, low, high in _INTERVAL.findall(_plain(statement)):
            said = [*numbers(before)[-1:], *numbers(low), *numbers(high)]
            if not any(all(is_found(text, {value}) for text, value in zip(said, three, strict=True)) for three in own):
                found.append(f"{' '.join(said)} in: {statement.strip()}")
    return found


def estimates(rows: Iterable[Row]) -> list[tuple[float, float, float]]:
    """Of rows, each value with its interval; both turned round, as for the second of a pair against the first; and as
    per cent of it, less than it and more than it."""
    found = []
    for row in rows:
        for name in row:
            three = [row.get(f"{name}{end}") for end in ("", "_low", "_high")]
            if all(three):
                value, low, high = (float(text or "nan") for text in three)
                found.append((value, low, high))
                found += [(1 / value, 1 / high, 1 / low)] if value and low and high else []
    in_per_cent = [(100 * value, 100 * low, 100 * high) for value, low, high in found]
    less = [(100 - value, 100 - high, 100 - low) for value, low, high in in_per_cent]
    more = [(value - 100, low - 100, high - 100) for value, low, high in in_per_cent]
    return found + in_per_cent + less + more


def missing(page: str, tables: Iterable[str]) -> list[str]:
    """The numbers of a page that no table has, each with the statement that it stands in."""
    rows = [row for table in tables for row in csv.DictReader(table.splitlines())]
    found = []
    for statement in statements(page):
        known = values(rows_about(statement, rows))
        found += [f"{text} in: {statement.strip()}" for text in numbers(statement) if not is_found(text, known)]
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_number_of_the_findings_is_in_the_tables(path: Path) -> None:
    files = [folder / name for folder in STUDIES for name in ("summary.csv", "pairs.csv")]
    tables = [path.read_text(encoding="utf-8") for path in files]
    page = _COUNTED.sub("", path.read_text(encoding="utf-8"))
    assert missing(page, tables) == []
    assert strangers(page, tables) == []


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_a_study_is_small_and_sound(folder: Path) -> None:
    assert not table_differences(folder)
    assert diagnose(str(folder)).is_sound
    assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST


SUMMARY = """match,task,model,n,skill,steps
tuned,sine,gru,7,0.98412,1200
tuned,copy,gru,7,0.12,
"""
PAIRS = """match,task,first,second,loss_ratio
tuned,sine,gru,lstm,0.58
"""


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("# 99 findings\n\nOn `sine`, GRU's skill is 0.984 and its loss 42 % lower (`--seed 8`, [p](x/12.md)).", []),
        ("# Findings\n\nOn `sine`, GRU's skill is 0.985.", ["0.985"]),
        ("On `sine`, GRU takes 1,200 steps.", []),
        ("On `copy`, GRU takes 1,200 steps.", ["1200"]),  # those of another task
        ("On `sine`, 1.2×10³ steps, and 1.5×10⁻¹⁰.", ["1.5e-10"]),
        ("On `sine`, 1,210 steps, or 1,201.", ["1210", "1201"]),
        ("- On `copy`, 12 %.\n- On `sine`, 12 % of 7.", ["12"]),
        ("| `sine` | 0.58 |\n| `copy` | 0.58 |", ["0.58"]),
        ("```\npython -m bench run --seed 31\n```\nAfter 7 replicates.", []),
    ],
)
def test_a_number_that_the_tables_do_not_have_is_named(page: str, expected: list[str]) -> None:
    """The check itself."""
    assert [text.partition(" in: ")[0] for text in missing(page, [SUMMARY, PAIRS])] == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("On `sine` the GRU's loss is 0.58 times the LSTM's (0.50 to 0.67).", []),
        ("On `sine` the LSTM's loss is 1.72 times the GRU's (1.49 to 2.00).", []),
        ("On `sine` the GRU's loss is 0.58 times the LSTM's (0.51 to 0.67).", ["0.58 0.51 0.67"]),
        ("On `sine` the GRU's loss is 42 % lower than the LSTM's (33 to 50 %).", []),
        ("On `sine` the LSTM's loss is 72 % higher than the GRU's (49 to 100 %).", []),
        ("On `sine` the GRU's loss is 58 % of the LSTM's (50 to 67 %).", []),
        ("On `sine` the GRU's loss is 42 % lower than the LSTM's (50 to 67 %).", ["42 50 67"]),
        ("On `sine` the GRU takes 0.98 times the steps (0.50 to 0.67).", ["0.98 0.50 0.67"]),
        ("| `sine` | **0.58 (0.50 to 0.67)** |\n| `copy` | 0.58 (0.50 to 0.67) |", ["0.58 0.50 0.67"]),
    ],
)
def test_an_interval_belongs_to_its_estimate(page: str, expected: list[str]) -> None:
    pairs = PAIRS.replace("loss_ratio", "loss_ratio,loss_ratio_low,loss_ratio_high").replace("0.58", "0.58,0.5,0.67")
    assert [text.partition(" in: ")[0] for text in strangers(page, [SUMMARY, pairs])] == expected
