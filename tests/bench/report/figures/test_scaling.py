"""Loss against parameters: a point is a model over all its replicates, whatever sizes they chose."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from matplotlib.figure import Figure

from bench.analysis.results import Results
from bench.report.document import Gallery
from bench.report.figures.scaling import loss_against_parameters, sizes_and_losses
from bench.report.sections.scaling import scaling_section

Build = Callable[..., Results]


def easy_and_hard(synthetic: ModuleType, match: str = "tuned", replicates: int = 6) -> list[dict[str, Any]]:
    """Replicates 1 and 2 are easy, and there rnn chose the smallest size; gru has half of its loss on each."""
    records = []
    for replicate in range(1, replicates + 1):
        for model in ("gru", "rnn"):
            easy = replicate <= 2
            size = 8 if easy and model == "rnn" else 32
            own = {"stage": "trial", "trial": 0, "hidden_size": size, "match": match}
            record = synthetic.training("series", model, replicate, **own)
            record["test"]["loss"] = (0.01 if easy else 0.1) * (1 if model == "rnn" else 0.5)
            record["parameters"]["total"] = 100 if size == 8 else (1000 if model == "gru" else 900)
            records.append(record)
    return records


def test_a_point_is_a_model_over_all_its_replicates(synthetic: ModuleType, results_of: Build) -> None:
    results = results_of(easy_and_hard(synthetic))
    rnn, gru = sizes_and_losses(results, "series")
    assert (rnn.model, rnn.size, gru.model, gru.size) == ("rnn", 900, "gru", 1000)
    assert rnn.loss == pytest.approx(0.1 ** (4 / 6) * 0.01 ** (2 / 6))
    assert gru.loss == pytest.approx(rnn.loss / 2)
    text = loss_against_parameters(Figure().subplots(), results, "tuned", "series")
    front = "Test loss against parameters on series. On the Pareto front: "
    assert text == f"{front}rnn (900, 0.0464) and gru (1,000, 0.0232)."
    both = results_of(easy_and_hard(synthetic) + easy_and_hard(synthetic, "params"))
    text = loss_against_parameters(Figure().subplots(), both, "tuned", "series")
    which = "tuned and equal parameters"
    assert text.removeprefix(front).split(" and gru ") == [
        f"rnn (900, 0.0464; {which})",
        f"(1,000, 0.0232; {which}).",
    ]


def test_points_of_fewer_replicates_are_left_out(synthetic: ModuleType, results_of: Build) -> None:
    """Two replicates of another comparison, both easy, would lie far below the rest."""
    results = results_of(easy_and_hard(synthetic) + easy_and_hard(synthetic, "params", replicates=2))
    assert {point.match for point in sizes_and_losses(results, "series")} == {"tuned"}


def test_the_figure_is_there_where_a_model_has_several_sizes(synthetic: ModuleType, results_of: Build) -> None:
    def drawn(*matches: str) -> list[str]:
        sizes = {"hidden 16×1": 16, "hidden 64×1": 64}
        records = [
            synthetic.training("series", model, r, match=match, hidden_size=sizes.get(match, 32))
            for match in matches
            for model in ("gru", "lstm")
            for r in range(1, 6)
        ]
        blocks: list[Any] = list(scaling_section(results_of(records)).blocks)
        blocks += [each for block in blocks if hasattr(block, "options") for each in block.options[0][2]]
        names = [p.name for block in blocks if isinstance(block, Gallery) for p in block.pictures]
        return [name for name in names if name.startswith("pareto")]

    assert drawn("tuned") == []
    assert drawn("hidden 16×1", "hidden 64×1") == ["pareto-1-1"]
