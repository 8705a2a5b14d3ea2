"""Twelve outcomes with the decision that each must lead to, the same in every place that shows one.

Their words, alarms and recommendations stand in `golden/decisions.txt`. After a change that is meant, write it again:

python tests/bench/report/test_decisions.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis.results import Results
from bench.cli.display.result import decision_lines, show_result
from bench.report.document import Document
from bench.report.markdown import escape, markdown, summary
from bench.report.page import page
from bench.report.sections.overall import choices_table
from bench.report.sections.verdict import verdict_section

GOLDEN = Path(__file__).with_name("golden") / "decisions.txt"
N = 8
RNG = np.random.default_rng(7)
NOISE = RNG.normal(0, 0.12, (4, N))
BASE = RNG.normal(-1.5, 0.3, N)  # log10 loss of a model on each replicate's data
FEW = RNG.normal(0, 0.003, N)
Losses = Sequence[float | None]


def at(ratio: float, noise: np.ndarray = NOISE[0]) -> list[float]:
    return list(10 ** (BASE + np.log10(ratio) + noise))


def failing(losses: Losses, *places: int) -> list[float | None]:
    return [None if i in places else loss for i, loss in enumerate(losses)]


NAIVE = at(20, FEW)
NEEDLESS, OPEN = "no recurrent net needed", "can't tell yet"
OUTCOMES: dict[str, tuple[dict[str, Losses], dict[str, Losses], str]] = {
    "random walk": (
        {"gru": at(1.2), "lstm": at(1.1, NOISE[1])},
        {"persistence": at(0.5, FEW)},
        "no recurrent net needed",
    ),
    "noise": ({"gru": at(1.0, FEW), "lstm": at(1.3)}, {"mean": at(1.0, -FEW)}, NEEDLESS),
    "pure season": ({"gru": at(1), "lstm": at(2)}, {"seasonal": [1e-12] * N, "mean": NAIVE}, NEEDLESS),
    "one winner": ({"gru": at(0.3), "lstm": at(1, NOISE[1]), "rnn": at(3, NOISE[2])}, {"persistence": NAIVE}, "gru"),
    "tie": ({"gru": at(1), "lstm": at(1.05, NOISE[1]), "rnn": at(9, NOISE[2])}, {"persistence": NAIVE}, "gru or lstm"),
    "equivalence": ({"gru": at(1, FEW), "lstm": at(1.001, -FEW)}, {"persistence": NAIVE}, "gru or lstm"),
    "all failed": ({"gru": [None] * N, "lstm": [None] * N}, {"persistence": NAIVE}, OPEN),
    "one failed": ({"gru": at(1), "lstm": [None] * N}, {"persistence": NAIVE}, "gru"),
    "rare failures": (
        {"gru": failing(at(0.5), 2, 5), "lstm": at(1, NOISE[1])},
        {"persistence": NAIVE},
        "can't tell yet",
    ),
    "undertrained": (
        {"gru": at(18), "lstm": at(25, NOISE[1])},
        {"persistence": at(20, NOISE[2])},
        f"{OPEN}; until then persistence",
    ),
    "single model": ({"gru": at(1)}, {"persistence": NAIVE}, "gru"),
    "twins": ({"gru": at(0.3), "numpy_gru": at(0.3, NOISE[0] + FEW / 1e4), "lstm": at(1)}, {"mean": NAIVE}, "gru"),
}

RECOMMENDED = {"undertrained": "persistence", "rare failures": "gru, or persistence"}  # of the others the leader


def experiment(synthetic: ModuleType, outcome: str) -> list[dict[str, Any]]:
    """Records of an outcome; undertrained are those whose validation loss is still falling when the steps are over."""
    models, references, _ = OUTCOMES[outcome]
    records = []
    for model, losses in models.items():
        for replicate, loss in enumerate(losses, start=1):
            status = "ok" if loss is not None else "diverged"
            record = synthetic.training("series", model, replicate, stage="trial", trial=0, status=status)
            if loss is not None:
                record["test"] |= {"loss": float(loss), "skill": 1 - float(loss)}
            if outcome == "undertrained":
                curve, record["steps_to_target"] = record["curve"], None
                curve["valid_loss"] = [curve["valid_loss"][0] / (1 + step / 100) for step in curve["step"]]
            records.append(record)
    for name, losses in references.items():
        for i, loss in enumerate(losses, start=1):
            records.append(synthetic.reference("series", name, "floor", i, loss) | {"valid_loss": loss})
    return records


def told(results: Results) -> str:
    """Everything that a decision says: badge, sentences, recommendations, alarms."""
    (verdict,) = results.verdicts
    table = choices_table(results, "tuned")
    cells = [cell for row in table.rows for cell in row.cells[1:]] if table else []
    picked = [f"{cell.text} ({cell.note})" if cell.note else cell.text for cell in cells]
    recommended = [f"What to use: {' | '.join(picked)}"] if picked else []
    alarms = [f"Alarm: {text}" for text in results.conclusions.alarms]
    return "\n".join([f"[{verdict.answer}]", verdict.headline, *verdict.notes, *recommended, *alarms]) + "\n"


def all_told(synthetic: ModuleType, results_of: Callable[..., Results]) -> str:
    parts = [f"{name.upper()}\n{told(results_of(experiment(synthetic, name)))}" for name in OUTCOMES]
    return "\n".join(parts)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_has_its_decision_everywhere(
    synthetic: ModuleType, results_of: Callable[..., Results], outcome: str
) -> None:
    answer = OUTCOMES[outcome][2]
    results = results_of(experiment(synthetic, outcome))
    (verdict,) = results.verdicts
    assert verdict.answer == answer
    (row,) = results.conclusions.decisions.to_dict("records")
    assert (row["answer"], row["sentence"]) == (answer, verdict.sentence)
    assert decision_lines(results) == [f"series: {answer}", ""]
    section = verdict_section(results)
    document = Document("outcome", "complete", True, [], [section])
    assert f'<span class="badge">{answer.replace(chr(39), "&#39;")}</span>' in page(document)
    for text in (markdown(document), summary(results, document)):
        assert f"- **series: {escape(answer)}.** {escape(verdict.headline)}" in text
    table = choices_table(results, "tuned")
    if table is not None and answer == NEEDLESS:
        assert {cell.text for cell in table.rows[0].cells[1:]} == {"nothing recurrent"}
    elif table is not None and verdict.ranking:
        assert table.rows[0].cells[1].text == RECOMMENDED.get(outcome, verdict.leader)


def test_the_outcomes_differ_in_why(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    """The words behind the same badge."""
    said = {name: results_of(experiment(synthetic, name)).verdicts[0].sentence for name in OUTCOMES}
    assert "persistence, with a test loss of" in said["random walk"]
    assert "is practically as good as the best net" in said["noise"]
    assert "lowest test loss of 3 models" in said["one winner"]
    assert "no clear winner between gru and lstm" in said["tie"]
    assert "gru has a lower test loss than rnn" in said["tie"]
    assert "are practically equal" in said["equivalence"]
    assert "every training failed" in said["all failed"]
    assert "lstm failed in 8 of 8 replicates" in said["one failed"]
    assert "gru failed in 2 of 8 replicates" in said["rare failures"]
    assert "whether a recurrent net is needed is not clear" in said["undertrained"].lower()
    assert "one cell implemented twice" in said["twins"]
    assert "Cost: gru 3,393 parameters" in said["single model"]


def test_every_word_is_what_it_was(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    assert all_told(synthetic, results_of) == GOLDEN.read_text(encoding="utf-8")


def test_only_what_needs_an_alarm_raises_one(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    raised = {name: results_of(experiment(synthetic, name)).conclusions.alarms for name in OUTCOMES}
    assert {name for name, found in raised.items() if found} == {
        *("undertrained", "rare failures", "one failed", "all failed"),
    }
    assert "training ended too early" in raised["undertrained"][0]


@pytest.mark.parametrize("outcome", ["undertrained", "rare failures"])
def test_alarms_are_the_same_everywhere(
    synthetic: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    results_of: Callable[..., Results],
    outcome: str,
) -> None:
    """As decisions and their reasons are, in the terminal and in the files of a real report."""
    records = experiment(synthetic, outcome)
    (alarm,) = results_of(records).conclusions.alarms
    synthetic.write(tmp_path, "mine", records)
    show_result("mine", str(tmp_path), str(tmp_path / "reports"))
    sentence = results_of(records).verdicts[0].sentence
    terminal, home = capsys.readouterr().out, tmp_path / "reports" / "mine"
    assert f"Alarm: {alarm}\n" in terminal
    assert sentence in terminal
    for name in ("report.md", "summary.md"):
        assert f"- **Alarm.** {escape(alarm)}\n" in (home / name).read_text(encoding="utf-8")
    shown = re.sub(r'<span class="flag">(.*?)</span>', r"\1", (home / "index.html").read_text(encoding="utf-8"))
    assert f"<li>{alarm.replace(' %', chr(0xA0) + '%')}</li>" in shown


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import synthetic_records

    def results_of(records: list[dict[str, Any]]) -> Results:
        return Results("synthetic", tuple(records), synthetic_records.manifest(records))

    GOLDEN.write_text(all_told(synthetic_records, results_of), encoding="utf-8")
