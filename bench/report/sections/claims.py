"""The report's section on textbook claims: what these results say of each."""

from __future__ import annotations

from bench.analysis.claims import RULE, WORDS, Judgement, caveat
from bench.analysis.results import Results
from bench.report.document import Block, Row, Section, Table, TableCell

HEADER = ("Claim", "Verdict", "Why", "Source")
UNTESTED = ("Claim", "How to test it")


def claims_section(results: Results) -> Section:
    """A row a claim that these results can say something of; the others are listed. Empty where they say nothing."""
    judgements = results.conclusions.claims
    touched = [judgement for judgement in judgements if judgement.shown != "not_tested"]
    if not touched:
        return Section("claims", "Claims", [])
    rows = [
        Row(
            [
                TableCell(_statement(judgement), judgement.claim.note),
                TableCell(WORDS[judgement.state]),
                TableCell(f"{judgement.summary}.", details=_evidence(judgement)),
                TableCell(judgement.claim.source),
            ]
        )
        for judgement in touched
    ]
    caption = " ".join(filter(None, (RULE, caveat(results))))
    blocks: list[Block] = [Table("Claims", HEADER, rows, caption, texts=5)]
    silent = [judgement for judgement in judgements if judgement not in touched]
    if silent:
        rows = [Row([TableCell(_statement(judgement)), TableCell(judgement.claim.how_to_test)]) for judgement in silent]
        blocks.append(Table("Not tested by this experiment", UNTESTED, rows, texts=2, folded=True))
    return Section("claims", "Claims", blocks)


def _evidence(judgement: Judgement) -> tuple[str, ...]:
    """A sentence for each part, where the cell has one for all of them."""
    parts = judgement.deciding
    return tuple(f"{part.sentence}." for part in parts) if judgement.summary != judgement.why else ()


def _statement(judgement: Judgement) -> str:
    return f"{judgement.claim.number}. {judgement.claim.statement}"
