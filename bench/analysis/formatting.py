"""Numbers as a person reads them: three significant digits, units, and a dash where nothing was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

MISSING = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def is_missing(value: Any) -> bool:
    """Whether `value` stands for nothing measured: None, NaN or pandas' NA."""
    return value is None or str(value) in ("<NA>", "nan", "NaT")  # pd.NA has no truth value to ask for


def number(value: Any, digits: int = 3) -> str:
    """`digits` significant digits: 0.0123, 1,230, 1.2×10⁻³⁰; "–" for a missing value.

    >>> number(0.012345), number(12345), number(1.234e-30), number(None)
    ('0.0123', '12,300', '1.23×10⁻³⁰', '–')
    """
    if is_missing(value):
        return MISSING
    value = float(value)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else ("∞" if value > 0 else "−∞")
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if -5 < power < 6:
        rounded = float(f"{mantissa}e{power}")
        text = f"{rounded:,.{max(digits - 1 - power, 0)}f}"
    else:
        text = f"{mantissa}×10{str(power).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−", 1) if value < 0 else text


def trimmed(value: Any, digits: int = 2) -> str:
    """As `number` without trailing zeros, for the ticks of an axis and for round thresholds: 0.003, 1, 250."""
    head, times, power = number(value, digits).partition("×")
    return f"{head.rstrip('0').rstrip('.') if '.' in head else head}{times}{power}"


def score(value: Any, decimals: int = 3) -> str:
    """A number on a scale from 0 to 1 with a fixed number of decimals (0.040, −0.002); far beyond it as `number`."""
    if is_missing(value) or abs(float(value)) >= 10:
        return number(value)
    return f"{round(float(value), decimals) + 0.0:.{decimals}f}".replace("-", "−")  # + 0.0: no "−0.00"


def plain(value: Any, digits: int = 3) -> str:
    """As `number`, in ASCII and without thousands separators: what a person can type back ("3.1e-05", "0.0123")."""
    return MISSING if is_missing(value) else f"{float(value):.{digits}g}"


def whole(value: Any) -> str:
    """An integer with thousands separators."""
    return MISSING if is_missing(value) else f"{round(float(value)):,}"


def seconds(value: Any) -> str:
    """A duration in the unit that fits: 12.3 µs, 2.9 ms, 3.4 s, 2 min 5 s, 1 h 2 min."""
    if is_missing(value):
        return MISSING
    value = float(value)
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (60.0, 1.0, "s")):
        if value < limit:
            return f"{number(value * factor)} {unit}"
    total = round(value)
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    return f"{total // 3600} h {total % 3600 // 60} min"


def memory(value: Any) -> str:
    """Bytes in MiB or GiB."""
    if is_missing(value):
        return MISSING
    mebibytes = float(value) / 2**20
    return f"{number(mebibytes / 1024)} GiB" if mebibytes >= 1024 else f"{number(mebibytes)} MiB"


def interval(low: Any, high: Any, decimals: int = 3) -> str:
    """An interval of scores, as in 0.810 to 0.930; empty where there is none."""
    return "" if is_missing(low) or is_missing(high) else f"{score(low, decimals)} to {score(high, decimals)}"


def scored(value: Any, low: Any, high: Any) -> tuple[str, str]:
    """A score, which is at most 1, and its interval with the decimals that the interval needs.

    Near 1 both say what is missing to 1. The interval is empty where there is none, or where it has hardly any width.

    >>> scored(0.98812, 0.9869, 0.9895), scored(0.6, 0.41, 0.79)
    (('0.988', '0.987 to 0.990'), ('0.60', '0.41 to 0.79'))
    >>> scored(0.99982, 0.9997, 0.9999), scored(0.0, 0.0, 0.0)
    (('1 − 0.00018', '1 − 0.00030 to 1 − 0.00010'), ('0.000', ''))
    """
    high = high if is_missing(high) else min(high, 1.0)  # a t interval does not know that there is a highest score
    if is_missing(value) or is_missing(low) or is_missing(high) or not low < high:
        near = not is_missing(value) and 0.9995 <= value < 1
        return (f"1 − {number(1 - value, 2)}" if near else score(value)), ""
    if value >= 0.9995 or (value > 0.99 and high - low < 2e-4):
        return _to_one(float(value), float(low), float(high))
    if high - low < 1e-6:
        return score(value), ""
    decimals = max(_decimals(high - low), 2)
    while decimals < 4 and any(0 < abs(bound) < 0.5 * 10**-decimals for bound in (low, high)):
        decimals += 1  # on which side of 0 it lies
    return score(value, decimals), interval(low, high, decimals)


