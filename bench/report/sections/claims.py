"""The report's section on textbook claims: what these results say of each."""

from __future__ import annotations

from bench.analysis.claims import Verdict
from bench.analysis.results import Results
from bench.report.document import Block, Cell, Row, Section, Table, Text

HEADER = ("Claim", "Verdict", "Why", "Source")
CAPTION = (
    "A claim counts as supported or refuted (by these results) only if it stays significant after Holm's correction "
    "over all parts of all claims, with at least 5 replicates; everything else is not settled. Small print is what a "
    "reader must know besides."
)


def claims_section(results: Results) -> Section:
    """A row a claim that these results can say something of; the others are listed. Empty where they say nothing."""
    verdicts = results.conclusions.claims
    touched = [verdict for verdict in verdicts if _has_data(verdict)]
    if not touched:
        return Section("claims", "Claims", [])
    rows = [
        Row(
            [
                Cell(f"{verdict.claim.number}. {verdict.claim.statement}", verdict.claim.note),
                *(Cell(verdict.state), Cell(f"{verdict.why}."), Cell(verdict.claim.source)),
            ]
        )
        for verdict in touched
    ]
    blocks: list[Block] = [Table("Claims", HEADER, rows, CAPTION, texts=5)]
    silent = [verdict for verdict in verdicts if verdict not in touched]
    if silent:
        named = "; ".join(f"{verdict.claim.number}. {verdict.claim.statement.rstrip('.')}" for verdict in silent)
        blocks.append(Text(f"Not tested by this experiment: {named}."))
    return Section("claims", "Claims", blocks)


def _has_data(verdict: Verdict) -> bool:
    return any(part.n > 0 or part.state in ("supported", "refuted") for part in verdict.parts)
