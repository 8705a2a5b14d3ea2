"""docs/findings_in_detail.md and docs/study_tables.md: their tables have the numbers of the published studies."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bench.analysis.results import Results, load

from ..bench import synthetic_records as synthetic
from .study_tables import (
    contenders_table,
    counts_table,
    equal_parameters_table,
    gru_or_lstm,
    lengths_table,
    plain_rnn,
    schemes_table,
    steps_table,
    targets_table,
    tasks_table,
)
from .write_findings import SECTIONS


def test_a_row_has_the_losses_and_both_ratios_in_their_direction() -> None:
    records = synthetic.experiment(("sine",), ("gru", "lstm", "rnn"), seeds=7, trials=2, matches=("tuned", "params"))
    results = Results("study", tuple(records), synthetic.manifest(records))
    (row,) = [line for line in tasks_table(results).splitlines() if line.startswith("| `sine`")]
    cells = [cell.strip(" *") for cell in row.strip("|").split("|")]
    pairs = results.conclusions.pair_table.set_index(["match", "first", "second"])["loss_ratio"]
    for cell, expected in (
        (cells[5], pairs["tuned", "gru", "lstm"]),
        (cells[7], 1 / pairs["tuned", "gru", "rnn"]),
    ):
        value, low, high = (float(text) for text in cell.replace("(", "").replace(")", "").replace("to ", "").split())
        assert value == pytest.approx(expected, rel=0.01)
        assert low <= value <= high
    losses = results.summary.set_index(["match", "model"])["test_loss"]
    name, loss = cells[2].split()
    assert float(loss) == pytest.approx(losses["tuned", name], rel=0.01)
    assert losses["tuned", name] == min(losses["tuned", model] for model in ("gru", "lstm", "rnn"))


LOW, MIDDLE, HIGH = ([level * (1 + step / 100) for step in range(7)] for level in (0.1, 0.2, 0.4))


@pytest.mark.parametrize(
    ("tuned", "hidden", "expected"),
    [
        ((LOW, MIDDLE, HIGH), (LOW, MIDDLE, HIGH), ("gru (all rules)", "behind both (all rules)")),
        ((LOW, MIDDLE, HIGH), (MIDDLE, LOW, HIGH), ("gru (tuned); lstm (hidden)", "behind both (all rules)")),
        ((LOW, LOW[::-1], LOW), (LOW, LOW[::-1], LOW), ("–", "–")),
        ((MIDDLE, HIGH, LOW), (LOW, HIGH, MIDDLE), (
            "gru (all rules)", "ahead of gru (tuned); behind gru (hidden); ahead of lstm (all rules)"
        )),
        ((HIGH, HIGH[::-1], LOW), (LOW, LOW[::-1], LOW), ("–", "ahead of both (tuned)")),
    ],
)  # fmt: skip
def test_who_is_told_apart_is_said_with_the_rules(
    tuned: tuple[list[float], ...], hidden: tuple[list[float], ...], expected: tuple[str, str]
) -> None:
    records = [
        record
        for match, losses in (("tuned", tuned), ("hidden", hidden))
        for record in synthetic.with_losses(dict(zip(("gru", "lstm", "rnn"), losses, strict=True)), match=match)
    ]
    results = Results("study", tuple(records), synthetic.manifest(records))
    assert (gru_or_lstm(results, "sine"), plain_rnn(results, "sine")) == expected


def test_tasks_are_counted_rule_by_rule() -> None:
    """On `sine` the GRU leads under both rules, on `copy` under one, where the other has no difference."""
    losses = {
        ("sine", "tuned"): (LOW, MIDDLE, HIGH),
        ("sine", "hidden"): (LOW, MIDDLE, HIGH),
        ("copy", "tuned"): (MIDDLE, HIGH, LOW),
        ("copy", "hidden"): (LOW, LOW[::-1], LOW),
    }
    records = [
        record
        for (task, match), own in losses.items()
        for record in synthetic.with_losses(dict(zip(("gru", "lstm", "rnn"), own, strict=True)), task, match=match)
    ]
    header, _, *rows = counts_table(Results("study", tuple(records), synthetic.manifest(records))).splitlines()
    assert header == "| of 2 tasks | `tuned` | `hidden` | under any rule | under all |"
    counts = {name: cells for name, *cells in ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)}
    for said, expected in {
        "a net is needed": "0000",
        "the GRU is clearly ahead of the LSTM": "2121",
        "the LSTM is clearly ahead of the GRU": "0000",
        "no clear difference between GRU and LSTM": "0110",
        "the RNN is clearly behind both": "1111",
        "the RNN is clearly ahead of both": "1010",
        "no clear difference between the RNN and either": "0110",
        "nothing is clearly ahead of the GRU": "1221",
        "nothing is clearly ahead of the RNN": "1111",
    }.items():
        assert counts[said] == list(expected), said


def test_tasks_stand_in_the_order_of_their_numbers() -> None:
    names = [f"copy[delay={delay}]" for delay in (100, 20, 10)]
    records = [record for name in names for record in synthetic.with_losses({"gru": LOW, "lstm": HIGH}, name)]
    rows = tasks_table(Results("study", tuple(records), synthetic.manifest(records))).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == names[::-1]


def test_a_scheme_is_divided_by_the_initial_weights_of_pytorch() -> None:
    records = synthetic.experiment(("copy",), ("lstm", "lstm[init=chrono]"), seeds=7, trials=2)
    results = Results("init", tuple(records), synthetic.manifest(records))
    (row,) = [line for line in schemes_table(results).splitlines() if line.startswith("| `copy`")]
    _, cell, loss, orthogonal, forget_bias, chrono = (cell.strip(" *") for cell in row.strip("|").split("|"))
    losses = results.summary.set_index("model")["test_loss"]
    assert (cell, orthogonal, forget_bias) == ("lstm", "–", "–")
    assert float(loss) == pytest.approx(losses["lstm"], rel=0.01)
    assert float(chrono.split()[0]) == pytest.approx(losses["lstm[init=chrono]"] / losses["lstm"], rel=0.01)


def test_a_model_is_divided_by_the_gru_and_the_best_on_all_tasks_comes_first() -> None:
    """The LSTM has twice and once the GRU's loss, attention half of it and the same."""
    by_task = {
        "sine": {"gru": MIDDLE, "lstm": HIGH, "attention": LOW},
        "copy": {"gru": LOW, "lstm": LOW, "attention": LOW},
    }
    records = [
        record for task, losses in by_task.items() for record in synthetic.with_losses(losses, task, match="params")
    ]
    results = Results("contenders", tuple(records), synthetic.manifest(records))
    header, _, *rows = contenders_table(results).splitlines()
    assert header == "| model | `copy` | `sine` |"
    cells = {name: row for name, *row in ([cell.strip(" *") for cell in row.strip("|").split("|")] for row in rows)}
    assert list(cells) == ["attention", "gru", "lstm"]
    assert cells["gru"] == ["its loss: 0.103", "its loss: 0.206"]
    assert [cells[name][1].split()[0] for name in ("attention", "lstm")] == ["0.500", "2.00"]
    assert all("**" in row for row in rows if "attention" in row or "lstm" in row)


