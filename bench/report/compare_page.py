"""The page and Markdown of `bench compare`: two or more experiments, paired where they may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.analysis.compare_answers import answers_of
from bench.analysis.compare_experiments import Difference, ExperimentComparison
from bench.analysis.formatting import (
    MISSING,
    change,
    change_between,
    counted,
    is_missing,
    listed,
    number,
    scored,
    seconds,
)
from bench.analysis.levels import ENOUGH
from bench.analysis.results import Results
from bench.analysis.timing_conditions import explained, kernel_and_condition
from bench.records.atomic import write_atomically
from bench.report.document import (
    Block,
    BulletList,
    Document,
    Finding,
    Findings,
    Row,
    Section,
    Table,
    TableCell,
    Text,
)
from bench.report.markdown import markdown
from bench.report.page import page
from bench.report.sections.compared_answers import answers_sentence, answers_table
from bench.report.sections.compared_settings import made

WORDS = {
    "identical": "gives the very same test losses",
    "equal": "has the same test loss to within 0.1 %",
    "better": "has a lower test loss",
    "worse": "has a higher test loss",
    "not settled": "has no clear difference",
    "not paired": "cannot be paired",
}


def render_comparison(comparison: ExperimentComparison, reports_dir: str | Path = "reports") -> list[Path]:
    """Write `reports/A-and-B/index.html` and `report.md`; returns their paths."""
    folder = Path(reports_dir) / "-and-".join(comparison.names)
    content = comparison_document(comparison)
    paths = [folder / "index.html", folder / "report.md"]
    write_atomically(paths[0], page(content))
    write_atomically(paths[1], markdown(content))
    return paths


def comparison_document(comparison: ExperimentComparison) -> Document:
    """Findings, answers side by side, tables of differences, of scores and of times, and what differs in how they were
    made."""
    first, *others = comparison.names
    answers = answers_of(comparison.experiments)
    findings = [
        _finding(comparison, name, answers_sentence(answers, place, (first, name))) for place, name in enumerate(others)
    ]
    sections = [
        Section("verdict", "Verdict", [Findings(findings), *_reading()]),
        Section("answers", "Answers side by side", [answers_table(answers, comparison.names)]),
        Section("differences", "Differences", _differences(comparison)),
        Section("scores", "Scores side by side", [_scores(comparison)]),
        Section("times", "Times", _times(comparison)),
        Section("made", "How they were made", made(comparison)),
    ]
    cells = len({difference.cell for difference in comparison.differences})
    facts = [f"{len(comparison.names)} experiments", f"{cells} pairs of model and task in common"]
    finished = all(r.manifest.get("status", "complete") == "complete" for r in comparison.experiments)
    return Document(f"{first} and {listed(others)}", "an experiment is not complete", finished, facts, sections)


def _finding(comparison: ExperimentComparison, name: str, answers: str) -> Finding:
    """One experiment against the first, in a sentence. answers: another one, on whether their answers agree."""
    own = [difference for difference in comparison.differences if difference.second == name]
    first = comparison.names[0]
    by_state = {state: [d for d in own if d.state == state] for state in WORDS}
    parts = [f"{WORDS[state]} on {len(found)} of {len(own)}" for state, found in by_state.items() if found]
    notes = [answers] if answers else []
    notes += [f"{_named(d)}: {_effect(d)}." for state in ("worse", "better") for d in by_state[state][:6]]
    if anew := sum(d.independent for d in own):
        notes.append(
            f"On {anew} of {len(own)} the replicates drew other data or weights, as with another --seed, so there are "
            "no pairs: all of one experiment are compared with all of the other."
        )
    unpaired = sum(d.unpaired for d in own if not d.independent)
    if unpaired:
        notes.append(f"{unpaired} shared replicates drew other data or weights and were not paired.")
    certain = bool(by_state["better"] or by_state["worse"])
    alike = all(d.state in ("identical", "equal") for d in own)
    state = "settled" if certain else ("equal" if alike else "not settled")
    headline = f"Against {first}, {name} {'; '.join(parts)} pairs of model and task."
    if by_state["not settled"] == own:
        shared = "the one model and task" if len(own) == 1 else f"all {len(own)} pairs of model and task"
        most = max(d.n for d in own)
        few = f"; {ENOUGH} are needed" if most < ENOUGH else ""
        headline = (
            f"{name} and {first}: no clear difference on {shared} they share ({counted(most, 'replicate')}{few})."
        )
    return Finding(name, headline, notes, state)


def _named(difference: Difference) -> str:
    match, task, model = difference.cell
    return f"{model} on {task} ({match})"


def _effect(d: Difference) -> str:
    bounds = f" (95 % interval {change_between(d.low, d.high)}, {d.n} replicates)" if not is_missing(d.low) else ""
    said = change(d.effect)
    return f"its test loss is {said} {'as' if said.endswith(('high', 'same')) else 'than'} in {d.first}{bounds}"


def _reading() -> list[Block]:
    return [
        Text(
            "Replicates are paired where both experiments drew the same data (their hashes agree; where one search "
            "served all replicates, first weights and batches too), so a difference is one of code, settings or "
            "machine, or of what the searches chose. Where all of them were drawn anew, they are two independent "
            "samples (Welch's t-test). Differences are tested on the logarithm of the test loss with "
            "Holm's correction over all rows; fewer than 5 replicates settle nothing."
        )
    ]


def _differences(comparison: ExperimentComparison) -> list[Block]:
    rows = []
    for d in comparison.differences:
        match, task, model = d.cell
        ratio = TableCell(number(d.effect), f"{number(d.low)} to {number(d.high)}" if d.n > 1 else "", _exact(d.effect))
        cells = [
            *(TableCell(task, match), TableCell(model), TableCell(d.second), TableCell(d.state)),
            _replicates(d),
            *(ratio if d.n else TableCell(MISSING), TableCell(str(d.identical), "", d.identical)),
            TableCell(number(d.steps_ratio), counted(d.steps_n, "replicate") if d.steps_n else ""),
            TableCell(f"{d.solved[0]}/{d.runs[0]} → {d.solved[1]}/{d.runs[1]}"),
        ]
        rows.append(Row(cells, "model", comparison.experiments[0].models.index(model)))
    header = (
        "Task",
        "Model",
        "Experiment",
        "Verdict",
        "Replicates",
        "Loss ratio",
        "Identical",
        "Steps ratio",
        "Solved",
    )
    caption = (
        f"Each row against {comparison.names[0]}. Loss ratio and steps ratio: below 1 is better than it; of geometric "
        "means over the replicates that are compared, the loss with a 95 % t-interval."
    )
    return [Table("Differences", header, rows, caption, texts=4, tools=True)]


def _replicates(d: Difference) -> TableCell:
    """How many are compared, in pairs or all with all."""
    if d.independent:
        return TableCell(f"{d.runs[0]} and {d.runs[1]}", "drawn anew", d.n)
    return TableCell(counted(d.n, "pair"), f"{d.unpaired} not paired" if d.unpaired else "", d.n)


def _exact(value: float) -> float | None:
    return None if is_missing(value) else value


def _summaries(results: Results) -> dict[tuple[str, str, str], dict[Any, Any]]:
    table = results.summary[results.summary["kind"] == "model"]
    return {(row["match"], row["task"], row["model"]): row for row in table.to_dict("records")}


def _scores(comparison: ExperimentComparison) -> Table:
    summaries = [_summaries(results) for results in comparison.experiments]
    rows = []
    for cell in dict.fromkeys(d.cell for d in comparison.differences):
        found = [summary.get(cell) for summary in summaries]
        scores = [
            TableCell(*scored(row["skill"], row["skill_low"], row["skill_high"]), _exact(row["skill"]))
            if row
            else TableCell(MISSING)
            for row in found
        ]
        place = comparison.experiments[0].models.index(cell[2])
        rows.append(Row([TableCell(cell[1], cell[0]), TableCell(cell[2]), *scores], "model", place))
    caption = "Skill of each experiment with its 95 % t-interval over all its replicates, paired or not."
    return Table("Scores", ("Task", "Model", *comparison.names), rows, caption, texts=2)


def _times(comparison: ExperimentComparison) -> list[Block]:
    summaries = [_summaries(results) for results in comparison.experiments]
    rows = []
    for cell in dict.fromkeys(d.cell for d in comparison.differences):
        found = [summary.get(cell) for summary in summaries]
        cells = [
            TableCell(seconds(row["step_seconds"]), kernel_and_condition(row), _exact(row["step_seconds"]))
            if row and not is_missing(row["step_seconds"])
            else TableCell(MISSING)
            for row in found
        ]
        if comparison.same_machine:
            base, last = (row["step_seconds"] if row else None for row in (found[0], found[-1]))
            known = not is_missing(base) and not is_missing(last)
            cells.append(TableCell(number(last / base)) if known else TableCell(MISSING))  # type: ignore[operator]
        rows.append(Row([TableCell(cell[1], cell[0]), TableCell(cell[2]), *cells], "model"))
    ratio = [f"{comparison.names[-1]} ÷ {comparison.names[0]}"] if comparison.same_machine else []
    caption = "Median time of an optimiser step, alone on the machine, with the kernel that ran."
    caption += next(filter(None, (explained(results.timings) for results in comparison.experiments)), "")
    table = Table("Step times", ("Task", "Model", *comparison.names, *ratio), rows, caption, texts=2)
    if comparison.same_machine:
        return [table]
    warning = (
        "These experiments were not timed in one environment, so their times are shown and must not be compared: "
        "a difference would be one of machines, not of models."
    )
    return [BulletList([warning], "alarm"), table]
