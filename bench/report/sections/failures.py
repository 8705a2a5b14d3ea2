"""Trainings that failed, and the alarms."""

from __future__ import annotations

from bench.analysis.alarms import SUBJECTS
from bench.analysis.ended import did_not_end_well
from bench.analysis.formatting import listed, shortened
from bench.analysis.results import Results
from bench.records.schema import label
from bench.report.document import Block, BulletList, Row, Section, Table, TableCell, Text


def failures_section(results: Results) -> Section:
    failed = [record for record in results.records if record.get("status", "ok") != "ok"]
    raised = results.conclusions.alarms
    after: list[Block] = [
        Text("Alarms:" if raised else f"No alarm was raised about {listed(list(SUBJECTS), 'or')}."),
        *([BulletList(raised, "alarm")] if raised else []),
    ]
    if not failed:
        return Section("failures", "Failures and alarms", [Text("No training failed."), *after])
    rows = []
    for record in failed:
        which = f"replicate {record.get('replicate')}"
        if record["stage"] in ("search", "trial", "train"):
            which = f"trial {record.get('trial')}" + (f" of {which}" if record["stage"] != "search" else "")
        error = str(record.get("error") or "no message").strip()
        where = TableCell(label(record.get("task")), f"{record['stage']}, {which}")
        command = TableCell(shortened(str(record.get("command") or "–"), 2000))
        rows.append(
            Row(
                [
                    where,
                    TableCell(label(record.get("model"))),
                    TableCell(str(record["status"])),
                    TableCell(shortened(error, 1000)),
                    command,
                ]
            )
        )
    header = ("Task", "Model", "Status", "Error", "Command that trains it again")
    caption = f"{did_not_end_well(results.records)}. A failed replicate counts as the worst result and as not solved."
    return Section("failures", "Failures and alarms", [Table("Failures", header, rows, caption, texts=5), *after])
