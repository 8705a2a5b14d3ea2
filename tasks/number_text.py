"""Numbers as people write them in tables: read exactly, or refused with what would mend them."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence

import numpy as np

from tasks.contract import Array

MISSING = {"", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", "?", "-"}  # lower case

_MISSING_IN_PANDAS = {"", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None"}
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,'’ \u00a0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_UNIT = re.compile(r"(?:[^\d\s.,+(-]{1,3}\s*)?[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?\s*(?:[^\d\s.,][^\d]{0,20})?")
_LETTERS = re.compile(r"[^\W\d_]+")


def is_missing(text: str) -> bool:
    """Whether a value, without white space around it, stands for none."""
    return text.lower() in MISSING


def is_number(text: str, decimal: str = ".") -> bool:
    """Whether `number` can read it; infinite values are numbers."""
    try:
        number(text, decimal)
    except ValueError:
        return False
    return True


def number(text: str, decimal: str = ".") -> float:
    """A number as it is written, exactly as Python reads it; ValueError for anything else.

    decimal: the mark before the decimals; with a comma, a point is no part of a number.
    """
    if "_" in text or (decimal == "," and "." in text):  # Python reads 1_000 as a number, spreadsheets do not
        raise ValueError(text)
    return float(text.replace(",", ".") if decimal == "," else text)


def plain_numbers(texts: Sequence[str]) -> Array | None:
    """All of them at once, `(n,)` float64, where each is a plain number with a decimal point; None otherwise."""
    try:
        values = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    except ValueError:
        return None
    return None if any("_" in text for text in texts) else values


def numbers(texts: Sequence[str], decimal: str = ".") -> tuple[Array, int | None]:
    """Values `(n,)` float64, NaN where one is missing, and the position of the first that is no number."""
    values = plain_numbers(texts) if decimal == "." else None
    if values is not None:
        return values, None
    values = np.full(len(texts), math.nan)
    for i, text in enumerate(texts):
        if not is_missing(text):
            try:
                values[i] = number(text, decimal)
            except ValueError:
                return values, i
    return values, None


def how_to_mend(
    path: str,
    name: str,
    text: str,
    columns: Mapping[str, Sequence[str]],
    reading: tuple[str, str],
    *,
    target: bool = False,
) -> str:
    """What makes column `name` readable, of which `text` is no number: a flag, or a line of pandas.

    columns: of the whole table. reading: the delimiter and the decimal mark with which the file was read.
    target: whether the column is to be forecast.
    """
    delimiter, decimal = reading
    texts = columns[name]
    grouped = _GROUPED.fullmatch(text)
    other = "," if decimal == "." else "."
    flag = "give --decimal ," if decimal == "." else "leave out --decimal ,"
    given = [value for value in texts if not is_missing(value)]
    separated = [f"sep={delimiter!r}"] if delimiter != "," else []
    absent = _absent(name, columns)
    if grouped and not (other in text and all(is_number(value, other) for value in given if other in value)):
        mark = str(grouped[1])
        used = "," if mark == "." or (mark != "," and "," in text) else "."
        options = separated + (["engine='python'"] if mark > "~" else [])  # the faster one knows ASCII alone
        options += [f"thousands={mark!r}"] + ([f"decimal={used!r}"] if used != "." else [])
        options += _kept_as_text(columns, mark) + absent
        return f"thousands are separated; in pandas: {_rewritten(path, ', '.join(options))}"
    if is_number(text, other):
        if all(_GROUPED.fullmatch(value) for value in given if other in value):
            return (
                f"if '{other}' stands before the decimals, {flag}; if it separates thousands, in pandas: "
                + _rewritten(
                    path, ", ".join([*separated, f"thousands={other!r}", *_kept_as_text(columns, other), *absent])
                )
            )
        return f"decimals are written with '{other}': {flag}"
    named = text[:1].isalpha() and len({found[0] for value in given if (found := _LETTERS.match(value))}) > 1
    if any(character.isdigit() for character in text) and _UNIT.fullmatch(text) and not named:
        column = f"frame[{name!r}]"
        return (
            f"expected a number without a unit; in pandas: {column} = {column}{_with_points(given)}"
            ".str.extract(r'([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)')[0].astype(float)"
        )
    if named or not any(character.isdigit() for character in text):  # A12, B7: names
        if not named and 2 * sum(any(character.isdigit() for character in value) for value in given) > len(given):
            as_text = ", ".join([*separated, "dtype=str", *absent])
            return f"expected a number, or an empty cell where it is missing; in pandas: {_rewritten(path, as_text)}"
        if target:
            as_input = f"this one can be an input with --categorical {shlex.quote(name)}"
            return f"a target must be numbers, as classes cannot be forecast: give another --target; {as_input}"
        return f"expected a number; a column of words can be an input with --categorical {shlex.quote(name)}"
    return "expected a number"


def _absent(name: str, columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The option of pandas that names what stands for a missing value: the words in a column of numbers, and what
    pandas would take for text, which makes it leave all numbers of that column as they are."""
    words = {value for value in columns[name] if not any(character.isdigit() for character in value)}
    words |= {value for texts in columns.values() for value in texts if is_missing(value)}
    words -= _MISSING_IN_PANDAS
    return [f"na_values={sorted(words)!r}"] if words else []


def _kept_as_text(columns: Mapping[str, Sequence[str]], mark: str) -> list[str]:
    """The option of pandas that keeps columns from losing `mark` where it does not separate thousands: 31.12.2024."""
    kept = [
        name
        for name, texts in columns.items()
        if any(mark in text and not _GROUPED.fullmatch(text) and text.replace(mark, "").isdigit() for text in texts)
    ]
    return [f"dtype={dict.fromkeys(kept, 'str')!r}"] if kept else []


def _with_points(texts: Sequence[str]) -> str:
    """The calls of pandas after which points stand before the decimals, and nothing between thousands."""
    found = [match[0].rstrip(".,") for text in texts if (match := re.search(r"\d[\d.,]*", text))]
    if not any("," in number for number in found):
        return ""
    if all(re.fullmatch(r"\d{1,3}(,\d{3})*(\.\d*)?|\d+(\.\d*)?", number) for number in found):
        return ".str.replace(',', '')"
    points = ".str.replace('.', '')" if any("." in number for number in found) else ""
    return f"{points}.str.replace(',', '.')"


def _rewritten(path: str, options: str) -> str:
    return f"pandas.read_csv({path!r}, {options}).to_csv('mended.csv', index=False)"
