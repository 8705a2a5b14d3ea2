"""JUnit XML, which CI servers read: a test case for each cell.

Stable identifiers: the suite's name (bench.convergence or bench.step_time), a case's classname (bench.TASK) and name
(MODEL), and the `type` of what failed: its state, and after a colon the codes of what blocks (`exact.Code`).
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from bench.gate.outcome import CellOutcome, CheckOutcome

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_ELEMENTS = {"regressed": "failure", "changed": "failure", "not_comparable": "error", "skipped": "skipped"}


def write(outcome: CheckOutcome) -> str:
    found = [_ELEMENTS.get(cell.state) for cell in outcome.cells]
    counts = {name: found.count(name) for name in _ELEMENTS.values()}
    suite = ElementTree.Element(
        "testsuite",
        name=f"bench.{outcome.subject}",
        tests=str(len(outcome.cells) + bool(outcome.refusal)),
        failures=str(counts["failure"]),
        errors=str(counts["error"] + bool(outcome.refusal)),
        skipped=str(counts["skipped"]),
        time=f"{outcome.seconds or 0:.3f}",
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in {"baseline": outcome.baseline, "checked": outcome.checked}.items():
        ElementTree.SubElement(properties, "property", name=name, value=_text(value))
    for cell in outcome.cells:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_text(f"bench.{cell.name.task}"), name=_text(cell.name.model)
        )
        said = cell.state in _ELEMENTS
        if said:
            _add(case, _ELEMENTS[cell.state], cell.why, _type(cell))
        output = [*([] if said else [cell.why]), *cell.warnings]
        if output:
            ElementTree.SubElement(case, "system-out").text = _text("\n".join(output))
    if outcome.refusal:
        _add(
            ElementTree.SubElement(suite, "testcase", classname="bench", name="baseline"),
            "error",
            outcome.refusal,
            "refused",
        )
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")


def _type(cell: CellOutcome) -> str:
    codes = dict.fromkeys(problem.code for problem in cell.problems if problem.blocking)
    return ":".join([cell.state, *([",".join(codes)] if codes else [])])


def _add(case: ElementTree.Element, kind: str, why: str, what: str) -> None:
    """Add the element with the reason as message and as text: CI servers show one or the other."""
    ElementTree.SubElement(case, kind, type=what, message=_text(why)).text = _text(why)


def _text(text: str) -> str:
    """Replace characters that XML cannot hold: an error may quote a terminal's control characters."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
