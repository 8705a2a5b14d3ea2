"""Write the results of recipes that search into docs/recipes.md, between their marks; what stands around them stays.

    python -m bench run --recipe contenders
    python tests/recipes/write_page.py contenders --write     # without --write the text is printed

Several recipes may be named, each in results/NAME and complete. The figure goes to docs/recipes/NAME.svg.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
from page import ROOT, table, write_section

from bench.analysis.formatting import MISSING, counted, is_missing, number, score, scored, seconds, whole
from bench.analysis.labels import brief
from bench.analysis.results import Results, load
from bench.report.markdown import escape

if TYPE_CHECKING:
    import pandas as pd

PAGE = ROOT / "docs" / "recipes.md"
SERVED = (
    *("contenders", "gru-vs-lstm-sine", "copy-delays", "digits", "sunspots", "co2", "macro", "cogscale"),
    "claims",
)
METRICS = {"copy-delays": "recall_accuracy", "digits": "accuracy", "cogscale": "score"}  # in place of the skill
MOST = 6  # sentences of one kind; more are counted


def section(name: str, results: Results) -> str:
    """The tables, the report's sentences and what they were measured with, as Markdown."""
    parts = [_one_task(results) if len(results.tasks) == 1 else _several_tasks(results, METRICS.get(name))]
    parts += [_verdicts(results), _alarms(results), _origin(name, results)]
    return "\n\n".join(part for part in parts if part)


def claims_section(loaded: list[Results]) -> str:
    """The verdict on each textbook claim."""
    from bench.analysis.claims import RULE, WORDS, caveat, claims

    rows = [[one.claim.number, one.claim.statement, WORDS[one.shown]] for one in claims(loaded)]
    parts = [
        "\n".join(["| | claim | verdict |", "| ---: | --- | --- |", *(_line(row) for row in rows)]),
        " ".join(filter(None, (RULE, caveat(loaded)))),
        _origin("claims", *loaded),
    ]
    return "\n\n".join(parts)


def _one_task(results: Results) -> str:
    """A row a model, then the predictors without a net in italics."""
    summary = results.summary
    metrics = [column for column in _metrics(summary) if summary[column].notna().any()]
    header = ["model", "hidden × layers", "replicates", "test loss", "skill, 95 % interval", *metrics, "parameters"]
    rows = []
    for _, row in summary.iterrows():
        is_model = row["kind"] == "model"
        skill, interval = scored(*(float(row[bound]) for bound in ("skill", "skill_low", "skill_high")))
        rows.append(
            [
                row["model"] if is_model else f"*{row['model']}*",
                f"{row['hidden_size']} × {row['num_layers']}" if is_model else "",
                row["n"],
                number(row["test_loss"]),
                f"{skill} ({interval})" if interval else skill,
                *(number(row[metric]) for metric in metrics),
                whole(row["parameter_count"]) if is_model else "",
            ]
        )
    return table(header, rows)


def _several_tasks(results: Results, metric: str | None) -> str:
    """Models against tasks; the shorter side is that of the columns. Each comparison has models of its own."""
    columns = {
        (model, match): f"{model}, {match}" if len(results.matches) > 1 else model
        for match in results.matches
        for model in results.models
    }
    what = f"`{metric}`, mean ± standard deviation" if metric else "skill (95 % interval)"
    said = f"Each cell: {what} over {_replicates(results)} on test data; (k) reached the target in k of them."
    cells = {
        (task, *column): _cell(results, task, *column, metric=metric) for task in results.tasks for column in columns
    }
    if len(columns) <= len(results.tasks):
        rows = [
            [f"`{brief(task)}`", *(cells[task, *column] for column in columns), _reference(results, task, metric)]
            for task in results.tasks
        ]
        return f"{said}\n\n{table(['task', *columns.values(), 'best without a net'], rows)}"
    rows = [
        [text, *(cells[task, *column] for task in results.tasks), _parameters(results, *column)]
        for column, text in columns.items()
    ]
    rows.append(["*best without a net*", *(_reference(results, task, metric) for task in results.tasks), ""])
    return f"{said}\n\n{table(['model', *(f'`{brief(task)}`' for task in results.tasks), 'parameters'], rows)}"


def _cell(results: Results, task: str, model: str, match: str, *, metric: str | None) -> str:
    rows = _of(results.summary, task, match, model)
    if rows.empty:
        return MISSING
    row = rows.iloc[0]
    reached = "" if is_missing(row["solve_rate"]) else f" ({round(row['solve_rate'] * (row['n'] + row['n_failed']))})"
    if metric is None:
        value, interval = scored(*(float(row[bound]) for bound in ("skill", "skill_low", "skill_high")))
        return f"{value}, {interval}{reached}" if interval else f"{value}{reached}"
    values = _of(results.selected, task, match, model)[metric].dropna()
    return f"{score(values.mean(), 2)} ± {score(values.std(), 2)}{reached}"


