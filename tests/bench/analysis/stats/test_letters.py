"""Compact letter displays, against the definition on every small pattern."""

from __future__ import annotations

from itertools import combinations, product

from bench.analysis import stats


def test_two_share_a_letter_exactly_where_they_are_not_known_to_differ() -> None:
    names = ["a", "b", "c", "d"]
    pairs = [frozenset(pair) for pair in combinations(names, 2)]
    for chosen in product((False, True), repeat=len(pairs)):
        different = [pair for pair, known in zip(pairs, chosen, strict=True) if known]
        letters = stats.compact_letters(names, different)
        for pair in pairs:
            first, second = sorted(pair)
            assert bool(set(letters[first]) & set(letters[second])) == (pair not in different)


def test_letters_follow_the_order_and_none_is_needless() -> None:
    assert stats.compact_letters(["x", "y"], []) == {"x": "a", "y": "a"}
    assert stats.compact_letters(["x", "y"], [frozenset("xy")]) == {"x": "a", "y": "b"}
    assert stats.compact_letters(["x", "y", "z"], [frozenset("xz")]) == {"x": "a", "y": "ab", "z": "b"}
    assert stats.compact_letters([], []) == {}
    many = [f"m{i}" for i in range(30)]
    letters = stats.compact_letters(many, [frozenset(pair) for pair in combinations(many, 2)])
    assert letters["m0"] == "a"
    assert letters["m29"] == "ad"
    assert len(set(letters.values())) == 30
