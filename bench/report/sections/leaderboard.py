"""The tables of scores: one leaderboard a task, every metric, and the models across tasks."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pandas as pd

from bench.analysis import stats
from bench.analysis.formatting import (
    MISSING,
    counted,
    is_missing,
    memory,
    number,
    plain,
    scored,
    seconds,
    trimmed,
    whole,
)
from bench.analysis.horizons import horizon_metrics
from bench.analysis.labels import brief, words
from bench.analysis.pooled import below_the_limit, left_out, pooled_tasks
from bench.analysis.results import Results
from bench.analysis.selected import models_in, skills_with_failures, target_of, tasks_in
from bench.analysis.summary import SEARCHED, WHY_THEY_DISAGREE, best_first, skill_note
from bench.analysis.table_columns import metric_columns
from bench.analysis.timing_conditions import explained, kernel_and_condition
from bench.report.document import Block, Row, Section, Table, TableCell, Tables, Text
from bench.report.sections.layout import by_match
from bench.report.sections.side_by_side import side_by_side
from bench.seeds import generator

HEADER = (
    *("Task", "Model", "Skill", "Test loss", "Solved", "Steps to target", "Parameters", "Step time"),
    *("Sequences / s", "Peak memory", "Configuration"),
)

MOST_COLUMNS = 8  # metrics that stand side by side; more are rows

HOW_TO_READ = (
    "Skill is 1 − loss ÷ loss of the naive floor: 0 is naive, 1 is perfect; with a 95 % t interval over replicates. "
    "Test loss is a geometric mean, in which a failed replicate counts as the worst loss on the task. Solved: "
    "replicates that reached the target on validation data; small print gives Wilson's 95 % interval. Steps to "
    "target is the median, with those that never reach it censored at the budget; a dash means that fewer than half "
    "did. Step time and throughput (sequences a second in training) are measured alone on the machine, with the "
    "kernel that ran. Peak memory is of the whole training process. Rows in italics are predictors without a "
    "recurrent net. Models that share a group letter are not known to differ in test loss."
)

WHOSE_SIZES = (
    " Each replicate chooses its configuration: the size is the one chosen most often, which is the one that is timed; "
    "parameters and learning rates are medians over replicates, and need not belong to one configuration."
)


def rows_of(results: Results, match: str, task: str) -> pd.DataFrame:
    """The summary's rows of one task: models in their order, then references by loss."""
    table = results.summary
    table = table[(table["task"] == task) & ((table["match"] == match) | table["match"].isna())]
    models = table[table["kind"] == "model"].sort_values(
        "model", key=lambda c: c.map(results.models.index), kind="stable"
    )
    return pd.concat([models, table[table["kind"] != "model"].sort_values("test_loss", kind="stable")])


def leaderboard(results: Results, match: str) -> Table:
    """Every task's models ranked by test loss, references between them; all tasks in one table."""
    table = results.selected[results.selected["match"] == match]
    rows, notes = [], []
    for task in tasks_in(results, match):
        ranked = best_first(rows_of(results, match, task))
        notes += [f" {brief(task)}, {note}" for note in (skill_note(ranked),) if note]
        letters = {each.name: each.letters for each in results.conclusions.standings[match, task] if each.letters}
        rows += [_leader(row, results.models, letters) for row in ranked.to_dict("records")]
    several = (table.groupby(["task", "model"])["parameter_count"].nunique() > 1).any()
    disagree = f"{''.join(notes)} {WHY_THEY_DISAGREE}" if notes else ""
    caption = HOW_TO_READ + (WHOSE_SIZES if several else "") + disagree + explained(results.timings)
    return Table("Leaderboard", HEADER, rows, caption, texts=2, tools=True)


