"""Markdown for a comment on a pull request: the result, the table, the sentences and the curves of what failed.

All within the size limit. The curves are text: GitHub shows no picture that a comment brings along.
"""

from __future__ import annotations

from bench.gate.formats.plot import plot
from bench.gate.formats.table import by_state, remarks, table
from bench.gate.formats.text import LEFT
from bench.gate.outcome import SUBJECTS, CheckOutcome

LONGEST = 60_000  # characters; a comment on GitHub takes 65,536
_MARKS = {0: "✅", 1: "❌", 3: "⚠️"}


def write(outcome: CheckOutcome) -> str:
    mark = _MARKS[3 if outcome.nothing_compared else outcome.exit_code]
    head = f"### {mark} {SUBJECTS[outcome.subject].capitalize()}: {_escape(outcome.sentence)}"
    if not outcome.cells:
        return head
    headers, *rows = table(outcome)
    rule = tuple("---" if column < LEFT else "---:" for column in range(len(headers)))
    lines = [f"| {' | '.join(_escape(cell) for cell in row)} |" for row in (headers, rule, *rows)]
    sentences = [f"- {_escape(text)}" for text in remarks(outcome)]
    plots = [
        f"\n**{_escape(str(cell.name))}**\n\n```text\n{plot(cell.curves)}\n```"
        for cell in by_state(outcome)
        if cell.curves
    ]
    return _fit([head, "", *lines, "", *sentences, *plots])


def _fit(lines: list[str]) -> str:
    """Keep as many parts (a line, or a plot) as fit into a comment; the important ones come first."""
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > LONGEST:
            return "\n".join([*kept, "", f"… and {len(lines) - len(kept)} more parts: see --format json"])
        kept.append(line)
    return "\n".join(kept).rstrip()


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