def test_a_loss_is_bold_where_it_is_better_than_that_of_the_naive_predictor() -> None:
    """The GRU's losses are a tenth of the floor's, the LSTM's on both sides of it; other tasks have no row."""
    around = [0.98 + 0.01 * step for step in range(7)]
    records = [
        record
        for task in ("copy[delay=50]", "copy[delay=5]", "adding", "sine")
        for record in [
            *synthetic.with_losses({"gru": LOW, "lstm": around}, task),
            *(synthetic.reference(task, "memoryless", "floor", replicate, 1.0) for replicate in range(1, 8)),
        ]
    ]
    for record in records:
        record["test"]["skill"] = 1 - record["test"]["loss"]
    header, _, *rows = lengths_table(Results("study", tuple(records), synthetic.manifest(records))).splitlines()
    assert header == "| task | naive | gru | lstm |"
    assert rows == [
        f"| `{task}` | memoryless 1.00 | **0.103** | 1.01 |" for task in ("adding", "copy[delay=5]", "copy[delay=50]")
    ]


def test_at_equal_parameters_a_gated_cell_is_divided_by_the_plain_one() -> None:
    """Whatever the other rules say, the GRU has half of the RNN's loss here and the LSTM the same."""
    records = [
        record
        for match, losses in (("tuned", (HIGH, HIGH, LOW)), ("params", (LOW, MIDDLE, MIDDLE[::-1])))
        for record in synthetic.with_losses(dict(zip(("gru", "lstm", "rnn"), losses, strict=True)), match=match)
    ]
    (row,) = equal_parameters_table(Results("study", tuple(records), synthetic.manifest(records))).splitlines()[2:]
    task, gru, lstm = (cell.strip() for cell in row.strip("|").split("|"))
    assert task == "`sine`"
    assert gru.startswith("**0.500 (")
    assert lstm.startswith("1.00 (")


def test_times_are_divided_by_those_of_the_gru() -> None:
    """The LSTM's steps take half as long on a, a quarter on b and c; on b it never reaches the target."""
    rows = [
        (match, task, model, kind, seconds, steps)
        for match in ("tuned", "hidden")
        for task, *cells in (
            ("a", ("gru", "model", 0.004, 100), ("lstm", "model", 0.002, 300), ("rnn", "model", 0.001, None)),
            ("b", ("gru", "model", 0.004, 100), ("lstm", "model", 0.001, None), ("rnn", "model", 0.006, None)),
            ("c", ("gru", "model", 0.004, 100), ("lstm", "model", 0.001, 100), ("mean", "floor", None, None)),
        )
        for model, kind, seconds, steps in cells
    ]
    columns = ["match", "task", "model", "kind", "step_seconds", "steps_to_target_median"]
    results: Any = SimpleNamespace(summary=pd.DataFrame(rows, columns=columns))
    assert steps_table(results).splitlines()[2:] == [
        "| gru | 1 | – | 0 of 3 |",
        "| lstm | 0.250 (0.250 to 0.500) | 3 of 3 | 2 of 3 |",
        "| rnn | 0.875 (0.250 to 1.50) | 1 of 2 | 1 of 3 |",
    ]
    assert targets_table(results).splitlines()[2:] == [
        "| gru | 1 | – | 2 of 3 |",
        "| lstm | 0.875 (0.250 to 1.50) | 1 of 2 | 1 of 3 |",
        "| rnn | – | 0 of 0 | 0 of 3 |",
    ]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_tables_of_the_pages_are_those_of_the_studies(section: str) -> None:
    page, folder, tabulate = SECTIONS[section]
    _, text, _ = page.read_text(encoding="utf-8").split(f"<!-- measured: {section} -->")
    assert text.strip() == tabulate(load(folder.name, folder.parent))
