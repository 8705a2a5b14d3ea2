"""Every recipe runs, at the smoke budget, and leaves what a run leaves."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import pytest

from bench.config.budgets import FIRST_LOOK
from bench.config.files import RECIPES, read_config, read_recipe, recipes
from bench.config.resolve import resolve
from bench.experiment.plan import Plan
from bench.experiment.run import run
from bench.records.jsonl import read_records
from tasks.cogscale import Name as CogscaleName
from tasks.errors import UserError
from tasks.registry import TASKS
from tasks.spec import Spec

pytestmark = pytest.mark.usefixtures("brief_timings")

# the settings that people come for: table of recipes in docs/recipes.md
FIXED = {
    "multivariate-gru50": {"hidden_sizes": (50,), "layers": (1,), "batch_size": 512, "epochs": 50, "clip_norm": 1.0},
    "hidden-sizes": {"hidden_sizes": (20, 50, 100), "layers": (1,), "batch_size": 512, "epochs": 50, "clip_norm": 1.0},
    "two-layer-gru64": {"hidden_sizes": (64,), "layers": (2,), "batch_size": 64, "epochs": 20},
    "random-data-gru50": {"hidden_sizes": (50,), "layers": (2,), "batch_size": "full", "epochs": 20},
    "sine-gru32x2": {
        "hidden_sizes": (32,),
        "layers": (2,),
        "dropout": 0.1,
        "init": ("xavier",),
        "batch_size": "full",
        "weight_decay": 1e-5,
        "plateau_patience": 10,
        "clip_norm": 1.0,
        "epochs": 100,
    },
    "sine-gru16": {
        "hidden_sizes": (16,),
        "layers": (1,),
        "init": ("xavier",),
        "batch_size": "full",
        "weight_decay": 1e-5,
        "plateau_patience": 10,
        "clip_norm": 1.0,
        "epochs": 100,
    },
    "numpy-gru-sine": {"models": ("numpy_gru",), "batch_size": 1, "clip_norm": 1.0},
    "gru-vs-lstm-sine": {"models": ("gru", "lstm"), "match": ("hidden",), "replicates": 10},
    "cogscale": {"match": ("params",), "parameter_budgets": (1000, 10_000)},
}
RATES = {
    "multivariate-gru50": 1.5e-4,
    "hidden-sizes": 1.5e-4,
    "two-layer-gru64": 1e-3,
    "random-data-gru50": 1e-3,
    "sine-gru32x2": 0.01,
    "sine-gru16": 0.01,
    "numpy-gru-sine": 1e-2,
    "sine-per-step": 1e-3,
    "gate": 1e-2,
    "gradient-flow": 3e-3,
}
LARGE = (
    "copy-delays",
    "gradient-flow",
    "digits",
    "hidden-sizes",
    "noise",
)  # whole, they would take minutes
SHORT = {"replicates": "1", "trials": "1", "steps": "5"}
FEWER = {"models": "gru", **SHORT}
SOME = {  # of many tasks
    "cogscale": {**FEWER, "tasks": ",".join(f"cogscale[task={n}]" for n in ("chaotic_forecasting", "cross_situation"))},
    "contenders": {**SHORT, "tasks": "sine"},
    "fair": {**SHORT, "tasks": "sine"},
    "study": {**FEWER, "tasks": "sine,macro,cogscale[task=simple_copy]"},
    "study-contenders": {**SHORT, "tasks": "sine[noise=0.1]", "models": "gru,tcn,esn"},
    "study-init": {**SHORT, "tasks": "copy[delay=10]", "models": "lstm", "init": "default,chrono"},
}


@pytest.mark.parametrize("name", FIXED)
def test_a_recipe_has_exactly_the_settings_that_it_is_known_for(name: str) -> None:
    options = resolve({}, read_recipe(name), recipe=name).options
    assert {key: getattr(options, key) for key in FIXED[name]} == FIXED[name]


def test_the_standard_tier_tests_counting_up_to_a_thousand() -> None:
    """Weiss et al. 2018: trained to n = 100, tested to 1,000; the quick tier's strings are shorter."""
    for budget, longest, test_longest in (("quick", 15, 150), ("standard", 100, 1000)):
        (task,) = resolve({"budget": budget}, read_recipe("claims.counting"), recipe="claims.counting").tasks
        assert (task.identity()["longest"], task.identity()["test_longest"]) == (longest, test_longest)


