"""docs/findings.md: its table has the numbers of the published study."""

from __future__ import annotations

import pytest

from bench.analysis.results import Results, load

from ..bench import synthetic_records as synthetic
from .write_findings import PAGE, STUDY, tasks_table


def test_a_row_has_the_losses_and_both_pairs_in_their_direction() -> None:
    records = synthetic.experiment(("sine",), ("gru", "lstm", "rnn"), seeds=7, trials=2, matches=("tuned", "params"))
    results = Results("study", tuple(records), synthetic.manifest(records))
    (row,) = [line for line in tasks_table(results).splitlines() if line.startswith("| `sine`")]
    cells = [cell.strip(" *") for cell in row.strip("|").split("|")]
    pairs = results.conclusions.pair_table.set_index(["match", "first", "second"])["loss_ratio"]
    for cell, expected in (
        (cells[4], pairs["tuned", "gru", "lstm"]),
        (cells[5], pairs["params", "gru", "lstm"]),
        (cells[6], 1 / pairs["tuned", "gru", "rnn"]),
    ):
        value, low, high = (float(text) for text in cell.replace("(", "").replace(")", "").replace("to ", "").split())
        assert value == pytest.approx(expected, rel=0.01)
        assert low <= value <= high
    losses = results.summary.set_index(["match", "model"])["test_loss"]
    name, loss = cells[2].split()
    assert float(loss) == pytest.approx(losses["tuned", name], rel=0.01)
    assert losses["tuned", name] == min(losses["tuned", model] for model in ("gru", "lstm", "rnn"))


def test_the_table_of_the_page_is_that_of_the_study() -> None:
    mark = "<!-- measured: study -->"
    _, text, _ = PAGE.read_text(encoding="utf-8").split(mark)
    assert text.strip() == tasks_table(load(STUDY.name, STUDY.parent))
