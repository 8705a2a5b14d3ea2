"""docs/study_literature.md: published scores of cogscale beside ours, with the numbers of the records and the file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from bench.analysis.results import Results
from bench.config.files import read_recipe

from ..bench import synthetic_records as synthetic
from .beside_cogscale import CELL, PAGE, SECTION, measured, published, section, side_by_side
from .with_patience import plans, train


def test_each_published_score_belongs_to_a_task_and_size_of_the_recipe() -> None:
    recipe, theirs = read_recipe("cogscale"), published()
    assert {f"cogscale[task={name}]" for name in theirs["task"]} == set(recipe["tasks"])
    assert set(theirs["target_params"]) == set(recipe["parameter_budgets"])
    assert len(theirs) == len(theirs[CELL].drop_duplicates()) == 14 * 2 * 2
    assert ((theirs["parameter_count"] - theirs["target_params"]).abs() < 0.15 * theirs["target_params"]).all()


def test_pairs_are_compared_as_scipy_compares_their_values() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=10), generator.normal(0.3, 2.0, size=7)
    sides = []
    for values in (first, second):
        cell = {"task": "t", "target_params": 1000, "model": "gru", "parameter_count": 990}
        moments = {"score_mean": values.mean(), "score_std": values.std(ddof=1), "n": len(values)}
        sides.append(pd.DataFrame([{**cell, **moments}]))
    (p,) = side_by_side(sides[1], sides[0])["p"]
    assert p == pytest.approx(scipy_stats.ttest_ind(first, second, equal_var=False).pvalue)


def test_what_is_equal_without_spread_does_not_differ_and_what_differs_is_marked() -> None:
    theirs = published()
    same = theirs.assign(parameter_count=1)
    assert "56 lie within" in section(side_by_side(same, theirs))
    assert "\\* |" not in section(side_by_side(same, theirs))
    worse = same.assign(score_mean=same["score_mean"] + (same["task"] == "sorting_problem"))
    text = section(side_by_side(worse, theirs))
    assert "52 lie within" in text
    assert "correction 4 differ" in text
    with pytest.raises(SystemExit, match="1 of 56 published scores"):
        side_by_side(same[1:], theirs)
    assert [line.count("\\* |") for line in text.splitlines() if "problem |" in line] == [0, 4]


@pytest.mark.parametrize(
    ("label", "task"), [("cogscale", "simple_copy"), ("cogscale[task=sorting_problem]", "sorting_problem")]
)
def test_our_scores_are_those_of_the_selected_trainings(label: str, task: str) -> None:
    records = synthetic.experiment(("sine",), ("gru", "lstm"), seeds=5, trials=1, protocol=2)
    scores: dict[str, list[float]] = {"gru": [], "lstm": []}
    for record in records:
        record.setdefault("match", None)
        if record["stage"] == "trial":
            record["match"] = "params 1000"
            score = 0.1 * record["replicate"] + (record["model"]["name"] == "gru")
            record["test"]["score"] = score
            scores[record["model"]["name"]].append(score)
        record["task"] = {**record["task"], "name": "cogscale", "label": label}
    found = measured(Results("synthetic", tuple(records), synthetic.manifest(records))).set_index("model")
    for model, values in scores.items():
        row = found.loc[model]
        assert (row["task"], row["target_params"], row["n"]) == (task, 1000, 5)
        assert (row["score_mean"], row["score_std"]) == pytest.approx((np.mean(values), np.std(values, ddof=1)))


def test_the_page_has_its_place() -> None:
    assert PAGE.read_text(encoding="utf-8").count(f"<!-- measured: {SECTION} -->") == 2


def test_the_trainings_with_their_stopping_rule_are_those_that_they_publish() -> None:
    made = plans()
    cells = [(plan.task.task, plan.matching.parameters, plan.model.name) for plan in made]
    assert sorted(cells) == sorted(published()[CELL].itertuples(index=False, name=None))
    assert all(plan.space().lr_range == (0.01, 0.01) for plan in made)


@pytest.mark.parametrize(("scores", "kept", "epochs"), [([0.5] * 11, 1, 11), ([0.5] + [0.4] * 11, 2, 12)])
def test_ten_epochs_without_a_better_score_end_a_training_and_the_best_weights_are_scored(
    monkeypatch: pytest.MonkeyPatch, scores: list[float], kept: int, epochs: int
) -> None:
    plan = next(plan for plan in plans() if plan.task.task == "adding_problem")
    point = plan.space().only
    assert point is not None
    training, weights = plan.training(point, 1), []
    left, score_of = iter(scores), type(training.task).metrics

    def metrics(task: Any, outputs: Any, targets: Any, mask: Any) -> dict[str, float]:
        weights.append(outputs)
        score = next(left, None)
        return score_of(task, outputs, targets, mask) if score is None else {"score": score}

    monkeypatch.setattr(type(training.task), "metrics", metrics)
    assert train(training, 50)[0] == epochs
    assert len(weights) == epochs + 1

    # the same weights as after as many epochs as the best score took
    scored = weights[-1]
    weights.clear()
    left = iter(scores[:kept])
    monkeypatch.setattr("tests.recipes.with_patience.PATIENCE", 1_000)
    train(training, kept)
    assert np.array_equal(scored, weights[-1])