def _to_one(value: float, low: float, high: float) -> tuple[str, str]:
    """As `scored`, in what is missing to 1."""
    digits = _digits(1 - high, 1 - low)
    text, least, most = (f"1 − {number(1 - each, digits)}" if each < 1 else "1" for each in (value, low, high))
    return text, f"{least} to {most}" if least != most else ""


def estimated(value: Any, low: Any, high: Any) -> tuple[str, str]:
    """A positive number and its interval with the digits that the interval needs.

    The interval is empty where there is none, or where six digits do not tell its bounds apart.

    >>> estimated(0.0055812, 0.0049, 0.00636), estimated(2.82e-6, 2.8192e-6, 2.8231e-6)
    (('0.00558', '0.0049 to 0.0064'), ('2.820×10⁻⁶', '2.819×10⁻⁶ to 2.823×10⁻⁶'))
    """
    if is_missing(low) or is_missing(high) or not low < high:
        return number(value), ""
    digits = _digits(float(low), float(high))
    least, most = number(low, digits), number(high, digits)
    return (number(value), "") if least == most else (number(value, max(digits, 3)), f"{least} to {most}")


def _decimals(width: float) -> int:
    """Decimals with which an interval of this width has one digit of it, or two where the first is a 1."""
    places = -math.floor(math.log10(width))
    return places + (width < 2 * 10.0**-places)


def _digits(low: float, high: float) -> int:
    """Significant digits that tell the bounds of an interval apart: from 2 to 6."""
    if not low > 0 or high >= 2 * low:
        return 2
    return min(max(math.floor(math.log10(high)) + _decimals(high - low) + 1, 2), 6)


def change(ratio: Any) -> str:
    """A ratio of positive numbers as a person says it.

    >>> change(0.58), change(0.999), change(1.74), change(3.1), change(0.004), change(1)
    ('42 % lower', '0.1 % lower', '74 % higher', '3.1 times as high', '250 times lower', 'the same')
    """
    size, side = _change(float(ratio))
    return f"{size} {side}".strip()


def change_between(low: Any, high: Any) -> str:
    """An interval of ratios in words, both ends in one unit; "anything" where a bound is not known.

    From lower to higher by factors, both are said as factors: "1.6 times lower to 3.5 times as high" is hard to read.

    >>> change_between(0.48, 0.69), change_between(0.58, 1.74), change_between(0.045, 0.73), change_between(0.8, 3)
    ('31 % to 52 % lower', '42 % lower to 74 % higher', '1.4 to 22 times lower', '0.8 to 3 times as high')
    >>> change_between(1e-300, 1e300)
    'anything'
    """
    low, high = float(low), float(high)
    if math.isnan(low) or math.isnan(high) or (low < 1e-99 and high > 1e99):
        return "anything"
    if high < 1:  # the smaller change first
        low, high = high, low
    times = any("times" in _change(bound)[0] for bound in (low, high))
    for more in range(4):  # digits, until the two can be told apart
        (first, side), (second, other) = _change(low, more, times), _change(high, more, times)
        if times and (side != other or not low or not high):
            first, second = (trimmed(bound, 2 + more) for bound in sorted((low, high)))
            side = other = "times as high"
        if (first, side) != (second, other):
            break
    else:
        return change(low)  # one number: nothing varied
    if side == other:
        return f"{first.removesuffix(' times')} to {second} {side}".rstrip()
    return " ".join(filter(None, (first, side, "to", second, other)))


def _change(ratio: float, more: int = 0, times: bool = False) -> tuple[str, str]:
    """Size and side. times: as a factor where a percentage would do, too."""
    percent = 100 * abs(ratio - 1)
    if percent < 0.005:
        return "the same", ""
    if ratio >= 2 or (times and ratio > 1):
        return f"{trimmed(ratio, 2 + more)} times", "as high"
    if 0 < ratio <= 0.1 or (times and ratio > 0):
        return f"{trimmed(1 / ratio, 2 + more)} times", "lower"
    digits = 0 if percent >= 9.5 else 1 if percent >= 0.095 else 2
    return f"{percent:.{digits + more}f} %", "lower" if ratio < 1 else "higher"


def as_sentence(text: str, names: Iterable[str]) -> str:
    """`text` with a capital and a full stop; a name at its beginning stays as it is written."""
    begins = any(text.startswith((f"{name} ", f"{name}'", f"{name},")) for name in names)
    return f"{text if begins else text[0].upper() + text[1:]}."


def counted(n: int, word: str) -> str:
    """A number of things: 1 replicate, 1,200 replicates."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def listed(names: list[str], word: str = "and") -> str:
    """Names in a sentence: a; a and b; a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def shortened(text: str, length: int = 28) -> str:
    """`text` with its middle left out where it is longer than `length` characters: both ends tell names apart."""
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return f"{text[:head]}…{text[head + 1 - length :]}"
