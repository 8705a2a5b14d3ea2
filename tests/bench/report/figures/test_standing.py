"""The picture of a task: what is drawn is what the records say."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.results import Results
from bench.report.figures.standing import rows_of, standing
from bench.report.figures.svg import INK, wrapped

Make = Callable[..., Results]


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


def marks(axes: Axes, marker: str) -> list[float]:
    return [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == marker]  # type: ignore[index]


def test_a_row_each_with_its_mean_and_the_limit(synthetic: ModuleType, results_of: Make, axes: Axes) -> None:
    results = results_of(synthetic.experiment(("regression",), ("gru", "lstm"), seeds=5, trials=1))
    alt = standing(axes, results, "tuned", "regression")
    summary = results.summary.set_index("model")["test_loss"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["gru", "lstm", "persistence"]
    assert marks(axes, "D") == pytest.approx([summary["gru"], summary["lstm"]])
    assert marks(axes, "s") == pytest.approx([summary["persistence"]])
    assert "noise (limit)" in [text.get_text() for text in axes.texts]
    dashed = [line.get_xdata()[0] for line in axes.lines if line.get_color() == INK]  # type: ignore[index]
    assert dashed == pytest.approx([summary["noise"]])
    assert "group" in alt


def test_a_reference_that_is_far_better_stands_at_the_edge(synthetic: ModuleType, results_of: Make, axes: Axes) -> None:
    results = results_of(synthetic.experiment(("sine",), ("gru", "lstm"), seeds=5, trials=1))
    standing(axes, results, "tuned", "sine")
    assert rows_of(results, "tuned", "sine")[0].name == "linear_ar"
    assert len(marks(axes, "<")) == 1
    low, high = axes.get_xlim()
    assert 1e-6 < low < high < 1  # its loss of 1e-30 does not flatten the rest
    assert any("×10⁻³⁰" in text.get_text() for text in axes.texts)


def test_a_model_without_any_result_says_so(synthetic: ModuleType, results_of: Make, axes: Axes) -> None:
    records = synthetic.experiment(("copy",), ("gru", "lstm"), seeds=5, trials=1)
    for record in records:
        if record["stage"] == "confirm" and record["model"]["name"] == "lstm":
            record.update(status="failed", test=None)
    alt = standing(axes, results_of(records), "tuned", "copy")
    assert "every training failed" in [text.get_text() for text in axes.texts]
    assert "lstm failed in 5 replicates" in alt


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("sine", ["sine"]),
        ("gru on copy[delay=10,length=3]: predictions", ["gru on copy[delay=10,length=3]:", "predictions"]),
        ("x" * 60, ["x" * 22 + "…" + "x" * 12]),
    ],
)
def test_titles_end_between_words(title: str, lines: list[str]) -> None:
    assert wrapped(title, 35) == lines
