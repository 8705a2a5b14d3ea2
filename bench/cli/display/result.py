"""What a person sees on stdout at the end: a table and a verdict for each task, what failed, and where to look."""

from __future__ import annotations

import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.analysis.ended import did_not_end_well
from bench.analysis.formatting import is_missing, number, scored, seconds, whole
from bench.analysis.labels import brief, words
from bench.analysis.summary import WHY_THEY_DISAGREE, best_first, skill_note
from bench.cli.display.progress import describe
from bench.records.plain import plain

if TYPE_CHECKING:
    from bench.analysis.results import Results

FAILURES_SHOWN = 3
HEADERS = ("model", "size", "skill", "95 % interval", "loss", "solved", "to target", "params", "a step")


@dataclass(frozen=True)
class ResultTable:
    """A table as text cells, which of its rows are models (the others are references), and a sentence below it."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    is_model: tuple[bool, ...]
    note: str = ""


def show_result(
    name: str,
    results: str,
    reports: str,
    *,
    partial: bool = False,
    unchanged: bool = False,
    rendered: tuple[Results, list[Path]] | None = None,
) -> None:
    """Render the report of an experiment and print what came out.

    partial: say nothing where nothing was recorded. unchanged: a report that is younger than the records will do.
    rendered: the results, and the files of their report, where that was rendered just now.
    """
    from bench.analysis.results import load
    from bench.records.folder import names

    if partial and name not in names(results):
        return
    from bench.report import render_results

    loaded, paths = rendered or (load(name, results), [])
    paths = paths or (unchanged and _present(Path(reports) / name, Path(results) / name)) or []
    paths = paths or render_results(loaded, reports)
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns
    for line in decision_lines(loaded):
        click.echo(plain(line))
    for table in summary_tables(loaded):
        if terminal:
            _print_styled(table, width)
        else:
            click.echo("\n".join(lines(table)))
        if table.note:
            _print_sentence(table.note, width if terminal else None)
        click.echo()
    for sentence in [*(f"Alarm: {text}" for text in loaded.conclusions.alarms), *(v.sentence for v in loaded.verdicts)]:
        _print_sentence(sentence, width if terminal else None)
    for line in [*failure_lines(loaded), "", *place_lines(paths, Path(results) / name), *model_lines(loaded)]:
        click.echo(plain(line))


def _present(report: Path, results_folder: Path) -> list[Path]:
    """The report's main files if all are there, and younger than what they show and the program that shows it."""
    paths = [report / name for name in ("index.html", "report.md", "summary.md")]
    program = Path(__file__).parents[2]
    sources = [*results_folder.glob("*.json*"), *program.rglob("*.py"), *(program / "report" / "templates").rglob("*")]
    newest = max(path.stat().st_mtime_ns for path in sources)
    return paths if all(path.exists() and path.stat().st_mtime_ns >= newest for path in paths) else []


def decision_lines(results: Results) -> list[str]:
    """What to use on each task, and an empty line; none where nothing has results."""
    several = len(results.matches) > 1
    lines = [
        f"{brief(verdict.task)}{f', {words(verdict.match).heading}' if several else ''}: {verdict.answer}"
        for verdict in results.verdicts
    ]
    return [*lines, ""] if lines else []


def summary_tables(results: Results) -> list[ResultTable]:
    """A table for each comparison and task: the models, then the references, each in order of test loss."""
    summary = results.summary
    tables = []
    for match in results.matches:
        for task in results.tasks:
            part = summary[(summary["task"] == task) & (summary["match"].isna() | (summary["match"] == match))]
            part = best_first(part)
            models, others = part[part["kind"] == "model"], part[part["kind"] != "model"]
            entries = [*models.to_dict("records"), *others.to_dict("records")]
            if not len(models):
                continue
            title = task if len(results.matches) == 1 else f"{task}, {words(match).heading}"
            is_model = tuple(entry["kind"] == "model" for entry in entries)
            note = skill_note(part)
            note = f"{note} {WHY_THEY_DISAGREE}" if note else ""
            tables.append(ResultTable(title, tuple(map(_cells, entries)), is_model, note))
    return tables


