"""Comparisons in words."""

from __future__ import annotations

import pytest

from bench.analysis.labels import brief, place, words


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


LONG = "series[load,MW,features=wind+sun+rain,categorical=holiday,calendar=hour+weekday,horizons=1-24]"


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("sine", "sine"),
        ("copy[delay=10,length=3]", "copy[delay=10,length=3]"),
        (LONG, "series[load,MW,…,horizons=1-24]"),
        (LONG.replace("1-24", "1-48"), "series[load,MW,…,horizons=1-48]"),
    ],
)
def test_sentences_name_a_task_by_both_ends_of_its_name(task: str, said: str) -> None:
    assert brief(task) == said
    assert place(task, "tuned", False) == f"On {said}"


def test_no_name_in_a_sentence_is_longer_than_a_line_has_room_for() -> None:
    assert len(brief("series[" + 99 * "x" + "]")) == len(brief("series[" + ",".join(4 * [40 * "x"]) + "]")) == 60
