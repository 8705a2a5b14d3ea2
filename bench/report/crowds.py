"""A page of many tasks: a gallery with a figure for each of them is named, not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.report.document import Alternatives, Block, Gallery, Section, Text

MOST_PICTURES = 16  # of a gallery; 32 tasks under three rules of fairness have more than a thousand figures


def without_crowds(section: Section, name: str) -> Section:
    """The section of experiment `name` with a sentence in place of each gallery that is too large to look through.

    The pictures of verdicts stay, one for each task.
    """
    return replace(section, blocks=_without(section.blocks, name))


def _without(blocks: Sequence[Block], name: str) -> list[Block]:
    found: list[Block] = []
    for block in blocks:
        if isinstance(block, Gallery) and len(block.pictures) > MOST_PICTURES:
            block = Text(
                f"{len(block.pictures)} figures are too many for a page: python -m bench report {name} --figures svg "
                "saves them all as files."
            )
        elif isinstance(block, Alternatives):
            options = [(key, label, _without(inner, name)) for key, label, inner in block.options]
            block = replace(block, options=options)
        found.append(block)
    return found
