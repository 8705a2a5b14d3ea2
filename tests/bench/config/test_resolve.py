"""Options: precedence, conversion, names and identities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.budgets import BUDGETS
from bench.config.experiment import Experiment
from bench.config.given import choices
from bench.config.options import OPTIONS, Options, flag
from bench.config.resolve import resolve
from bench.models.initialisation import SCHEMES
from bench.models.registry import MODELS
from tasks.copy_memory import CopyMemory
from tasks.errors import UserError

SUNSPOTS = {"data": "sunspots_annual.csv", "target": "sunspots"}  # shipped in tasks/data


def test_nothing_given_means_the_quick_comparison() -> None:
    experiment = resolve({})
    assert [model.name for model in experiment.models] == ["gru", "lstm", "rnn"]
    assert [task.name for task in experiment.tasks] == ["sine", "regression", "copy"]
    assert experiment.options.trials == BUDGETS["quick"].trials
    assert experiment.options.replicates == BUDGETS["quick"].replicates


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_budget_fills_in_what_nobody_set(budget: str) -> None:
    options = resolve({"budget": budget, "replicates": "3"}).options
    plan = BUDGETS[budget]
    assert (options.trials, options.hidden_sizes, options.layers) == (plan.trials, plan.hidden_sizes, plan.layers)
    assert options.replicates == 3


def test_flags_win_over_the_file_and_the_file_over_defaults() -> None:
    file = {"models": ["lstm"], "replicates": 4, "dropout": 0.2}
    options = resolve({"replicates": "2", "models": None}, file).options
    assert (options.models, options.replicates, options.dropout) == (("lstm",), 2, 0.2)


def test_text_and_toml_values_mean_the_same() -> None:
    text = {"models": "gru, rnn[nonlinearity=relu]", "hidden_sizes": "8,16", "lr_range": "1e-4,1e-2", "clip_norm": "2"}
    toml = {"models": ["gru", "rnn[nonlinearity=relu]"], "hidden_sizes": [8, 16], "lr_range": [1e-4, 0.01]}
    assert resolve(text).identity() == resolve({}, {**toml, "clip_norm": 2}).identity()


def test_a_list_of_one_may_be_written_bare() -> None:
    assert resolve({}, {"models": "gru", "layers": 2}).options.layers == (2,)


def test_none_is_a_value_for_clipping_and_absence_is_not() -> None:
    assert resolve({"clip_norm": "none"}).options.clip_norm is None
    assert resolve({"name": "none"}).name == "none"
    assert resolve({}, {"name": "none"}).name == "none"
    assert resolve({"clip_norm": None}).options.clip_norm == Options().clip_norm
    assert resolve({}, {"clip_norm": None}).options.clip_norm is None


def test_budgets_shorten_a_task_and_a_parameter_that_is_set_wins() -> None:
    def copy(spec: str) -> Any:
        return resolve({"tasks": spec, "budget": "quick"}).tasks[0]

    assert (copy("copy").length, copy("copy").delay) == (3, 10)
    assert (copy("copy[delay=50]").length, copy("copy[delay=50]").delay) == (3, 50)
    assert resolve({"tasks": "copy", "budget": "standard"}).tasks[0].length == 10  # type: ignore[attr-defined]


def test_steps_batch_and_rates_are_the_tasks_own_unless_set() -> None:
    own = resolve({"tasks": "sine"})
    task = own.tasks[0]
    assert own.steps(task) == task.defaults.steps["quick"]
    assert own.batch_size(task) == task.defaults.batch_size
    assert own.lr_range(task) == task.defaults.learning_rate
    mine = resolve({"tasks": "sine", "steps": "7", "batch_size": "3", "lr_range": "0.001,0.001"})
    assert (mine.steps(task), mine.batch_size(task), mine.lr_range(task)) == (7, 3, (0.001, 0.001))


def test_a_table_becomes_a_series_task_instead_of_the_usual_three() -> None:
    experiment = resolve({**SUNSPOTS, "window": "12", "season": "11", "time": "year"})
    (task,) = experiment.tasks
    assert (task.name, task.window, task.season, task.time) == ("series", 12, 11, "year")  # type: ignore[attr-defined]
    assert experiment.name.startswith("sunspots_annual-")


def test_a_table_can_stand_beside_other_tasks() -> None:
    assert [task.name for task in resolve({**SUNSPOTS, "tasks": "sine"}).tasks] == ["sine", "series"]


def test_an_option_that_was_removed_is_refused_unless_it_changed_nothing() -> None:
    assert resolve({}, {"asynchronous": False}).identity() == resolve({}).identity()
    with pytest.raises(UserError, match="there is no option 'asynchronous' any more"):
        resolve({}, {"asynchronous": True})


# as they were when one search served all replicates and options had their older names
@pytest.mark.parametrize(
    ("flags", "identity"),
    [
        ({}, "d9d746c1696b880af9e3c96d85d7c3a2cdbd04bb336277e47b91836a9f802e33"),
        ({"models": "gru,lstm", "seeds": "3"}, "209d7d8b4c1c809e6c927ef6080b587aba183a2b7a4fb1f9852bafdf58147d87"),
        (
            {"precision": "bfloat16", "tasks": "sine", "models": "gru"},
            "d87e6c1e2be10f96d8dd013fe320ff246a4bf24932b88a6773af2e8b34c937a9",
        ),
        (
            {"prune": True, "save_models": True, "match": "hidden,params", "parameter_budgets": "500"},
            "976e8569bfa9d740f10d95789288c54f293248e881eb94590e96266c54c14ac4",
        ),
    ],
)
def test_an_experiment_of_an_earlier_version_keeps_its_identity(
    flags: dict[str, Any], identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CopyMemory.defaults.steps, "quick", 1200)  # as it had then
    saved = "save_models" in flags  # which no longer decides anything
    assert resolve({**flags, "tune": "once", "engine": "exact"}).identity(saved_models=saved) == identity
    assert resolve(flags).identity() != identity  # with a search for each replicate it is another experiment


@pytest.mark.parametrize("key", [*filter(choices, OPTIONS)])
def test_a_choice_that_does_not_exist_is_named_with_those_that_do(key: str) -> None:
    with pytest.raises(UserError, match=f"unknown {key} 'xyz': Valid: ") as refused:
        resolve({key: "xyz"})
    assert all(choice in str(refused.value) for choice in choices(key))


def test_every_number_has_a_bound_and_values_beyond_it_are_refused() -> None:
    for key, declared in OPTIONS.items():
        low = declared.at_least if declared.at_least is not None else declared.more_than
        if low is not None:
            with pytest.raises(UserError, match=f"^{flag(key)} is -1: expected (at least|more than) {low}"):
                declared.check(flag(key), -1)
        if declared.at_most is not None:
            with pytest.raises(UserError, match=f"at most {declared.at_most}$"):
                declared.check(flag(key), declared.at_most + 1)
            declared.check(flag(key), declared.at_most)


def test_an_unknown_option_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown option 'seedz': did you mean 'seed"):
        resolve({}, {"seedz": 3})


def test_folders_are_named_after_the_experiment() -> None:
    experiment = resolve({"name": "mine", "results": "r", "reports": "p"})
    assert (experiment.results_folder, experiment.reports_folder) == (Path("r/mine"), Path("p/mine"))


def test_the_plain_name_says_what_is_compared() -> None:
    assert resolve({"models": "gru,lstm"}).name == "gru-lstm-quick"
    assert resolve({"models": "gru,lstm", "workers": "1", "results": "elsewhere"}).name == "gru-lstm-quick"


def experiments() -> st.SearchStrategy[dict[str, Any]]:
    """Flags of valid experiments, as text."""

    def numbers(low: int, high: int) -> st.SearchStrategy[str]:
        return st.integers(low, high).map(str)

    def some(values: Sequence[str]) -> st.SearchStrategy[str]:
        return st.lists(st.sampled_from(values), min_size=1, unique=True).map(",".join)

    return st.fixed_dictionaries(
        {},
        optional={
            "models": some(["gru", "lstm", "rnn", "rnn[nonlinearity=relu]", "numpy_gru"]),
            "tasks": some(["sine", "sine[noise=0.1]", "regression", "copy", "copy[delay=4,length=2]"]),
            "budget": st.sampled_from(sorted(BUDGETS)),
            "match": some(choices("match")),
            "tune": st.sampled_from(choices("tune")),
            "sampler": st.sampled_from(choices("sampler")),
            "device": st.sampled_from(choices("device")),
            "init": st.sampled_from(SCHEMES),
            "trials": numbers(1, 50),
            "replicates": numbers(1, 50),
            "seed": numbers(0, 2**31),
            "steps": numbers(6, 10**6),
            "batch_size": numbers(1, 512),
            "hidden_sizes": some(["1", "8", "64"]),
            "layers": some(["1", "2"]),
            "dropout": st.floats(0, 0.9).map(str),
            "weight_decay": st.floats(0, 1).map(str),
            "clip_norm": st.one_of(st.just("none"), st.floats(1e-3, 1e3).map(str)),
            "lr_range": st.floats(1e-6, 1e-3).map(lambda low: f"{low!r},{low * 10!r}"),
            "plateau_patience": numbers(1, 20),
            "optimizer": st.sampled_from(choices("optimizer")),
            "warmup": numbers(0, 5),
            "workers": numbers(1, 8),
        },
    )


@given(experiments())
def test_settings_survive_json_and_give_the_same_experiment(flags: dict[str, Any]) -> None:
    experiment = resolve(flags)
    again = resolve({}, json.loads(json.dumps(experiment.settings())))
    assert again.settings() == experiment.settings()
    assert again.identity() == experiment.identity()


@given(experiments(), experiments())
def test_experiments_that_differ_never_share_a_name(first: dict[str, Any], second: dict[str, Any]) -> None:
    one, other = resolve(first), resolve(second)
    if one.identity() != other.identity():
        assert one.name != other.name


@given(experiments())
def test_identity_leaves_out_where_and_how_many_at_a_time(flags: dict[str, Any]) -> None:
    places = {"workers": "3", "name": "other", "results": "elsewhere", "reports": "there"}
    assert resolve({**flags, **places}).identity() == resolve(flags).identity()


def changed(key: str, value: str) -> Experiment:
    return resolve({"models": "gru", "tasks": "sine", key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("models", "lstm"),
        ("tasks", "sine[noise=0.2]"),
        ("budget", "standard"),
        ("seed", "1"),
        ("tune", "once"),
        ("steps", "11"),
        ("init", "chrono"),
        ("match", "hidden"),
        ("device", "cpu"),
        ("clip_norm", "none"),
        ("sampler", "random"),
        ("optimizer", "sgd"),
        ("schedule", "plateau"),
        ("schedule", "cosine"),
        ("warmup", "5"),
    ],
)
def test_identity_covers_what_decides_the_outcome(key: str, value: str) -> None:
    assert changed(key, value).identity() != changed("models", "gru").identity()


def attempt(flags: dict[str, Any]) -> Experiment | UserError:
    try:
        return resolve(flags)
    except UserError as error:
        return error


@given(key=st.sampled_from([f.name for f in fields(Options)]), text=st.text(max_size=20))
def test_whatever_text_is_given_it_is_an_experiment_or_a_user_error(key: str, text: str) -> None:
    result = attempt({key: text})
    assert isinstance(result, Experiment) or str(result)


def test_a_cohort_s_size_changes_no_outcome_and_a_precision_does() -> None:
    plain = resolve({})
    assert resolve({"cohort": 8}).identity() == plain.identity()
    assert resolve({"cohort": 8}).name == plain.name
    assert resolve({"precision": "float32"}).identity() == plain.identity()
    low = resolve({"precision": "bfloat16"})
    assert low.identity() != plain.identity()
    assert low.name != plain.name


def test_a_schedule_that_changes_nothing_is_the_same_experiment() -> None:
    plain = resolve({})
    for same in ({"schedule": "constant"}, {"optimizer": "adam"}, {"warmup": "0"}):
        assert resolve(same).identity() == plain.identity()
        assert resolve(same).name == plain.name
    patient = resolve({"plateau_patience": "10"})
    for same in ({"schedule": "plateau"}, {"schedule": "plateau", "plateau_patience": "10"}):
        assert resolve(same).identity() == patient.identity()
    assert resolve({}, patient.settings()).identity() == patient.identity()
    assert resolve({}, resolve({"schedule": "cosine", "warmup": "3"}).settings()).options.warmup == 3


def test_a_warm_up_is_shorter_than_every_training() -> None:
    assert resolve({"tasks": "sine", "steps": "10", "warmup": "9"}).options.warmup == 9
    with pytest.raises(UserError, match="--warmup is 10, and a training on sine has 10 steps"):
        resolve({"tasks": "sine", "steps": "10", "warmup": "10"})
    assert resolve({"tasks": "sine", "steps": "2", "schedule": "cosine"}).options.schedule == "cosine"


def test_a_model_without_that_optimiser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODELS.get("numpy_gru"), "optimizers", ("adam",))
    with pytest.raises(UserError, match="--optimizer sgd: model numpy_gru is trained by adam only"):
        resolve({"models": "gru,numpy_gru", "optimizer": "sgd"})
    assert resolve({"models": "gru,esn", "optimizer": "sgd"}).options.optimizer == "sgd"


def test_trials_in_stacks_are_by_adam_at_a_rate_that_steps_share() -> None:
    assert resolve({"models": "lstm", "device": "cuda"}).engine == "auto"
    for change in ({"optimizer": "sgd"}, {"optimizer": "adamw"}, {"schedule": "cosine"}, {"warmup": "3"}):
        assert resolve({"models": "lstm", "device": "cuda", **change}).engine == "exact"
        assert resolve({"models": "gru", "device": "cpu", **change}).engine == "auto"
    assert resolve({"models": "lstm", "device": "cuda", "schedule": "plateau"}).engine == "auto"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5 m", 90), ("30min", 1800), ("2h", 7200), (45, 45), (0.5, 0.5)]
)
def test_a_time_limit_may_have_a_unit(text: object, seconds: float) -> None:
    options = resolve({"max_time": text, "timeout": text}).options
    assert (options.max_time, options.timeout) == (seconds, seconds)


@pytest.mark.parametrize("text", ["2d", "h", "1h30", "-2h", "0m", "inf"])
def test_a_time_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"max.time"):
        resolve({"max_time": text})
