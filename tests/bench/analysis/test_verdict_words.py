"""The words for a difference that an interval shows and the correction does not settle, and what is corrected over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results
from bench.report.document import Document
from bench.report.markdown import escape, summary
from bench.report.sections.verdict import verdict_section

Build = Callable[..., Results]
SPREAD = (1.6, 0.5, 1.3, 0.7, 1.1, 0.9, 1.5)
OTHER = (0.6, 1.5, 0.9, 1.2, 1.0, 1.4, 0.7)
LEVEL = 0.1


def trainings(
    synthetic: ModuleType, task: str, match: str, model: str, times: float, spread: Sequence[float] = SPREAD
) -> list[dict[str, Any]]:
    """Test losses that are `times` the level, a factor of the spread apart."""
    records = []
    for replicate, factor in enumerate(spread, start=1):
        record = synthetic.training(task, model, replicate, match=match)
        record["test"] |= {"loss": LEVEL * times * factor, "skill": 1 - LEVEL * times * factor}
        records.append(record)
    return records


def references(synthetic: ModuleType, task: str, n: int = len(SPREAD)) -> list[dict[str, Any]]:
    """A predictor for all comparisons."""
    made = (synthetic.reference(task, "linear", "baseline", i, LEVEL, "a rule") for i in range(1, n + 1))
    return [record | {"valid_loss": LEVEL, "match": None} for record in made]


def experiment(
    synthetic: ModuleType, gru: float, lstm: float | None = None, matches: Sequence[str] = ("tuned",), tasks: int = 3
) -> list[dict[str, Any]]:
    """The two models at `gru` and `lstm` times the reference's loss on sine; on the other tasks all are alike."""
    records = []
    for task in ("sine", "regression", "series")[:tasks]:
        records += references(synthetic, task)
        for match in matches:
            records += trainings(synthetic, task, match, "gru", gru if task == "sine" else 1.1)
            records += trainings(synthetic, task, match, "lstm", lstm if task == "sine" else 1.1, OTHER) if lstm else []
    return records


def first(results: Results) -> Any:
    return results.verdicts[0]


@pytest.mark.parametrize(
    ("matches", "family"),
    [(("tuned",), "3 tasks"), (("tuned", "hidden"), "6 questions (3 tasks under 2 rules)")],
)
def test_a_corrected_p_says_over_how_many_questions(
    synthetic: ModuleType, results_of: Build, matches: Sequence[str], family: str
) -> None:
    verdict = first(results_of(experiment(synthetic, 1.0, 2.2, matches)))
    assert verdict.state == "not settled"
    assert f"after the correction for {family})" in verdict.sentence


def test_a_question_that_could_not_be_tested_is_not_counted(synthetic: ModuleType, results_of: Build) -> None:
    records = experiment(synthetic, 1.0, 2.2, ("tuned", "hidden"))
    few = [r for r in records if r.get("match") != "hidden" or r["task"]["name"] != "series" or r["replicate"] < 3]
    verdict = first(results_of(few))
    assert (verdict.family.questions, verdict.family.tasks, verdict.family.rules) == (5, 3, 2)
    assert "after the correction for 5 questions (of 3 tasks under 2 rules)" in verdict.sentence


def test_a_net_that_is_behind_the_reference_without_certainty_is_said_to_be_behind(
    synthetic: ModuleType, results_of: Build
) -> None:
    """The interval lies above 1, and the correction over tasks and rules leaves it open."""
    verdict = first(results_of(experiment(synthetic, 1.6, 1.9, ("tuned", "hidden", "params"))))
    need = verdict.need
    assert need.state == "can't tell yet"
    assert need.pair.low > 1
    assert need.reference_leads
    assert verdict.headline.startswith(
        "On sine, with each model tuned, no recurrent net beat linear (a rule), the only predictor without a "
        "net that was tried, whose test loss is 0.100. The loss of "
        "the best net, gru (0.162), is 62 % higher (95 % interval "
    )
    assert "7 replicates), but that may be chance (p = 0.07" in verdict.headline
    assert "after the correction for 9 questions (3 tasks under 3 rules))." in verdict.headline
    assert verdict.notes[0].startswith("No clear winner: ")
    assert "Use linear until a net is known to beat it: its loss is lower." in verdict.notes
    assert "is not clear" not in verdict.sentence


def test_the_summary_says_that_the_reference_is_ahead(synthetic: ModuleType, results_of: Build) -> None:
    """It has only the first text of a verdict, and of several comparisons only the first."""
    results = results_of(experiment(synthetic, 1.6, 1.9, ("tuned", "hidden")))
    shown = summary(results, Document("mine", "complete", True, [], [verdict_section(results)]))
    said = "On sine, with each model tuned, no recurrent net beat linear (a rule), the only predictor"
    assert f"- **sine: can't tell yet; until then linear.** {escape(said)} without a net" in shown


def test_a_single_net_behind_the_reference_is_named(synthetic: ModuleType, results_of: Build) -> None:
    verdict = first(results_of(experiment(synthetic, 1.6, matches=("tuned", "hidden", "params"))))
    assert (
        "gru did not beat linear (a rule), the only predictor without a net that was tried, whose test loss is 0.100. "
        "The loss of gru (0.162) is 62 % " in verdict.headline
    )


def test_the_net_that_keeps_the_reference_from_winning_is_named(synthetic: ModuleType, results_of: Build) -> None:
    """gru is certainly behind linear, lstm is behind it and scatters: no net is needed only if none is ahead."""
    records = experiment(synthetic, 1.6, 1.7)
    for record in records:
        if record["model"]["label"] == "gru" and record["stage"] == "confirm":
            record["test"]["loss"] = 0.11 if record["replicate"] else 0.1105
        if record["model"]["label"] == "lstm" and record["stage"] == "confirm":
            record["test"]["loss"] = 0.09 if record["replicate"] == 3 else 0.15
    headline = first(results_of(records)).headline
    assert ". That linear beats every net is not certain: lstm is the least clear (p = " in headline
    assert "may be chance" not in headline


def test_a_net_that_leads_without_certainty_is_said_to_lead(synthetic: ModuleType, results_of: Build) -> None:
    verdict = first(results_of(experiment(synthetic, 0.65, 0.8, ("tuned", "hidden", "params"))))
    need = verdict.need
    assert need.state == "can't tell yet"
    assert need.pair.high < 1
    assert not need.reference_leads
    said = verdict.notes[0]
    assert said.startswith("A recurrent net may be needed: gru's test loss is 3")
    assert " lower than that of linear (a rule), the only predictor without a net that was tried (95 % int" in said
    assert "but that may be chance (p = " in said
    assert said.endswith("after the correction for 9 questions (3 tasks under 3 rules), and for 2 nets).")
    assert "linear will do: no net is known to beat it" in verdict.sentence


@pytest.mark.parametrize("times", [0.95, 1.05])
def test_where_the_interval_covers_no_difference_the_need_is_not_clear(
    synthetic: ModuleType, results_of: Build, times: float
) -> None:
    """The sentence on the need comes first where the reference has the lower loss."""
    verdict = first(results_of(experiment(synthetic, times, 2.0)))
    said = "hether a recurrent net is needed is not clear: gru's test loss is"
    assert said in verdict.sentence
    assert (said in verdict.headline) == verdict.need.reference_leads == (verdict.need.pair.effect > 1)
    assert "linear will do: no net is known to beat it" in verdict.sentence
