"""The first section: the answers where there are many, alarms, one finding for each task, and what to use."""

from __future__ import annotations

from bench.analysis.added_tasks import added_line
from bench.analysis.formatting import counted, listed
from bench.analysis.labels import brief
from bench.analysis.results import Results
from bench.analysis.verdict import Verdict
from bench.report.document import Block, BulletList, Finding, Findings, Section, Text
from bench.report.figures.axes import height, picture
from bench.report.figures.standing import rows_of, standing
from bench.report.picture import Picture
from bench.report.sections.answers import answers_table
from bench.report.sections.glance import glance_table
from bench.report.sections.layout import by_match
from bench.report.sections.overall import choices_table, overall
from bench.report.sections.task_lines import task_lines

NARROW = 3.7  # inches: half of a card, or the whole of a telephone
PICTURES = (
    "Pictures: a diamond is a model's geometric mean test loss, the bar its 95 % t interval, a dot a replicate; grey "
    "squares are predictors without a recurrent net. Further left is better. Models that share a letter are not known "
    "to differ. That is tested in pairs on the same replicates and corrected for the number of pairs: bars that "
    "overlap may belong to models that differ, and bars that do not overlap to models that are not told apart."
)


LACKING = {  # by stage: what is counted, and of what
    "trial": ("training", " of its searches"),
    "search": ("training", " of its search"),
    "train": ("training", " of what was chosen"),
    "confirm": ("training", " of what was chosen"),
    "examine": ("probe", " of its gradients"),
    "time": ("measurement", " of time"),
}


def missing_lines(results: Results) -> list[str]:
    """What an unfinished experiment still lacks, a line for each model on a task; and where its means are not over the
    same replicates."""
    found = []
    for entry in results.manifest.get("missing") or ():
        lacks = [counted(entry[stage], what) + of for stage, (what, of) in LACKING.items() if entry.get(stage)]
        found.append(f"Missing: {entry['model']} on {entry['task']} ({entry['match']}) lacks {listed(lacks)}.")
    return found + [
        f"On {brief(str(task))} ({match}) {listed([f'{count} of {model}' for model, count in counts.items()])} "
        "replicates have ended: their means are over different data. Pairs are compared on the replicates that both "
        "have."
        for (match, task), rows in results.selected.groupby(["match", "task"], sort=False)
        if len(set((counts := rows.groupby("model", sort=False).size().to_dict()).values())) > 1
    ]


def verdict_section(results: Results) -> Section:
    """For each task the decision and one picture, then alarms, the few numbers most readers want, and what to use."""
    raised, answers = results.conclusions.alarms, answers_table(results)
    before: list[Block] = [*([answers] if answers else []), *([BulletList(raised, "alarm")] if raised else [])]
    if missing := missing_lines(results):
        before.append(BulletList(missing))
    if left_out := results.manifest.get("left_out"):
        before.append(BulletList([f"Left out: {task}: {why}." for task, why in left_out.items()]))
    if added := added_line(results):
        before.append(BulletList([added]))
    if results.manifest.get("status", "complete") != "complete":
        before.append(Text("Not all trainings are done: figures, numbers and verdicts may still change."))
    found = results.verdicts

    def make(match: str) -> list[Block]:
        own = [_finding(verdict, results) for verdict in found if verdict.match == match]
        if not own:
            return []
        whole, choices = overall(results, match), choices_table(results, match)
        blocks: list[Block] = [Findings([*([whole] if whole else []), *own], PICTURES)]
        return [*blocks, glance_table(results, match), *([choices] if choices else [])]

    made = by_match(results, make) or [Text("No replicate has ended yet.")]
    asked = [BulletList(lines)] if (lines := task_lines(results)) else []
    return Section("verdict", "Verdict", [*before, *made, *asked])


def _finding(verdict: Verdict, results: Results) -> Finding:
    needless = verdict.need.state == "no"
    place = results.models.index(verdict.winner) if verdict.winner and not needless else None
    state = "settled" if needless else verdict.state
    drawn = _picture(verdict, results)
    return Finding(verdict.task, verdict.headline, verdict.notes, state, place, verdict.answer, drawn)


def _picture(verdict: Verdict, results: Results) -> Picture:
    match, task = verdict.match, verdict.task
    name = f"standing-{results.matches.index(match) + 1}-{results.tasks.index(task) + 1}"
    inches = height(len(rows_of(results, match, task)), 0.25)
    return picture(name, f"Test loss: {brief(task)}", lambda axes: standing(axes, results, match, task), inches, NARROW)
