"""JUnit XML, which CI servers read: a test case for each cell."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from bench.gate.outcome import SUBJECTS, CheckOutcome

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_ELEMENTS = {"regressed": "failure", "not_comparable": "error", "skipped": "skipped"}


def write(outcome: CheckOutcome) -> str:
    counts = {name: sum(_ELEMENTS.get(cell.state) == name for cell in outcome.cells) for name in _ELEMENTS.values()}
    suite = ElementTree.Element(
        "testsuite",
        name=_text(f"{SUBJECTS[outcome.subject]} against {outcome.baseline}"),
        tests=str(len(outcome.cells) + bool(outcome.refusal)),
        failures=str(counts["failure"]),
        errors=str(counts["error"] + bool(outcome.refusal)),
        skipped=str(counts["skipped"]),
        time=f"{outcome.seconds or 0:.3f}",
    )
    for cell in outcome.cells:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_text(f"bench.{cell.name.task}"), name=_text(cell.name.model)
        )
        if cell.state in _ELEMENTS:
            _add(case, _ELEMENTS[cell.state], cell.why)
        ElementTree.SubElement(case, "system-out").text = _text("\n".join([cell.why, *cell.warnings]))
    if outcome.refusal:
        _add(ElementTree.SubElement(suite, "testcase", classname="bench", name="baseline"), "error", outcome.refusal)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")


def _add(case: ElementTree.Element, kind: str, why: str) -> None:
    """Add the element with the reason as message and as text: CI servers show one or the other."""
    ElementTree.SubElement(case, kind, message=_text(why)).text = _text(why)


def _text(text: str) -> str:
    """Replace characters that XML cannot hold: an error may quote a terminal's control characters."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