def _leader(row: dict[Any, Any], models: list[str], letters: dict[str, str]) -> Row:
    is_model = row["kind"] == "model"
    n, failed = int(row["n"]), int(row["n_failed"])
    bounds = (row["skill_low"], row["skill"], row["skill_high"])
    text, between = scored(row["skill"], row["skill_low"], row["skill_high"])
    skill = TableCell(
        text,
        between or (counted(n, "replicate") if is_model else ""),
        _value(row["skill"]),
        None if is_missing(row["skill"]) else _bar(*bounds),
    )
    group = f"group {letters[row['model']]}" if row["model"] in letters else ""
    failures = f"{failed} of {n + failed} failed" if failed else ""
    about = ", ".join(filter(None, (group, failures))) if is_model else row["kind"]
    solved = round(row["solve_rate"] * (n + failed)) if is_model and not is_missing(row["solve_rate"]) else None
    wilson = stats.solve_rate(solved, n + failed) if solved is not None else None
    share = f"{wilson.low:.0%} to {wilson.high:.0%}".replace("%", " %") if wilson else ""
    cells = [
        TableCell(brief(str(row["task"]))),
        TableCell(str(row["model"]), about),
        skill,
        TableCell(number(row["test_loss"]), "", _value(row["test_loss"])),
        TableCell(f"{solved} of {n + failed}" if wilson else MISSING, share, _value(row["solve_rate"])),
        TableCell(whole(row["steps_to_target_median"]), "", _value(row["steps_to_target_median"])),
        TableCell(whole(row["parameter_count"]), "", _value(row["parameter_count"])),
        TableCell(
            seconds(row["step_seconds"]),
            kernel_and_condition(row),
            _value(row["step_seconds"]),
        ),
        TableCell(
            whole(row["sequences_per_second"]),
            "",
            _value(row["sequences_per_second"]),
        ),
        TableCell(memory(row["peak_bytes"]), "", _value(row["peak_bytes"])),
        TableCell(*_configuration(row)) if is_model else TableCell(MISSING),
    ]
    return Row(cells, str(row["kind"]), models.index(row["model"]) if is_model else None)


def _configuration(row: dict[Any, Any]) -> tuple[str, str]:
    init = "" if is_missing(row["init"]) or row["init"] == "default" else f", {row['init']}"
    searched = "" if is_missing(row.get(SEARCHED)) else f", {row[SEARCHED]}"
    layers = "" if is_missing(row["num_layers"]) else f" × {int(row['num_layers'])}"
    return f"{whole(row['hidden_size'])}{layers}", f"lr {plain(row['learning_rate'])}{init}{searched}"


def _value(value: Any) -> float | int | None:
    return None if is_missing(value) else (int(value) if isinstance(value, int) else float(value))


def _bar(low: float, value: float, high: float) -> tuple[float, float, float]:
    """Skill and its interval on a scale from 0 (naive) to 1 (perfect), cut at its ends."""
    low, high = (value if is_missing(bound) else bound for bound in (low, high))
    return tuple(min(max(bound, 0.0), 1.0) for bound in (low, value, high))  # type: ignore[return-value]


def all_metrics(results: Results, match: str, task: str) -> Table | None:
    """The task's own metrics, a column each, or a row each where they are many; None for a task without any.

    Those of single horizons are left out: the section on horizons has a row for each.
    """
    table = rows_of(results, match, task)
    elsewhere = {name for names in horizon_metrics(results, task).values() for name in names.values()}
    metrics = [name for name in metric_columns(table) if name not in elsewhere and table[name].notna().any()]
    if not metrics:
        return None
    if len(metrics) > MOST_COLUMNS:
        models = table.set_index("model")
        across = [
            Row([TableCell(metric), *(TableCell(number(value), "", _value(value)) for value in models[metric])])
            for metric in metrics
        ]
        return Table(f"Metrics on {task}", ("Metric", *map(str, models.index)), across)
    rows = [
        Row(
            [TableCell(str(row["model"])), *(TableCell(number(row[m]), "", _value(row[m])) for m in metrics)],
            row["kind"],
            results.models.index(row["model"]) if row["kind"] == "model" else None,
        )
        for row in table.to_dict("records")
    ]
    return Table(f"Metrics on {task}", ("Model", *metrics), rows)


