"""The table of answers: what the verdicts say, and the net against the best predictor without one."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from bench.analysis.results import Results
from bench.report.sections.answers import FEW, SEARCHED, answers_table

Build = Callable[..., Results]


def test_a_row_a_task_and_a_column_a_rule(synthetic: ModuleType, results_of: Build) -> None:
    tasks = ["sine", "regression", "copy"]
    results = results_of(synthetic.experiment(tasks, seeds=7, trials=1, matches=("tuned", "hidden")))
    table = answers_table(results)
    assert table is not None
    assert table.columns == ("Task", "Tuned", "Equal hidden size")
    assert [row.cells[0].text for row in table.rows] == tasks
    said = {(verdict.task, verdict.match): verdict for verdict in results.verdicts}
    for row in table.rows:
        for cell, match in zip(row.cells[1:], ("tuned", "hidden"), strict=True):
            verdict = said[row.cells[0].text, match]
            assert cell.text == verdict.answer
            beside, _, nets = cell.note.partition("of the nets ")
            assert nets == ("" if verdict.answer == " or ".join(verdict.best_nets) else " or ".join(verdict.best_nets))
            if verdict.need.reference is None or verdict.need.pair is None:  # copy has no predictor without a net here
                assert beside == ""
                continue
            name, _, ratio = beside.removesuffix("; ").partition(": ")
            assert name == f"{verdict.ranking[0][0]} ÷ {verdict.need.reference.name}"
            if "×" not in ratio:
                assert float(ratio.split()[0].replace(",", "")) == pytest.approx(verdict.need.pair.effect, rel=0.01)


def test_few_answers_need_no_table_and_many_can_be_searched(synthetic: ModuleType, results_of: Build) -> None:
    def made(count: int) -> Results:
        return results_of(synthetic.experiment([f"task_{i}" for i in range(count)], seeds=1, trials=1))

    assert answers_table(made(FEW)) is None
    few, many = answers_table(made(FEW + 1)), answers_table(made(SEARCHED))
    assert few is not None
    assert many is not None
    assert (few.tools, many.tools) == (False, True)


LOW, MIDDLE, HIGH = ([scale * loss for loss in (0.1, 0.11, 0.09, 0.1, 0.105, 0.1, 0.098)] for scale in (1, 2, 4))
ALIKE = [(0.999 if place % 2 else 1.001) * loss for place, loss in enumerate(LOW)]


@pytest.mark.parametrize(
    ("losses", "floor", "said"),
    [
        ({"gru": LOW, "lstm": MIDDLE, "rnn": HIGH}, 0.05, "; of the nets gru"),
        ({"gru": LOW, "lstm": LOW[::-1], "rnn": HIGH}, 0.05, "; of the nets gru or lstm"),
        ({"gru": LOW, "lstm": LOW[::-1], "rnn": LOW[3:] + LOW[:3]}, 0.05, ""),
        ({"gru": LOW, "lstm": ALIKE}, 0.05, "; the nets are practically equal"),
        ({"gru": LOW, "lstm": MIDDLE, "rnn": HIGH}, 0.9, ""),  # a net is needed: the answer names it
    ],
)
def test_where_no_net_is_needed_the_best_of_them_are_named(
    synthetic: ModuleType, results_of: Build, losses: dict[str, list[float]], floor: float, said: str
) -> None:
    tasks = [f"task_{i}" for i in range(FEW + 1)]
    records = [record for task in tasks for record in synthetic.with_losses(losses, task)]
    records += [synthetic.reference(task, "persistence", "floor", i, floor) for task in tasks for i in range(1, 8)]
    table = answers_table(results_of(records))
    assert table is not None
    notes = [row.cells[1].note for row in table.rows]
    assert all("÷ persistence" in note for note in notes)
    assert [note[note.find(";") :] if ";" in note else "" for note in notes] == [said] * len(tasks)
