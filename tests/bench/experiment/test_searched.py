"""A model's own hyper-parameters, and those of every training, are searched, recorded and shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from bench.analysis.results import load
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.config.searched import MOST
from bench.executors.inline import InlineExecutor
from bench.executors.worker import load_plugins
from bench.experiment.plan import Plan
from bench.experiment.points import PRIMES
from bench.experiment.rerun import rerun
from bench.experiment.run import run
from bench.experiment.search import distributions, point_of
from bench.records.jsonl import read_records
from tasks.errors import UserError
from tasks.ranges import Choice, Choices, Interval, Range, parse_range

PLUGIN = str(Path(__file__).parents[2] / "plugins" / "ranges.py")


@pytest.fixture
def ask(toy_plugin: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    load_plugins([PLUGIN])
    base = {"plugins": [toy_plugin, PLUGIN], "tasks": "toy", "models": "level", "budget": "smoke", "name": "e"}
    return lambda **flags: {**base, "results": str(tmp_path), "trials": 4, "replicates": 2, **flags}


def test_a_value_stands_for_a_range_where_nothing_is_searched(ask: Callable[..., Any]) -> None:
    (model,) = resolve(ask()).models
    assert model.identity() == {"units": 2, "start": pytest.approx(0.1)}
    assert model.label == "level"
    assert resolve(ask()).entries[0].ranges == {"units": (1, 2, 4), "start": (0.01, 1.0, True)}
    (given,) = resolve(ask(models="level[units=4]")).entries
    assert given.ranges == {"start": (0.01, 1.0, True)}


def test_flags_and_files_override_the_range(ask: Callable[..., Any], tmp_path: Path) -> None:
    asked = ["level.start=0.5,0.25", "weight_decay=1e-6..1e-2:log", "batch_size=8,16"]
    experiment = resolve(ask(search=asked))
    assert experiment.entries[0].ranges == {"units": (1, 2, 4), "start": (0.5, 0.25)}
    assert experiment.searched == {"weight_decay": Interval(1e-6, 1e-2, True), "batch_size": Choices((8, 16))}
    path = tmp_path / "e.toml"
    path.write_text('search = ["level.start=0.5,0.25", "weight_decay=1e-6..1e-2:log", "batch_size=8,16"]\n')
    assert resolve(ask(), read_config(path)).identity() == experiment.identity() != resolve(ask()).identity()


def test_what_is_searched_travels_to_records_tables_the_copy_and_a_rerun(
    ask: Callable[..., Any], tmp_path: Path
) -> None:
    experiment = resolve(ask(search=["clip_norm=0.5,1"], storage=str(tmp_path / "journal.log")))
    assert run(experiment, executor=InlineExecutor()).failures == 0
    records = list(read_records(tmp_path / "e" / "records.jsonl"))
    trials = [record for record in records if record["stage"] == "trial"]
    space = Plan(experiment, "cpu").cells[0].space()
    for record in trials:
        searched, parameters = record["searched"], record["model"]["parameters"]
        assert searched == {
            "clip_norm": record["training"]["clip_norm"],
            "model.units": parameters["units"],
            "model.start": parameters["start"],
        }
        assert record["model"]["label"] == "level"
        for name, distribution in distributions(optuna, space).items():
            assert distribution._contains(distribution.to_internal_repr(searched.get(name, _plain(record, name))))
        training = Plan(experiment, "cpu").cells[0].training(point_of(record), record["replicate"])
        assert training.key() == record["key"]
    assert len({record["model"]["parameters"]["start"] for record in trials}) == len(trials)
    results = load("e", tmp_path)
    assert results.trainings["searched"].iloc[0].startswith("clip_norm=")
    assert "units=" in results.summary["searched"].dropna().iloc[0]
    before, now = rerun("e", trials[0]["key"], tmp_path)
    assert now["curve"] == before["curve"]
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
    study = optuna.load_study(
        study_name="e toy level tuned replicate 1", storage=optuna.storages.JournalStorage(backend)
    )
    assert {"model.units", "model.start", "clip_norm"} <= study.trials[0].params.keys()


def _plain(record: dict[str, Any], name: str) -> Any:
    return record["training"].get(name, record["model"].get(name))


def test_models_start_from_the_same_points_whatever_else_they_have(ask: Callable[..., Any]) -> None:
    experiment = resolve(ask(models="level,linear", search=["weight_decay=1e-6..1e-2:log"]))
    level, linear = (cell.search(1).next_trials() for cell in Plan(experiment, "cpu").cells)
    assert [one.point.learning_rate for one in level] == [other.point.learning_rate for other in linear]
    assert [one.point.more[0] for one in level] == [other.point.more[0] for other in linear]


def test_at_equal_parameters_a_field_that_changes_them_is_not_searched() -> None:
    experiment = resolve(
        {"models": "tcn,gru", "match": "tuned,params", "search": ["tcn.kernel_size=2,3"], "layers": "1"}
    )
    names = {cell.match: [name for name, _ in cell.space().more] for cell in Plan(experiment, "cpu").cells[::2]}
    assert names == {"tuned": ["model.kernel_size"], "params": []}


def test_more_than_the_start_of_a_search_can_cover_is_refused(toy_plugin: str, tmp_path: Path) -> None:
    assert len(PRIMES) == 4 + MOST
    names = [f"part{number}" for number in range(MOST)]
    path = tmp_path / "many.py"
    fields = "".join(f"    {name}: float = Range(0.0, 1.0)\n" for name in names)
    path.write_text(
        "from dataclasses import dataclass\nfrom bench.models.ranges import Range\n"
        "from bench_plugin_toy import Linear\n\n\n@dataclass(frozen=True)\nclass Many(Linear):\n"
        f"    name = 'many'\n    cell = 'many'\n    summary = 'many ranges'\n{fields}"
    )
    flags = {"plugins": [toy_plugin, str(path)], "tasks": "toy", "models": "many", "trials": 3}
    (cell,) = Plan(resolve(flags), "cpu").cells
    assert len(cell.space().more) == MOST
    assert len(cell.search(1).next_trials()) == 3
    with pytest.raises(UserError, match=f"{MOST + 1} hyper-parameters of many.*at most {MOST}"):
        resolve({**flags, "search": ["weight_decay=0.1,0.2"]})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"search": ["weight_decay"]}, "expected NAME=VALUES"),
        ({"search": ["weigt_decay=1,2"]}, "did you mean 'weight_decay'"),
        ({"search": ["dropout=0.1,1.5"]}, "--search dropout has 1.5: expected numbers from 0.0 to 0.999"),
        ({"search": ["batch_size=8..32"]}, "give batch_size=32,64,128"),
        ({"search": ["level.unit=1,2"]}, "did you mean 'units'"),
        ({"search": ["levle.units=1,2"]}, "did you mean 'level'"),
        ({"search": ["level.units=0,2"]}, "expected units >= 1"),
        ({"search": ["level.units=1,2"], "models": "level[units=4]"}, "leave one out"),
        ({"search": ["level.units=3"]}, "at least two different values"),
        ({"search": ["level.start=2..1"]}, "expected two numbers with low < high"),
        ({"search": ["weight_decay=0..1e400"]}, "expected two numbers with low < high"),
        ({"search": ["weight_decay=nan..1"]}, "expected two numbers with low < high"),
        ({"search": ["weight_decay=-inf..1"]}, "expected two numbers with low < high"),
        ({"search": [f"batch_size=8,{10**22}"]}, "expected whole numbers from 1 to 1000000000"),
        ({"search": ["weight_decay=1,2"], "sampler": "grid"}, "--sampler grid"),
        ({"search": ["batch_size=8,16"], "epochs": 2}, "needs --steps"),
    ],
)
def test_what_cannot_be_searched(ask: Callable[..., Any], flags: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve(ask(**flags))


def test_ranges_have_a_middle_and_parts() -> None:
    assert Choice(3, 5, 7).middle == 5
    assert [Choice(3, 5, 7).at(part) for part in (0.0, 0.34, 1.0)] == [3, 5, 7]
    assert Range(0.01, 1, log=True).middle == pytest.approx(0.1)
    assert Range(1, 3).middle == 2
    assert math.isclose(Range(0.01, 1, log=True).at(1.0), 1.0)
    assert parse_range("a,b", "x") == ("a", "b")
