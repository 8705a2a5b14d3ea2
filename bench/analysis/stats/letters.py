"""Groups without a clear difference between them, as letters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_lowercase


def compact_letters(names: Sequence[str], different: Collection[frozenset[str]]) -> dict[str, str]:
    """A compact letter display (Piepho 2004): two names share a letter exactly where they are not known to differ.

    names: in their order, which gives the first group the letter a. different: pairs that are known to differ. By
    insertion and absorption: each such pair splits the groups that hold both, and a group within another goes.
    """
    groups: list[frozenset[str]] = [frozenset(names)]
    for pair in different:
        split: list[frozenset[str]] = []
        for group in groups:
            split += [group - {name} for name in sorted(pair)] if pair <= group else [group]
        unique = list(dict.fromkeys(split))
        groups = [group for group in unique if not any(group < other for other in unique)]
    order = {name: place for place, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(order[name] for name in group))
    letters = [_letter(place) for place in range(len(groups))]
    return {
        name: "".join(letter for letter, group in zip(letters, groups, strict=True) if name in group) for name in names
    }


def _letter(place: int) -> str:
    """a to z, then aa, ab, …"""
    rest, letter = divmod(place, len(ascii_lowercase))
    return (_letter(rest - 1) if rest else "") + ascii_lowercase[letter]