def across_tasks(results: Results, match: str) -> list[Block]:
    """Models over all tasks: interquartile mean of skill, replicates solved, and who improves on whom."""
    tasks = pooled_tasks(results, match)
    if len(tasks) < 2:
        return []
    table = results.selected[(results.selected["match"] == match) & results.selected["task"].isin(tasks)]
    models = models_in(table, results)
    scores = {model: skills_with_failures(results, match, model, tasks) for model in models}
    improvements = _improvements(results, match, scores) if len(models) <= 8 else {}
    beyond = {task: found for task in tasks if (found := below_the_limit(results, task))}
    reachable = table[table["task"].isin([t for t in tasks if t not in beyond and target_of(results, t)])]
    rows = []
    for place, model in ((results.models.index(model), model) for model in models):
        rng = generator("report", "interquartile_mean", match, place)
        middle = stats.interquartile_mean(scores[model], rng=rng)
        own = reachable[reachable["model"] == model]
        solved = int((own["steps_to_target"].notna() & (own["status"] == "ok")).sum())
        cells = [
            TableCell(model),
            TableCell(*scored(middle.value, middle.low, middle.high), _value(middle.value), _across_bar(middle)),
            TableCell(f"{solved} of {len(own)}", "", solved / len(own)) if len(own) else TableCell(MISSING),
        ]
        cells += [_better(improvements, model, rival) for rival in models if improvements]
        rows.append(Row(cells, "model", place))
    rivals = [f"Better than {model}" for model in models] if len(models) <= 8 else []
    caption = (
        "Typical skill: the interquartile mean of all scores of a model, over tasks and replicates alike; a failure "
        "counts as the lowest skill on its task. “Better than”: the probability that a run of the model in this row "
        "has a higher skill than one of the model in the column, averaged over tasks. Both with 95 % bootstrap "
        "intervals, resampled within each task and checked by simulation: with 5, 10 and 20 replicates they hold the "
        "truth in 93 to 97 % of cases; but those of probabilities near 0 or 1 are too narrow with 5 replicates (86 % "
        "at 0.9). Solved: replicates that reached the target, on all tasks together."
    )
    for task, (goal, limit) in beyond.items():
        caption += (
            f" Solved leaves out {brief(task)}: its target ({trimmed(goal, 3)}) lies below the limit that noise sets "
            f"({trimmed(limit, 3)})."
        )
    caption += left_out(results, match)
    return [
        Table("Across tasks", ("Model", "Typical skill", "Solved", *rivals), rows, caption),
    ]


def _improvements(results: Results, match: str, scores: dict[str, list[Any]]) -> dict[tuple[str, str], stats.Estimate]:
    """The probability that the first of each pair of models improves on the second, over all tasks."""
    found = {}
    for first, second in combinations(scores, 2):
        pairs = max(len(a) * len(b) for a, b in zip(scores[first], scores[second], strict=True))
        rng = generator("report", "improvement", match, *(results.models.index(model) for model in (first, second)))
        drawn = min(stats.RESAMPLES, max(200, 4_000_000 // max(pairs, 1)))  # every resample looks at all pairs
        found[first, second] = stats.probability_of_improvement(scores[first], scores[second], rng=rng, resamples=drawn)
    return found


def _better(improvements: dict[tuple[str, str], stats.Estimate], model: str, rival: str) -> TableCell:
    if model == rival:
        return TableCell(MISSING)
    found = improvements.get((model, rival))
    if found is None:
        other = improvements[rival, model]
        found = stats.Estimate(1 - other.value, 1 - other.high, 1 - other.low, other.n)
    return TableCell(*scored(found.value, found.low, found.high))


def _across_bar(middle: stats.Estimate) -> tuple[float, float, float] | None:
    return None if is_missing(middle.value) else _bar(middle.low, middle.value, middle.high)


def leaderboard_section(results: Results) -> Section:
    """The leaderboard of each comparison, models across tasks, and the tasks' own metrics."""

    def make(match: str) -> list[Block]:
        tasks = tasks_in(results, match)
        if not tasks:
            return []
        blocks: list[Block] = [Text(f"Compared here: {words(match).described}.")]
        blocks += [leaderboard(results, match), *across_tasks(results, match)]
        if metrics := [found for task in tasks if (found := all_metrics(results, match, task))]:
            blocks.append(Tables(metrics, "The tasks' own metrics: means over replicates, on test data."))
        return blocks

    blocks, beside = by_match(results, make), side_by_side(results)
    return Section("leaderboard", "Leaderboard", [*blocks, *([beside] if beside else [])])
