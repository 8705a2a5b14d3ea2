"""Comparisons in words."""

from __future__ import annotations

import pytest

from bench.analysis.labels import words


@pytest.mark.parametrize(
    ("match", "heading", "place"),
    [
        ("tuned", "tuned", "with each model tuned"),
        ("hidden", "equal hidden size", "at equal hidden size"),
        ("params", "equal parameters", "at equal parameter counts"),
        ("params 12000", "12,000 parameters", "at 12,000 parameters"),
        ("hidden 20×1", "hidden size 20 and 1 layer", "at hidden size 20 and 1 layer"),
        ("hidden 8×2", "hidden size 8 and 2 layers", "at hidden size 8 and 2 layers"),
        ("another", "another", "in the comparison another"),
    ],
)
def test_each_comparison_has_words(match: str, heading: str, place: str) -> None:
    assert words(match)[:2] == (heading, place)
