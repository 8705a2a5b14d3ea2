"""The answers of many tasks, or under several rules of fairness, in one table at the top of the page."""

from __future__ import annotations

from bench.analysis.formatting import MISSING, estimated
from bench.analysis.labels import words
from bench.analysis.results import Results
from bench.analysis.verdict import Verdict
from bench.report.document import Row, Table, TableCell

FEW = 4  # answers that are found without a table
SEARCHED = 12  # tasks from which on the table may be searched and sorted
CAPTION = (
    "What to use for each task, and with it the test loss of the best net ÷ that of the best predictor without a net, "
    "with a 95 % interval that is not corrected. Below 1 the net is better. Where none is needed, or that is open, "
    "“of the nets” names those that may be the best one, where others are known to be worse."
)


def answers_table(results: Results) -> Table | None:
    """A row a task, a column a rule of fairness; None where there are few answers."""
    if len(results.verdicts) <= FEW:
        return None
    found = {(verdict.task, verdict.match): verdict for verdict in results.verdicts}
    rows = [
        Row([TableCell(task), *(_answer(found.get((task, match))) for match in results.matches)])
        for task in results.tasks
    ]
    header = ("Task", *(words(match).heading.capitalize() for match in results.matches))
    return Table("Answers", header, rows, CAPTION, texts=len(header), tools=len(rows) >= SEARCHED)


def _answer(verdict: Verdict | None) -> TableCell:
    if verdict is None:
        return TableCell(MISSING)
    return TableCell(verdict.answer, "; ".join(filter(None, (_beside_reference(verdict), _of_the_nets(verdict)))))


def _beside_reference(verdict: Verdict) -> str:
    reference, pair = verdict.need.reference, verdict.need.pair
    if reference is None or pair is None or not pair.effect > 0:
        return ""
    ratio, bounds = estimated(pair.effect, pair.low, pair.high)
    said = f"{pair.first} ÷ {reference.name}: {ratio}"
    return f"{said} ({bounds})" if bounds else said


def _of_the_nets(verdict: Verdict) -> str:
    if verdict.need.state == "no" and len(verdict.equal) == len(verdict.ranking) > 1:
        return "the nets are practically equal"
    nets = " or ".join(verdict.best_nets)
    return f"of the nets {nets}" if nets and nets != verdict.answer else ""
