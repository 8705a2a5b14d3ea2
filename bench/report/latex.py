"""The report as LaTeX: its sentences, and booktabs tables of what the Markdown has.

`report.tex` is a whole document, from which tables are copied into a paper; each has a label. Its bibliography is
`references.bib` beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from bench.report.document import (
    Alternatives,
    Block,
    BulletList,
    Document,
    Facts,
    Findings,
    Table,
    TableCell,
    Tables,
    clean,
)
from bench.report.document import Text as TextBlock

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "…": r"\dots{}",
    "−": "$-$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "∞": r"$\infty$",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "°": r"$^\circ$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "√": r"$\surd$",
    "→": r"$\rightarrow$",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "’": "'",
    "‘": r"\textquoteleft{}",
    "\u00a0": "~",
    "\ufffd": "?",
    **{sign: f"$^{{{plain}}}$" for sign, plain in zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)},
}
_HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{graphicx}
\usepackage{booktabs}
\begin{document}
"""
_FOOT = r"""\nocite{*}
\bibliographystyle{plain}
\bibliography{references}
\end{document}
"""


def escape(text: str) -> str:
    """Plain text as LaTeX that shows it, on one line. Letters that the T1 encoding lacks appear as their code point."""
    found = "".join(_sign(sign) for sign in " ".join(clean(text).split()))
    found = re.sub(r"([-'`,])(?=\1)", r"\1{}", found)  # two hyphens, quotes or commas would become one sign
    return found.replace("}$$^{", "")


def _sign(sign: str) -> str:
    if sign in _SIGNS:
        return _SIGNS[sign]
    latin = sign.isascii() or ("LATIN" in unicodedata.name(sign, "") and ord(sign) < 0x180)
    return sign if latin else rf"\texttt{{U+{ord(sign):04X}}}"


def latex(document: Document) -> str:
    """The whole document; figures are files of their own (`--figures pdf`)."""
    parts = [_HEAD, rf"\section*{{{escape(document.title)}}}", escape(" · ".join(document.facts)), ""]
    numbers = iter(range(1, 10_000))
    for section in document.sections:
        if shown := list(_blocks(section.blocks, section.id, numbers)):
            parts += [rf"\section{{{escape(section.title)}}}", *shown]
    return "\n".join([*parts, _FOOT])


def _blocks(blocks: Iterable[Block], place: str, numbers: Iterator[int]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Findings):
            items = (f"{item.task}: {item.badge}. {' '.join((item.headline, *item.notes))}" for item in block.items)
            yield _list(items)
        elif isinstance(block, BulletList):
            yield _list(f"Alarm. {item}" if block.kind == "alarm" else item for item in block.items)
        elif isinstance(block, Table):
            yield _table(block, f"tab:{place}-{next(numbers)}")
            for name, texts in block.details:
                yield f"{escape(name)}\n\n{_list(texts)}"
        elif isinstance(block, Tables):
            yield from (_table(table, f"tab:{place}-{next(numbers)}") for table in block.tables)
            yield f"{escape(block.caption)}\n"
        elif isinstance(block, Facts):
            rows = [" & ".join((escape(name), escape(value))) for name, value in block.pairs]
            yield _tabular("lp{0.7\\textwidth}", [], rows)
        elif isinstance(block, TextBlock):
            yield f"{escape(block.text)}\n"
        elif isinstance(block, Alternatives):
            for _, label, inner in block.options:
                yield rf"\subsection*{{{escape(f'Compared: {label}')}}}"
                yield from _blocks(inner, place, numbers)


def _list(items: Iterable[str]) -> str:
    lines = [rf"\item {{}}{escape(item)}" for item in items]  # {}: a bracket would be the item's label
    return "\n".join([r"\begin{itemize}", *lines, r"\end{itemize}", ""]) if lines else ""


def _table(table: Table, label: str) -> str:
    alignment = "".join("l" if place < table.texts else "r" for place in range(len(table.columns)))
    heads = [" & ".join(map(escape, table.columns))]
    rows = []
    for row in table.rows:
        first, *others = map(_cell, row.cells)
        rows.append(" & ".join([first if row.kind == "model" else rf"\emph{{{first}}}", *others]))
    caption = escape(f"{table.title}. {table.caption}".strip())
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            rf"\caption{{{caption}}}",
            rf"\label{{{re.sub('[^a-z0-9:-]', '-', label.lower())}}}",
            r"\centering",
            r"\resizebox{\textwidth}{!}{%",
            _tabular(alignment, heads, rows).rstrip("\n") + "}",
            r"\end{table}",
            "",
        ]
    )


def _tabular(alignment: str, heads: list[str], rows: list[str]) -> str:
    ended = [rf"{row} \\" for row in rows]
    middle = [*(rf"{head} \\" for head in heads), *([r"\midrule"] if heads else []), *ended]
    return "\n".join([rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", *middle, r"\bottomrule", r"\end{tabular}", ""])


def _cell(cell: TableCell) -> str:
    return escape(f"{cell.text} ({cell.note})" if cell.note else cell.text)