def test_the_study_has_every_task_that_ships() -> None:
    """But for a user's own table, and a control without anything to learn beside another one."""
    shipped = {name for name, cls in TASKS.entries().items() if cls.__module__.startswith("tasks.")}
    specs = [Spec.parse(text) for text in read_recipe("study")["tasks"]]
    assert {spec.name for spec in specs} == shipped - {"series", "random_data"}
    assert {spec.parameters["task"] for spec in specs if spec.name == "cogscale"} == set(get_args(CogscaleName))
    options = resolve({}, read_recipe("study"), recipe="study").options
    assert (options.budget, options.match) == ("standard", ("tuned", "hidden", "params"))
    assert (options.replicates or 0) >= FIRST_LOOK


@pytest.mark.parametrize("name", ["contenders", "study-contenders"])
def test_all_contenders_come_within_the_tolerance_of_the_count_on_every_task(name: str) -> None:
    experiment = resolve({}, read_recipe(name), recipe=name)
    assert not experiment.left_out
    assert Plan(experiment, "cpu").unmatched() == []


@pytest.mark.parametrize("name", RATES)
def test_a_fixed_learning_rate_is_not_searched(name: str) -> None:
    assert resolve({}, read_recipe(name)).options.lr_range == (RATES[name], RATES[name])


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_can_be_copied_edited_and_passed_as_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((RECIPES / f"{name}.toml").read_text(encoding="utf-8") + "\nseed = 7\n", encoding="utf-8")
    assert resolve({}, read_config(path)).options.seed == 7
    assert tomllib.loads(path.read_text(encoding="utf-8")).items() >= read_recipe(name).items()


def test_flags_win_and_the_name_says_so() -> None:
    plain = resolve({}, read_recipe("sine-gru16"), recipe="sine-gru16")
    assert plain.name == "sine-gru16"
    assert resolve({"workers": "1"}, read_recipe("sine-gru16"), recipe="sine-gru16").name == "sine-gru16"
    changed = resolve({"models": "lstm", "steps": "3"}, read_recipe("sine-gru16"), recipe="sine-gru16")
    assert (changed.options.models, changed.options.steps, changed.options.epochs) == (("lstm",), 3, None)
    assert changed.name.startswith("sine-gru16-")
    smoke = resolve({"budget": "smoke"}, read_recipe("sine-gru16"), recipe="sine-gru16")
    assert (smoke.name, smoke.options.replicates, smoke.steps(smoke.tasks[0])) == ("sine-gru16-smoke", 2, 25)
    assert smoke.options.hidden_sizes == (16,)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('seeds = "many"\n', 1, "seeds is 'many': expected int"),
        ("models = ['gru']\n\nhidden_sizes = [20, 'x']\n", 3, "hidden_sizes is 'x': expected int"),
        ("epochs = 2.5\n", 1, "epochs is 2.5: expected int"),
        ("save_models = 3\n", 1, "save_models is 3: expected bool"),
        ("batch_size = 'all'\n", 1, "batch_size"),
        ("lr_range = true\n", 1, "lr_range is True: expected float"),
    ],
)
def test_a_wrong_type_is_named_with_file_line_and_what_was_expected(
    tmp_path: Path, text: str, line: int, expected: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert expected in str(caught.value)


def run_smoke(folder: Path, name: str, **fewer: str) -> None:
    flags = {"budget": "smoke", "results": str(folder), "executor": "inline", **fewer}
    experiment = resolve(flags, read_recipe(name), recipe=name)
    outcome = run(experiment)
    assert outcome.failures == 0
    records = list(read_records(outcome.results_folder / "records.jsonl"))
    lone = name in RATES  # one configuration: there is nothing to choose
    kept = [r["key"] if lone else r["examined"] for r in records if r["stage"] == ("trial" if lone else "examine")]
    replicates = experiment.options.replicates or 0
    assert len(kept) == replicates * len(experiment.tasks) * len(experiment.entries) * len(experiment.matchings)
    assert all((outcome.results_folder / "predictions" / f"{key}.npz").is_file() for key in kept)


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_runs_at_the_smoke_budget(tmp_path: Path, name: str) -> None:
    # the large ones run on all their tasks and sizes, but with one model
    run_smoke(tmp_path, name, **(SOME.get(name) or (FEWER if name in LARGE or name.startswith("claims") else {})))
