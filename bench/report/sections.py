"""The report's content from results, in the order in which a person asks: who won, by how much, how do I know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.alarms import alarms
from bench.comparisons import ENOUGH
from bench.formatting import MISSING, seconds, shortened
from bench.report.claims import claims_section
from bench.report.document import (
    Block,
    Cell,
    Code,
    Document,
    Facts,
    Finding,
    Findings,
    Links,
    Points,
    Row,
    Section,
    Table,
    Tables,
    Text,
)
from bench.report.galleries import (
    by_match,
    curves_section,
    match_label,
    outcome_section,
    pairwise_section,
    scaling_section,
    search_section,
)
from bench.report.gradients import gradients_section
from bench.report.leaderboard import across_tasks, all_metrics, leaderboard
from bench.report.overall import choices, overall
from bench.report.predictions import predictions_section
from bench.report.side_by_side import side_by_side
from bench.results import Results
from bench.tables import label
from bench.verdicts import Verdict, verdicts

MATCHES = {
    "tuned": "each model at its own best configuration",
    "hidden": "all models at the same hidden size and layers",
    "params": "all models at the same number of parameters",
}


ALL_WELL = "nothing beats its noise floor, and no timing had warnings or came from another machine"
LIMITS = (
    "One machine, one software stack: another one may turn the order of times round, and with it nothing else.",
    "Verdicts hold for these tasks, sizes, budgets and search ranges. A larger budget may change them; a best on the "
    "edge of its range is a reason to widen it.",
    "Verdicts rest on test losses alone. Steps to target are tested beside them, in families of their own; solved "
    "seeds, metrics and times are described.",
)


def document(results: Results, tables: Mapping[str, str] | None = None) -> Document:
    """The whole report of an experiment, finished or not. tables: names of table files with addresses, to link to."""
    sections = [
        verdict_section(results),
        leaderboard_section(results),
        curves_section(results),
        outcome_section(results),
        scaling_section(results),
        pairwise_section(results),
        claims_section(results),
        gradients_section(results),
        predictions_section(results),
        search_section(results),
        _failures(results),
        _environment(results, tables or {}),
        _reading(),
    ]
    title, done = results.name, _status(results)
    return Document(title, done, done == "complete", _facts(results), [s for s in sections if s.blocks])


def _status(results: Results) -> str:
    status = str(results.manifest.get("status") or "complete")
    done, planned = results.progress
    return status if status == "complete" else f"{status}: {done} of {planned or '?'} trainings and timings"


def _facts(results: Results) -> list[str]:
    def several(n: int, word: str) -> str:
        return f"{n:,} {word}{'' if n == 1 else 's'}"

    settings, device = results.settings, results.manifest.get("device") or {}
    facts = [several(len(results.models), "model"), several(len(results.tasks), "task")]
    facts.append(several(len(results.trainings), "training"))
    facts += [f"budget {settings['budget']}"] if settings.get("budget") else []
    facts += [f"device {device['picked']}"] if device.get("picked") else []
    taken = results.manifest.get("seconds")
    return [*facts, *([seconds(taken)] if taken is not None else [])]


def missing_lines(results: Results) -> list[str]:
    """What an experiment that ran out of time still lacks, a line for each model on a task."""
    found = []
    for entry in results.manifest.get("missing") or ():
        lacks = [f"{entry[stage]} of its {stage} stage" for stage in ("search", "confirm", "time") if entry.get(stage)]
        found.append(f"Missing: {entry['model']} on {entry['task']} ({entry['match']}) lacks {', '.join(lacks)}.")
    return found


def verdict_section(results: Results) -> Section:
    """Alarms, one finding over all tasks and one for each, and what to use."""
    raised = alarms(results)
    blocks: list[Block] = [Points(raised, "alarm")] if raised else []
    if missing := missing_lines(results):
        blocks.append(Points(missing))
    if results.manifest.get("status", "complete") != "complete":
        blocks.append(Text("Not all trainings are done: figures, numbers and verdicts may still change."))
    found = verdicts(results)

    def make(match: str) -> list[Block]:
        own = [_finding(verdict, results) for verdict in found if verdict.match == match]
        whole, table = overall(results, match), choices(results, match)
        return [Findings([*([whole] if whole else []), *own]), *([table] if table else [])] if own else []

    made = by_match(results, make)
    return Section(
        "verdict", "Verdict", [*blocks, *(made or [Text("No training of the confirm stage has ended yet.")])]
    )


def _finding(verdict: Verdict, results: Results) -> Finding:
    alone = verdict.n == 0 and len(results.models) == 1
    state = "one model" if alone else ("equal" if verdict.equal else "not settled")
    place = results.models.index(verdict.winner) if verdict.winner else None
    return Finding(verdict.task, verdict.headline, verdict.notes, "settled" if verdict.settled else state, place)


def leaderboard_section(results: Results) -> Section:
    """The leaderboard of each comparison, models across tasks, and the tasks' own metrics."""

    def make(match: str) -> list[Block]:
        table = results.confirmed[results.confirmed["match"] == match]
        tasks = [task for task in results.tasks if (table["task"] == task).any()]
        if not tasks:
            return []
        blocks: list[Block] = [Text(f"Compared here: {MATCHES.get(match, f'all models at {match_label(match)}')}.")]
        blocks += [leaderboard(results, match), *across_tasks(results, match)]
        if metrics := [found for task in tasks if (found := all_metrics(results, match, task))]:
            blocks.append(Tables(metrics, "The tasks' own metrics: means over seeds, on test data."))
        return blocks

    blocks, beside = by_match(results, make), side_by_side(results)
    return Section("leaderboard", "Leaderboard", [*blocks, *([beside] if beside else [])])


