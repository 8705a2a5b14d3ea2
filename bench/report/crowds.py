"""A page of many tasks: galleries with a figure for each of them are named, not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.analysis.results import Results
from bench.report.document import Alternatives, Block, Gallery, Section, Text

MOST_TASKS = 16  # whose figures a page shows; 32 tasks under three rules of fairness have more than a thousand


def without_crowds(section: Section, results: Results) -> Section:
    """The section with a sentence in place of each gallery that has a figure for every one of many tasks.

    The pictures of verdicts stay, one for each task.
    """
    if len(results.tasks) <= MOST_TASKS:
        return section
    return replace(section, blocks=_without(section.blocks, results.name))


def _without(blocks: Sequence[Block], name: str) -> list[Block]:
    found: list[Block] = []
    for block in blocks:
        if isinstance(block, Gallery) and len(block.pictures) > MOST_TASKS:
            block = Text(
                f"{len(block.pictures)} figures are too many for a page: python -m bench report {name} --figures svg "
                "saves them all as files."
            )
        elif isinstance(block, Alternatives):
            options = [(key, label, _without(inner, name)) for key, label, inner in block.options]
            block = replace(block, options=options)
        found.append(block)
    return found