def _cells(row: dict[Any, Any]) -> tuple[str, ...]:
    skill, bounds = scored(row["skill"], row["skill_low"], row["skill_high"])
    loss = number(row["test_loss"])
    if row["kind"] != "model":  # a predictor of the data, not of chance: no size, no seeds, no steps
        return (str(row["model"]), "", skill, "", loss, "", "", "", "")
    replicates = row["n"] + row["n_failed"]
    solved = "–" if is_missing(row["solve_rate"]) else f"{round(row['solve_rate'] * replicates)}/{replicates}"
    steps, parameters = whole(row["steps_to_target_median"]), whole(row["parameter_count"])
    size = f"{row['hidden_size']}×{row['num_layers']}"
    return (str(row["model"]), size, skill, bounds, loss, solved, steps, parameters, seconds(row["step_seconds"]))


def lines(table: ResultTable, width: int | None = None) -> list[str]:
    """The title, the headers and the rows as aligned text. Nothing is ever cut: where two spaces between columns are
    too many for `width`, one has to do, and beyond that the terminal wraps."""
    widths = [max(map(len, column)) for column in zip(HEADERS, *table.rows, strict=True)]
    fits = width is None or sum(widths) + 2 * (len(widths) - 1) <= width

    def line(cells: tuple[str, ...]) -> str:
        name, *numbers = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        return ("  " if fits else " ").join([name.strip().ljust(widths[0]), *numbers]).rstrip()

    return [table.title, *map(line, (HEADERS, *table.rows))]


def _print_styled(table: ResultTable, width: int) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout)  # knows NO_COLOR
    styles = ["bold", "dim", *("" if is_model else "dim" for is_model in table.is_model)]
    for line, style in zip(lines(table, width), styles, strict=True):
        console.print(Text(line, style=style), soft_wrap=True)


def _print_sentence(sentence: str, width: int | None) -> None:
    """In lines of whole words up to `width`, or in one."""
    sentence = plain(sentence)  # an alarm may quote the manifest
    if width is not None:
        sentence = textwrap.fill(sentence, width, break_long_words=False, break_on_hyphens=False)
    click.echo(sentence)


def failure_lines(results: Results) -> list[str]:
    """What failed or diverged, with the command that trains it again; the report has them all."""
    failed = [r for r in results.records if r.get("status", "ok") != "ok"]
    if not failed:
        return []
    found = ["", f"{did_not_end_well(results.records)}:"]
    for record in failed[:FAILURES_SHOWN]:
        found.append(f"  {describe(record)}")
        if record.get("command"):  # a published record has none
            found.append(f"    again: {record['command']}")
    if len(failed) > FAILURES_SHOWN:
        found.append(f"  and {len(failed) - FAILURES_SHOWN} more, in the report")
    return found


def model_lines(results: Results) -> list[str]:
    """Where the kept models are, and the command that forecasts with the best one."""
    from bench.analysis.saved_models import (
        ahead_on_test_data,
        not_kept,
        predict_command,
        ranked,
        saved_models,
        too_large_sentence,
    )

    kept, missing = saved_models(results), not_kept(results)
    found = [too_large_sentence(missing)] if missing else []
    if not kept:
        return found
    tasks = list(dict.fromkeys(model.task for model in kept))
    best = [ranked(tuple(model for model in kept if model.task == task))[0][0] for task in tasks]
    found.append(f"models  {results.folder}/models/ ({len(kept)})")
    for model in best:
        why = f" ({said})" if (said := ahead_on_test_data(results, model)) else ""
        found.append(f"  best by validation on {brief(model.task)}: {model.model}, {results.folder}/{model.file}{why}")
    command = predict_command(results)
    known = ", ".join(results.settings.get("known") or ())
    if command and known:
        found.append(f"to forecast, add rows to the data with {known} and without a target, as new.csv")
    return [*found, *([f"to forecast: {command}"] if command else [])]


def place_lines(report: list[Path], results_folder: Path) -> list[str]:
    """Where the report and the tables are."""
    tables = ", ".join(path.name for path in sorted(results_folder.glob("*.csv")))
    return [*(f"report  {path}" for path in report), f"tables  {results_folder}/ ({tables})"]
