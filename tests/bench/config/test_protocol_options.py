"""Trials, replicates, and how they are tuned: which options contradict each other, and which extend an experiment."""

from __future__ import annotations

from typing import Any

import pytest

from bench.config.budgets import BUDGETS
from bench.config.resolve import resolve
from tasks.errors import UserError


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"tune": "never"}, "unknown tune 'never': Valid: each, once"),
        ({"until_settled": True, "tune": "once"}, "--until-settled cannot be combined with --tune once"),
        ({"until_settled": True, "max_replicates": 6}, "--max-replicates is 6: expected at least 7"),
        ({"until_settled": True, "replicates": 60}, "--replicates is 60, more than --max-replicates 56"),
        ({"max_replicates": 20}, "--max-replicates belongs to --until-settled"),
        ({"seeds": 3, "replicates": 4}, "'seeds' is the former name of 'replicates': give one of them"),
        ({"replicates": 0}, "--replicates is 0: expected at least 1"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_in_one_line(flags: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as refused:
        resolve(flags)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_seeds_is_an_alias_of_replicates_on_the_command_line_and_in_files() -> None:
    assert resolve({"seeds": "5"}).options.replicates == resolve({}, {"seeds": 5}).options.replicates == 5
    assert resolve({"replicates": "4"}, {"seeds": 5}).options.replicates == 4


@pytest.mark.parametrize("more", [{"replicates": 9}, {"trials": 9}, {"until_settled": True, "max_replicates": 20}])
def test_more_trials_and_replicates_extend_the_experiment_in_its_folder(more: dict[str, Any]) -> None:
    plain, larger = resolve({}), resolve(more)
    assert (larger.name, larger.identity()) == (plain.name, plain.identity())
    recipe = {"models": "gru"}
    assert resolve(more, recipe, recipe="r").name == resolve({}, recipe, recipe="r").name == "r"


@pytest.mark.parametrize("more", [{"replicates": 9}, {"trials": 9}])
def test_with_one_search_for_all_they_make_another_experiment(more: dict[str, Any]) -> None:
    plain, larger = resolve({"tune": "once"}), resolve({"tune": "once", **more})
    assert larger.name != plain.name
    assert larger.identity() != plain.identity()


def test_brackets_of_pruned_trials_depend_on_their_number() -> None:
    assert resolve({"prune": True, "trials": 9}).identity() != resolve({"prune": True, "trials": 18}).identity()


@pytest.mark.parametrize("budget", BUDGETS)
def test_one_search_for_all_replicates_has_the_trials_it_had(budget: str) -> None:
    trials = {"smoke": 2, "quick": 6, "standard": 24, "full": 60}[budget]
    assert resolve({"budget": budget, "tune": "once"}).options.trials == trials
    assert resolve({"budget": budget}).options.trials == BUDGETS[budget].trials
