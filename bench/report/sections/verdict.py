"""The first section: alarms, one finding for each task, and what to use."""

from __future__ import annotations

from bench.analysis.results import Results
from bench.analysis.verdicts import Verdict
from bench.records.schema import STAGES
from bench.report.document import Block, BulletList, Finding, Findings, Section, Text
from bench.report.sections.layout import by_match
from bench.report.sections.overall import choices_table, overall


def missing_lines(results: Results) -> list[str]:
    """What an experiment that ran out of time still lacks, a line for each model on a task."""
    found = []
    for entry in results.manifest.get("missing") or ():
        lacks = [f"{entry[stage]} of its {stage} stage" for stage in STAGES if entry.get(stage)]
        found.append(f"Missing: {entry['model']} on {entry['task']} ({entry['match']}) lacks {', '.join(lacks)}.")
    return found


def verdict_section(results: Results) -> Section:
    """Alarms, one finding over all tasks and one for each, and what to use."""
    raised = results.conclusions.alarms
    blocks: list[Block] = [BulletList(raised, "alarm")] if raised else []
    if missing := missing_lines(results):
        blocks.append(BulletList(missing))
    if results.manifest.get("status", "complete") != "complete":
        blocks.append(Text("Not all trainings are done: figures, numbers and verdicts may still change."))
    found = results.verdicts

    def make(match: str) -> list[Block]:
        own = [_finding(verdict, results) for verdict in found if verdict.match == match]
        whole, table = overall(results, match), choices_table(results, match)
        return [Findings([*([whole] if whole else []), *own]), *([table] if table else [])] if own else []

    made = by_match(results, make)
    return Section("verdict", "Verdict", [*blocks, *(made or [Text("No replicate has ended yet.")])])


def _finding(verdict: Verdict, results: Results) -> Finding:
    needless = verdict.need.state == "no"
    place = results.models.index(verdict.winner) if verdict.winner and not needless else None
    state = "settled" if needless else verdict.state
    return Finding(verdict.task, verdict.headline, verdict.notes, state, place, verdict.answer)