def _reference(results: Results, task: str, metric: str | None) -> str:
    """The reference with the lowest loss; a limit is none that could be used."""
    rows = results.summary[(results.summary["task"] == task) & ~results.summary["kind"].isin(["model", "limit"])]
    if rows.empty:
        return MISSING
    best = rows.loc[rows["test_loss"].idxmin()]
    return f"{score(best[metric or 'skill'], 2)} (*{best['model']}*)"


def _parameters(results: Results, model: str, match: str) -> str:
    """From the fewest to the most over tasks."""
    counts = sorted(_of(results.summary, None, match, model)["parameter_count"].dropna())
    return whole(counts[0]) if counts[0] == counts[-1] else f"{whole(counts[0])} to {whole(counts[-1])}"


def _of(rows: pd.DataFrame, task: str | None, match: str, model: str) -> pd.DataFrame:
    wanted = (rows["match"] == match) & (rows["model"] == model)
    return rows[wanted & (rows["task"] == task)] if task is not None else rows[wanted]


def _verdicts(results: Results) -> str:
    """The report's sentence on each task; of many tasks how often each answer was given."""
    if len(results.verdicts) > MOST:
        answers = Counter(verdict.answer for verdict in results.verdicts)
        counts = "; ".join(f"{escape(answer)}: {count}" for answer, count in answers.most_common())
        return f"What the report answers on {len(results.verdicts)} pairs of task and comparison: {counts}."
    sentences = [escape(verdict.sentence) for verdict in results.verdicts]
    return sentences[0] if len(sentences) == 1 else "\n".join(f"- {sentence}" for sentence in sentences)


def _alarms(results: Results) -> str:
    found = results.conclusions.alarms
    more = [f"- {len(found) - MOST} more in the report."] if len(found) > MOST else []
    return "\n".join(["Alarms:", "", *(f"- {escape(alarm)}" for alarm in found[:MOST]), *more]) if found else ""


def _origin(name: str, *all_results: Results) -> str:
    first = all_results[0]
    environment, trained = first.manifest["environment"], [results.trainings for results in all_results]
    time = sum(float(table["wall_seconds"].sum()) for table in trained)
    packages = environment["packages"]
    replicates = f", {_replicates(first)} of {counted(first.settings['trials'], 'trial')}" if name != "claims" else ""
    return (
        f"`python -m bench run --recipe {name}`: protocol {first.protocol}{replicates}, "
        f"{sum(map(len, trained)):,} trainings of {seconds(time)}, added up; {environment['cpu']}, "
        f"{environment['cores']} cores, Python {environment['python']}, torch {packages['torch'].partition('+')[0]}; "
        f"commit {(environment['commit'] or 'unknown')[:10]}."
    )


def _replicates(results: Results) -> str:
    return counted(results.selected["replicate"].nunique(), "replicate")


def _metrics(summary: pd.DataFrame) -> list[str]:
    from bench.analysis.table_columns import metric_columns

    return metric_columns(summary)


def _line(cells: list[Any]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def figure(name: str, results: Results) -> tuple[str, str]:
    """(a figure as SVG, what it shows): learning curves of one task; of several the score against the parameter in
    which they differ, else the performance profile."""
    from bench.report.content import document
    from bench.report.document import pictures

    wanted = ("curves",) if len(results.tasks) == 1 else ("harder", "profile")
    drawn = {one.name.partition("-")[0]: one for one in reversed(pictures(document(results).sections))}
    picture = next(drawn[kind] for kind in wanted if kind in drawn)
    return picture.svg, f"![{escape(picture.alt)}](recipes/{name}.svg)"


def complete(names: list[str], folder: str) -> Iterator[Results]:
    """The results of experiments; ends the program where one is not complete."""
    for name in names:
        results = load(name, folder)
        if (status := results.manifest.get("status")) != "complete":
            raise SystemExit(f"{folder}/{name} is {status}: run it to its end first; nothing written")
        yield results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="+", choices=SERVED, metavar="RECIPE")
    parser.add_argument("--results", default="results", help="where RECIPE/records.jsonl is")
    parser.add_argument("--write", action="store_true", help=f"put the text into {PAGE.name}")
    asked = parser.parse_args()
    for name in asked.names:
        if name == "claims":
            from bench.analysis.claims.members import members

            text = claims_section(list(complete(list(members(["claims"], asked.results)), asked.results)))
        else:
            (results,) = complete([name], asked.results)
            text = section(name, results)
        if not asked.write:
            print(text)
            continue
        if name != "claims":
            svg, shown = figure(name, results)
            (PAGE.parent / "recipes" / f"{name}.svg").write_text(svg, encoding="utf-8")
            text = f"{text}\n\n{shown}"
        write_section(name, text, PAGE)


if __name__ == "__main__":
    main()
