"""An optimiser and a schedule of the learning rate, from the command line to records, reports and a rerun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.analysis.results import load
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.rerun import rerun
from bench.experiment.run import run
from bench.experiment.without_effect import without_effect
from bench.gate.baseline import configuration
from bench.models.search_twin import TWIN_KERNELS
from bench.records.jsonl import read_records
from bench.report.content import _facts
from bench.training.checkpoint import load_model


def asked(toy_plugin: str, tmp_path: Path, **flags: Any) -> dict[str, Any]:
    base = {"plugins": [toy_plugin], "tasks": "toy", "models": "gru", "budget": "smoke", "name": "e", "device": "cpu"}
    return {**base, "results": str(tmp_path), "trials": 2, "replicates": 1, "save_models": True, **flags}


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adamw"])
def test_what_is_asked_for_travels_to_records_models_reports_and_a_rerun(
    optimizer: str, toy_plugin: str, tmp_path: Path
) -> None:
    config = tmp_path / "e.toml"
    config.write_text(f'optimizer = "{optimizer}"\nschedule = "cosine"\nwarmup = 2\n')
    experiment = resolve(asked(toy_plugin, tmp_path, weight_decay=0.01), read_config(config))
    assert run(experiment, executor=InlineExecutor()).failures == 0
    records = [r for r in read_records(tmp_path / "e" / "records.jsonl") if r["stage"] in ("trial", "train")]
    expected = {"optimizer": optimizer, "schedule": "cosine", "warmup": 2}
    assert all(expected.items() <= record["training"].items() for record in records)
    assert all(expected.items() <= configuration(record).items() for record in records)
    assert {r["kernel"] for r in records if r["stage"] == "trial"} == {TWIN_KERNELS["cpu"]}  # it has them all
    for record in records:
        rates = record["curve"]["learning_rate"]
        assert rates[-1] == 0
        assert max(rates[1:]) <= record["training"]["learning_rate"]
        before, now = rerun("e", record["key"], tmp_path)
        assert now["curve"] == before["curve"]
    (kept,) = (tmp_path / "e" / "models").iterdir()
    assert load_model(kept, [toy_plugin]).about["settings"]["optimizer"] == optimizer
    assert f"{optimizer}, cosine schedule, 2 warm-up steps" in _facts(load("e", tmp_path))


def test_an_experiment_by_adam_says_nothing_of_it(toy_plugin: str, tmp_path: Path) -> None:
    experiment = resolve(asked(toy_plugin, tmp_path, schedule="constant", models="numpy_gru"))
    assert run(experiment, executor=InlineExecutor()).failures == 0
    records = [r for r in read_records(tmp_path / "e" / "records.jsonl") if r["stage"] == "trial"]
    assert not any({"optimizer", "schedule", "warmup"} & record["training"].keys() for record in records)
    assert not any("schedule" in fact or "adam" in fact for fact in _facts(load("e", tmp_path)))


def test_what_has_no_effect_is_said() -> None:
    flags = {"models": "gru,esn", "tasks": "sine", "optimizer": "sgd", "schedule": "cosine", "warmup": "2"}
    found = [note.partition(" has no effect on ") for note in without_effect(resolve(flags), "cpu")]
    assert [name for name, _, _ in found] == ["--optimizer", "--warmup", "--schedule"]
    assert all(rest.startswith("esn, which is fitted") for _, _, rest in found)
    assert without_effect(resolve({**flags, "models": "gru"}), "cpu") == []
    (note,) = without_effect(resolve({"optimizer": "adamw"}), "cpu")
    assert "give --weight-decay" in note
    assert without_effect(resolve({"optimizer": "adamw", "search": ["weight_decay=1e-4,1e-2"]}), "cpu") == []
