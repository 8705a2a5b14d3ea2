"""All tasks of a comparison in one sentence, and which model to use if error, parameters or time matters most."""

from __future__ import annotations

from bench.analysis import stats
from bench.analysis.choices import Choice, choices, mostly
from bench.analysis.formatting import MISSING, counted, is_missing, listed, scored
from bench.analysis.labels import brief
from bench.analysis.pooled import left_out, pooled_tasks
from bench.analysis.results import Results
from bench.analysis.selected import skills_with_failures, tasks_in
from bench.report.document import Finding, Row, Table, TableCell
from bench.seeds import generator


def overall(results: Results, match: str) -> Finding | None:
    """One finding over all tasks: on which of them what is settled, and the skill of each model; None for one task."""
    tasks = tasks_in(results, match)
    table = results.selected[results.selected["match"] == match]
    models = [model for model in results.models if (table["model"] == model).any()]
    if len(tasks) < 2:
        return None
    if not (table["status"] == "ok").any():
        return Finding("all tasks", f"Over {len(tasks)} tasks, no training ended well.", (), "not settled")
    middles, pooled = {}, pooled_tasks(results, match)
    for model in models:
        rng = generator("report", "interquartile_mean", match, results.models.index(model))
        middles[model] = stats.interquartile_mean(skills_with_failures(results, match, model, pooled), rng=rng)
    known = sorted((m for m in models if not is_missing(middles[m].value)), key=lambda m: -middles[m].value)
    parts = [_standing(model, middles[model]) for model in known[:4]]
    rest = f"; {len(known) - 4} more follow" if len(known) > 4 else ""
    over = f"Typical skill over {counted(len(pooled), 'task')} (interquartile mean): "
    typical = f"{over}{', '.join(parts)}{rest}.{left_out(results, match)}"
    own = [verdict for verdict in results.verdicts if verdict.match == match]
    needless = [verdict.task for verdict in own if verdict.need.state == "no"]
    net = "net" if any(verdict.without_recurrence for verdict in own) else "recurrent net"
    won = {model: [v.task for v in own if v.winner == model] for model in models}
    found = [f"No {net} is needed on {listed(needless)}."] if needless else []
    found += [f"{model} has the lowest test loss on {listed(won[model])}." for model in models if won[model]]
    open_tasks = [v.task for v in own if v.state == "not settled" and v.need.state != "no"]
    if open_tasks and len(models) > 1:
        found.append(f"Not settled: {listed(open_tasks)}.")
    swept = [model for model in models if len(won[model]) == len(tasks)]
    place = results.models.index(swept[0]) if swept and not needless else None
    state = "settled" if swept else ("one model" if len(models) == 1 else "not settled")
    if not swept and any(won.values()):
        state = "it depends"
    headline, notes = (" ".join(found), (typical,)) if found else (typical, ())
    answer = f"no {net} needed" if len(needless) == len(tasks) else ""
    return Finding("all tasks", headline, notes, state, place, answer)


def _standing(model: str, middle: stats.Estimate) -> str:
    text, bounds = scored(middle.value, middle.low, middle.high)
    return f"{model} {text}{f' ({bounds})' if bounds else ''}"


CAPTION = (
    "The smallest and the fastest are picked among models that reach the target in at least half of the replicates; if "
    "none does, among those not clearly worse than another. Time is the median time to target, at the step time "
    "measured alone on the machine; where no target was reached, the time of a step. A predictor without a net is "
    "named alone where its test loss is as low as the best net's, and beside a net that is not known to beat it. What "
    "the comparison makes equal is left out."
)


def choices_table(results: Results, match: str) -> Table | None:
    """The model to use if error, parameters or training time matters most: a row a task, and one for all.

    None where there is nothing to choose from.
    """
    found = choices(results, match)
    asked: dict[str, list[Choice | None]] = {
        "If test loss matters most": [each.by_loss for each in found],
        "If parameters matter most": [each.by_parameters for each in found],
        "If training time matters most": [each.by_time for each in found],
    }
    columns = {head: [choice for choice in own if choice is not None] for head, own in asked.items()}
    columns = {head: own for head, own in columns.items() if own}
    rows = [
        Row([TableCell(brief(each.task)), *(_cell(own[i]) for own in columns.values())]) for i, each in enumerate(found)
    ]
    if len(rows) > 1:
        together = [mostly([choice.name for choice in own]) for own in columns.values()]
        rows.insert(0, Row([TableCell("all tasks"), *map(_cell, together)]))
    header = ("Task", *columns)
    return Table("What to use", header, rows, CAPTION, texts=len(header), folded=True) if rows else None


def _cell(choice: Choice) -> TableCell:
    return TableCell(choice.name or MISSING, choice.why)
