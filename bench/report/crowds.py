"""A page of many tasks: galleries with a figure for each of them are named, not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.analysis.results import Results
from bench.report.document import Alternatives, Block, Gallery, Section, Text

MOST_VERDICTS = 24  # whose figures a page shows; 32 tasks under three rules of fairness have more than a thousand


def without_crowds(section: Section, results: Results) -> Section:
    """The section with a sentence in place of each gallery that has a figure for every one of many tasks.

    The pictures of verdicts stay, one for each task.
    """
    if len(results.verdicts) <= MOST_VERDICTS:
        return section
    return replace(section, blocks=_without(section.blocks, results))


def _without(blocks: Sequence[Block], results: Results) -> list[Block]:
    found: list[Block] = []
    for block in blocks:
        if isinstance(block, Gallery) and len(block.pictures) >= len(results.tasks):
            block = Text(
                f"{len(block.pictures)} figures are left out of a page with this many verdicts: "
                f"python -m bench report {results.name} --figures svg saves them all as files."
            )
        elif isinstance(block, Alternatives):
            options = [(key, label, _without(inner, results)) for key, label, inner in block.options]
            block = replace(block, options=options)
        found.append(block)
    return found
