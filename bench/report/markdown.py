"""The report as Markdown for GitHub, with figures as SVG files by relative path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.analysis.ended import did_not_end_well
from bench.analysis.results import Results
from bench.report.document import Alternatives, Block, BulletList, Document, Findings, Table, clean

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~$!&@])")


def escape(text: str) -> str:
    """Plain text as Markdown that shows it: signs of Markdown, HTML and mathematics lose their meaning.

    Line breaks become spaces, so that a text stays in its table cell and starts no list or heading.
    """
    text = " ".join(clean(text).split())
    text = _SIGNS.sub(lambda m: {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}.get(m[0], f"\\{m[0]}"), text)
    text = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)  # "1." would start a list
    text = re.sub(r"^([-+=])(?=\s|$|[-=])", r"\\\1", text)
    return text.replace("://", ":&#8203;//").replace("www.", "www&#46;")


def code(text: str) -> str:
    """`text` as a fenced block whose fence is longer than any run of backticks inside it."""
    text = clean(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    fence = fence if len(fence) > 3 else "```"
    return f"{fence}text\n{text}\n{fence}"


def markdown(document: Document) -> str:
    """The report's text; its figures lie in `figures/`, see `bench.report.document.pictures`."""
    return _rendered("report.md", document=document)


def summary(results: Results, document: Document) -> str:
    """Verdicts, alarms and the leaderboard in under 60 lines, for a comment on a pull request or a job's summary.

    Of several comparisons the first is shown. What is left out is counted.
    """
    verdict, *rest = document.sections
    blocks = _first(verdict.blocks)
    findings = [item for block in blocks if isinstance(block, Findings) for item in block.items]
    raised = [
        item for block in blocks if isinstance(block, BulletList) and block.kind == "alarm" for item in block.items
    ]
    boards = (block for section in rest if section.id == "leaderboard" for block in _first(section.blocks))
    board = next((block for block in boards if isinstance(block, Table)), None)
    return _rendered(
        "summary.md",
        document=document,
        findings=findings,
        alarms=raised,
        board=board,
        failed=did_not_end_well(results.records),
        others=[
            label for block in verdict.blocks if isinstance(block, Alternatives) for _, label, _ in block.options[1:]
        ],
    )


def _first(blocks: Iterable[Block]) -> list[Block]:
    """Blocks with the first alternative in the place of a choice."""
    return [
        inner for block in blocks for inner in (block.options[0][2] if isinstance(block, Alternatives) else [block])
    ]


def _rendered(template: str, **content: Any) -> str:
    environment = Environment(  # Markdown: escaped by the filter `md`, not as HTML
        loader=PackageLoader("bench.report"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(md=escape, code=code, address=quote)
    return re.sub(r"\n{3,}", "\n\n", environment.get_template(template).render(**content)).rstrip("\n") + "\n"
