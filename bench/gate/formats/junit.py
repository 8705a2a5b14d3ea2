"""JUnit's XML, which every CI server reads: a test case a cell."""

from __future__ import annotations

from xml.etree import ElementTree

from bench.gate.outcome import Outcome

_ELEMENTS = {"regressed": "failure", "can't compare": "error", "skipped": "skipped"}


def write(outcome: Outcome) -> str:
    counts = {name: sum(_ELEMENTS.get(cell.state) == name for cell in outcome.cells) for name in _ELEMENTS.values()}
    suite = ElementTree.Element(
        "testsuite",
        name="bench check",
        tests=str(max(1, len(outcome.cells)) if outcome.refusal else len(outcome.cells)),
        failures=str(counts["failure"]),
        errors=str(counts["error"] + bool(outcome.refusal)),
        skipped=str(counts["skipped"]),
        time=f"{outcome.seconds or 0:.3f}",
    )
    for cell in outcome.cells:
        case = ElementTree.SubElement(suite, "testcase", classname=f"bench.{cell.name.task}", name=cell.name.model)
        if cell.state in _ELEMENTS:
            ElementTree.SubElement(case, _ELEMENTS[cell.state], message=cell.why)
        text = "\n".join([cell.why, *cell.warnings])
        ElementTree.SubElement(case, "system-out").text = text
    if outcome.refusal:
        case = ElementTree.SubElement(suite, "testcase", classname="bench", name="baseline")
        ElementTree.SubElement(case, "error", message=outcome.refusal)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")
