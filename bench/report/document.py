"""A report as data: sections of blocks, without a word about HTML or Markdown. Text is plain and escaped when shown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bench.analysis.formatting import is_missing
from bench.report.picture import Picture

# Controls that XML forbids (and NUL, which HTML replaces), and lone surrogates, which no file can hold.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: Any) -> str:
    """`text` with characters that a document cannot hold shown as U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", str(text))


@dataclass(frozen=True)
class TableCell:
    """One cell. `value`: the exact number behind `text`; `note`: small print under it; `bar`: (low, value, high).

    details: sentences that the page folds and that Markdown and LaTeX list beneath the table.
    """

    text: str
    note: str = ""
    value: float | int | None = None
    bar: tuple[float, float, float] | None = None
    details: Sequence[str] = ()

    @property
    def exact(self) -> str:
        """The exact number, as the records have it; empty for a cell that shows none."""
        missing = is_missing(self.value) or (isinstance(self.value, float) and not math.isfinite(self.value))
        return "" if missing else repr(self.value)


@dataclass(frozen=True)
class Row:
    """`kind`: "model", or a reference's "floor", "baseline" or "limit"; `colour`: the model's place in the palette."""

    cells: Sequence[TableCell]
    kind: str = "model"
    colour: int | None = None


@dataclass(frozen=True)
class Table:
    block: ClassVar[str] = "table"
    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    caption: str = ""
    texts: int = 1  # the first columns that hold text; the others hold numbers
    folded: bool = False  # on the page, shown when it is asked for
    tools: bool = False  # may be sorted, searched and filtered by its first column

    @property
    def details(self) -> list[tuple[str, Sequence[str]]]:
        """The first cell of each row that has details, and these."""
        found = [(row.cells[0].text, [text for cell in row.cells for text in cell.details]) for row in self.rows]
        return [(name, texts) for name, texts in found if texts]


@dataclass(frozen=True)
class Tables:
    """Small tables that may stand side by side."""

    block: ClassVar[str] = "tables"
    tables: Sequence[Table]
    caption: str


@dataclass(frozen=True)
class Gallery:
    block: ClassVar[str] = "gallery"
    pictures: Sequence[Picture]
    caption: str


@dataclass(frozen=True)
class Text:
    block: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class BulletList:
    """A list of short texts."""

    block: ClassVar[str] = "points"
    items: Sequence[str]
    kind: str = "plain"  # or "alarm"


@dataclass(frozen=True)
class Code:
    block: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Facts:
    """Names with values."""

    block: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Finding:
    """A verdict on a task, as shown. `answer`: what to use in a few words, on the badge; else the state is there.

    notes: sentences that the page shows when they are asked for. picture: where models and references stand.
    """

    task: str
    headline: str
    notes: Sequence[str]
    state: str  # "settled", "not settled", "equal", "one model"
    colour: int | None = None
    answer: str = ""
    picture: Picture | None = None

    @property
    def badge(self) -> str:
        return self.answer or self.state


@dataclass(frozen=True)
class Findings:
    block: ClassVar[str] = "findings"
    items: Sequence[Finding]
    caption: str = ""  # of the pictures


@dataclass(frozen=True)
class Links:
    """Files beside the page: (text, relative address)."""

    block: ClassVar[str] = "links"
    text: str
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Explorer:
    """Learning curves to explore on the page (`bench.report.sections.explorer`); there is nothing of it in Markdown."""

    block: ClassVar[str] = "explorer"
    data: dict[str, Any]


@dataclass(frozen=True)
class Alternatives:
    """Alternatives of which the page shows one: (key, label, blocks). All choices of a `name` change together."""

    block: ClassVar[str] = "choice"
    name: str
    options: Sequence[tuple[str, str, Sequence[Any]]]


Block = Table | Tables | Gallery | Text | BulletList | Code | Facts | Findings | Links | Explorer | Alternatives


@dataclass(frozen=True)
class Section:
    """`folded`: on the page, shown when it is asked for, or when the address names it."""

    id: str
    title: str
    blocks: Sequence[Block]
    folded: bool = False


@dataclass(frozen=True)
class Document:
    """`status`: "complete", or how far the experiment has come; `facts`: the few words under the title."""

    title: str
    status: str
    finished: bool
    facts: Sequence[str]
    sections: Sequence[Section] = field(default_factory=tuple)


def pictures(sections: Iterable[Section]) -> list[Picture]:
    """All figures of some sections, in their order."""
    return [picture for section in sections for picture in _pictures(section.blocks)]


def _pictures(blocks: Iterable[Block]) -> Iterator[Picture]:
    for block in blocks:
        if isinstance(block, Gallery):
            yield from block.pictures
        elif isinstance(block, Findings):
            yield from (item.picture for item in block.items if item.picture is not None)
        elif isinstance(block, Alternatives):
            for _, _, inner in block.options:
                yield from _pictures(inner)
