"""The report of a search with `--prune`: what was stopped early is no result, and counts as no trial."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.pruned import pruning_sentence
from bench.analysis.search_trials import configurations, first_trainings, trials
from bench.analysis.tuned import tuning_curves
from bench.report import plots
from bench.report.content import document
from bench.report.document import Text
from bench.report.markdown import markdown
from bench.report.sections.search import search_section, search_summary
from tasks.errors import UserError

FEWER_STOPS = ((118,), (118, 354))


def test_a_task_whose_searches_were_interrupted_has_no_results(
    synthetic: ModuleType, results_of: Callable[..., Any]
) -> None:
    for stops in FEWER_STOPS:
        interrupted = [
            record for model in ("gru", "lstm") for record in synthetic.pruned("copy", model, 1, stops=stops)
        ]
        finished = synthetic.experiment(("sine",), ("gru", "lstm"), seeds=3, trials=2, protocol=2)
        for records in (interrupted, [*finished, *interrupted]):
            results = results_of(records, status="interrupted")
            assert "copy" not in set(results.summary["task"])
            text = markdown(document(results))
            assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE)


@pytest.fixture
def finished(synthetic: ModuleType, results_of: Callable[..., Any]) -> Any:
    """Three replicates of two models, each of 6 trials in 9 trainings."""
    trained = [
        record
        for model in ("gru", "lstm")
        for replicate in (1, 2, 3)
        for record in synthetic.pruned("sine", model, replicate)
    ]
    return results_of(trained)


def test_trials_are_counted_once_however_often_they_were_trained(finished: Any) -> None:
    table = search_summary(finished)
    assert table is not None
    assert [row.cells[2].text for row in table.rows] == ["18", "18"]
    assert "54 trainings for 36 trials" in document(finished).facts
    one = finished.trainings[finished.trainings["model"] == "gru"]
    assert (len(configurations(one)), int(configurations(one)["budget_steps"].isna().sum())) == (18, 3)
    assert set(first_trainings(one)["steps"]) == {118}


def test_a_trial_that_failed_where_it_would_have_gone_on_is_a_failed_trial(
    synthetic: ModuleType, results_of: Callable[..., Any]
) -> None:
    records = synthetic.pruned("sine", "gru", 1, stops=(118, 354))
    records[-1] |= {"status": "diverged", "test": None}
    table = search_summary(results_of(records))
    assert table is not None
    assert (table.rows[0].cells[2].text, table.rows[0].cells[2].note) == ("6", "1 failed")


def test_the_search_section_says_once_how_trials_were_stopped(finished: Any) -> None:
    section = search_section(finished)
    (said,) = [block.text for block in section.blocks if isinstance(block, Text)]
    assert said.startswith(
        "The search stopped trials early by comparing them (--prune): of the 6 configurations that each replicate "
        "tries, 4 were stopped after about a ninth of the steps, 1 was stopped after about a third of the steps and 1 "
        "was trained to the end. Only a training to the end is selected. There is no tuning curve: "
    )


def test_searches_that_went_differently_are_counted(synthetic: ModuleType, results_of: Callable[..., Any]) -> None:
    records = [*synthetic.pruned("sine", "gru", 1), *synthetic.pruned("sine", "gru", 2)]
    assert " in 2 of 3 searches, " in str(
        pruning_sentence(results_of([*records, *synthetic.pruned("sine", "gru", 3, trials=3, stops=(118, None))]))
    )
    early = results_of(synthetic.pruned("sine", "gru", 1, stops=(118,)))
    assert "none has been trained to the end yet" in str(pruning_sentence(early))
    whole = results_of(synthetic.experiment(("sine",), seeds=2, trials=3, protocol=2))
    assert pruning_sentence(whole) is None
    assert "There is no tuning curve" not in markdown(document(whole))


def test_only_whole_trials_are_compared_by_their_losses(finished: Any) -> None:
    assert len(trials(finished, "tuned", "sine")) == 6
    assert set(trials(finished, "tuned", "sine")["steps"]) == {1000}
    assert tuning_curves(finished, "tuned", "sine") == {}
    with pytest.raises(UserError, match="without --prune"):
        plots.tuning_curve(finished)
    text = markdown(document(finished))
    assert "Test loss to expect of a search with fewer trials" not in text
    assert "any trial of the search that was trained to the end reached there, and the number n of such trials" in text
    assert "Every trial of the search that was trained to the end: its lowest validation loss" in text


def test_a_figure_of_a_search_without_a_whole_trial_says_so(
    synthetic: ModuleType, results_of: Callable[..., Any]
) -> None:
    results = results_of(synthetic.pruned("sine", "gru", 1, stops=(118,)))
    for draw in (plots.search_map, plots.search_slice):
        with pytest.raises(UserError, match="no trial on sine that was trained to the end"):
            draw(results)
