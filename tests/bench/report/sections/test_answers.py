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
            if verdict.need.reference is None or verdict.need.pair is None:  # copy has no predictor without a net here
                assert cell.note == ""
                continue
            name, _, ratio = cell.note.partition(": ")
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
