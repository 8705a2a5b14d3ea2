"""Whether a recurrent net is needed, on data whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results
from bench.analysis.verdict import Verdict

Build = Callable[..., Results]
LOW, HIGH = [0.1, 0.11, 0.09, 0.1, 0.105, 0.1, 0.098], [0.3, 0.31, 0.32, 0.29, 0.3, 0.3, 0.31]


def only(results: Results) -> Verdict:
    (verdict,) = results.verdicts
    return verdict


def references(synthetic: ModuleType, name: str, losses: Sequence[float], kind: str = "floor") -> list[dict[str, Any]]:
    return [synthetic.reference("sine", name, kind, i, loss, "a rule") for i, loss in enumerate(losses, start=1)]


def test_a_predictor_without_a_net_that_wins_makes_nets_needless(synthetic: ModuleType, results_of: Build) -> None:
    floor = references(synthetic, "persistence", [0.05] * 7)
    verdict = only(results_of([*synthetic.with_losses({"gru": LOW, "lstm": HIGH}), *floor]))
    assert (verdict.need.state, verdict.answer) == ("no", "no recurrent net needed")
    assert verdict.headline.startswith("On sine, no recurrent net is needed: persistence (a rule), with a test loss of")
    assert (
        "beats the best net (gru, 0.100); persistence is the only predictor without a net that was tried."
        in verdict.headline
    )
    assert verdict.notes[0].startswith("gru has the lower test loss")


def test_a_net_is_needed_where_it_beats_the_best_reference(synthetic: ModuleType, results_of: Build) -> None:
    floor = references(synthetic, "persistence", [0.9] * 7) + references(synthetic, "linear", [0.6] * 7, "baseline")
    verdict = only(results_of([*synthetic.with_losses({"gru": LOW, "lstm": HIGH}), *floor]))
    assert (verdict.need.state, verdict.answer) == ("yes", "gru")
    assert verdict.need.reference is not None
    assert (verdict.need.reference.name, verdict.need.reference.chosen_on) == ("linear", "test")
    assert verdict.need.p == pytest.approx(2 * verdict.need.pair.p)  # type: ignore[union-attr]  # of two nets


def test_a_net_that_is_needed_is_answered_also_where_no_model_leads(synthetic: ModuleType, results_of: Build) -> None:
    level = [0.1, 0.12, 0.09, 0.11, 0.1, 0.08, 0.13]
    floor = references(synthetic, "persistence", [0.9] * 7)
    verdict = only(results_of([*synthetic.with_losses({"gru": level, "lstm": level[::-1]}), *floor]))
    assert (verdict.need.state, verdict.winner) == ("yes", None)
    assert verdict.answer == "a recurrent net, not clear which"


def test_whether_a_net_is_needed_can_be_open(synthetic: ModuleType, results_of: Build) -> None:
    noisy = [0.05, 0.2, 0.08, 0.15, 0.12, 0.06, 0.14]
    verdict = only(results_of([*synthetic.with_losses({"gru": LOW, "lstm": HIGH}), *references(synthetic, "p", noisy)]))
    assert (verdict.need.state, verdict.answer) == ("can't tell yet", "can't tell yet")
    assert any("whether a recurrent net is needed is not clear" in note.lower() for note in verdict.notes)


def test_the_reference_is_chosen_on_validation_data_where_recorded(synthetic: ModuleType, results_of: Build) -> None:
    """The one that is lucky on test data is not taken."""
    lucky, chosen = references(synthetic, "lucky", [0.05] * 7), references(synthetic, "chosen", [0.6] * 7)
    for record in lucky:
        record["valid_loss"] = 0.9
    for record in chosen:
        record["valid_loss"] = 0.5
    verdict = only(results_of([*synthetic.with_losses({"gru": LOW, "lstm": HIGH}), *lucky, *chosen]))
    assert verdict.need.reference is not None
    assert (verdict.need.reference.name, verdict.need.reference.chosen_on) == ("chosen", "validation")
    assert verdict.need.state == "yes"
    needed = "A recurrent net is needed: gru's test loss is 83 % lower than that of chosen (a rule), the best of "
    assert verdict.notes[0] == f"{needed}2 predictors without a net on validation data."


def in_group(records: list[dict[str, Any]], model: str, group: str) -> list[dict[str, Any]]:
    for record in records:
        if record["model"]["name"] == model:
            record["model"]["group"] = group
    return records


def test_nets_without_recurrence_compete_and_no_word_takes_them_for_recurrent_ones(
    synthetic: ModuleType, results_of: Build
) -> None:
    """A convolution that wins makes recurrence needless, and a predictor that beats it too makes any net needless."""
    trainings = in_group(synthetic.with_losses({"tcn": LOW, "gru": HIGH}), "tcn", "without recurrence")
    won = only(results_of([*trainings, *references(synthetic, "persistence", [0.9] * 7)]))
    assert (won.answer, won.net) == ("tcn", "net")
    assert "A net is needed: tcn's test loss is" in won.sentence
    assert "tcn has no recurrence: no recurrent net is needed." in won.notes
    lost = only(results_of([*trainings, *references(synthetic, "persistence", [0.05] * 7)]))
    assert lost.answer == "no net needed"
    assert "no net is needed: persistence" in lost.headline
    assert "recurrent" not in lost.sentence
    recurrent = in_group(synthetic.with_losses({"tcn": LOW, "gru": HIGH}), "tcn", "recurrent")
    assert "recurrence" not in only(results_of(recurrent)).sentence


def test_a_limit_is_no_predictor(synthetic: ModuleType, results_of: Build) -> None:
    limit = references(synthetic, "noise", [0.01] * 7, "limit")
    assert only(results_of([*synthetic.with_losses({"gru": LOW, "lstm": HIGH}), *limit])).need.state == "not tested"