def _failures(results: Results) -> Section:
    failed = [record for record in results.records if record.get("status", "ok") != "ok"]
    raised = alarms(results)
    after: list[Block] = [
        Text("Alarms:" if raised else f"No alarms: {ALL_WELL}."),
        *([Points(raised, "alarm")] if raised else []),
    ]
    if not failed:
        return Section("failures", "Failures and alarms", [Text("No training failed."), *after])
    rows = []
    for record in failed:
        seed = f"trial {record.get('trial')}" if record["stage"] == "search" else f"seed {record.get('replicate')}"
        error = str(record.get("error") or "no message").strip()
        where = Cell(label(record.get("task")), f"{record['stage']}, {seed}")
        command = Cell(shortened(str(record.get("command") or "–"), 2000))
        rows.append(
            Row(
                [
                    where,
                    Cell(label(record.get("model"))),
                    Cell(str(record["status"])),
                    Cell(shortened(error, 1000)),
                    command,
                ]
            )
        )
    header = ("Task", "Model", "Status", "Error", "Command that trains it again")
    caption = (
        f"{len(failed)} of {len(results.trainings)} trainings did not end well. A failed seed counts as not solved."
    )
    return Section("failures", "Failures and alarms", [Table("Failures", header, rows, caption, texts=5), *after])


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as names with values: `versions.torch`, "2.13.0"."""
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, list):
        value = ", ".join(_shown(item) for item in value) or None
    return [(prefix, _shown(value))]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return MISSING if value is None else str(value)


def _environment(results: Results, tables: Mapping[str, str]) -> Section:
    manifest = results.manifest
    blocks: list[Block] = []
    if manifest.get("command"):
        blocks += [Text("The command that made these results:"), Code(str(manifest["command"]))]
    device = manifest.get("device") or {}
    if device.get("picked"):
        reason = str(device.get("reason") or "as asked for").removeprefix(f"{device['picked']}:").strip().rstrip(".")
        blocks.append(Text(f"Device: {device['picked']} ({reason})."))
    if results.settings:
        blocks += [Text("Settings:"), Facts([pair for pair in flat(results.settings) if pair[1] != MISSING])]
    if manifest.get("environment"):
        blocks += [Text("Environment:"), Facts(flat(manifest["environment"]))]
    if tables:
        blocks.append(Links("All numbers, as tables:", list(tables.items())))
    if blocks:
        blocks += [Text("Known limits:"), Points(LIMITS)]
    return Section("made", "How it was made", blocks)


def _reading() -> Section:
    points = (
        "Every model of a comparison sees the same data in the same order for a given seed, so differences are taken "
        "seed by seed. An effect is a ratio of geometric mean test losses; its interval is a 95 % t-interval of the "
        "paired differences of log loss.",
        f"A verdict is settled when at least {ENOUGH} seeds are shared and the difference survives Holm's correction "
        "over all pairs of models on all tasks of this experiment, at 5 %. One outcome decides, the test loss; solved "
        "seeds, metrics and steps stand beside it. “Not settled” does not mean “equal”.",
        "Configurations were chosen on validation data of the search. Results come from fresh trainings on fresh "
        "seeds and from test data that the search never saw.",
        "A floor is the naive predictor, with skill 0. A baseline is any other predictor without a recurrent net. A "
        "limit is the best that the noise allows: a model below it has seen the test data.",
        "Losses are means over test data in the task's own loss (squared error or nats). A dash is a value that was "
        "not measured or cannot be estimated; it is never zero.",
        "All of it can be derived again from records.jsonl; the same numbers are in trainings.csv, curves.csv, "
        "timings.csv and summary.csv beside it.",
    )
    return Section("reading", "How to read the numbers", [Points(points)])
