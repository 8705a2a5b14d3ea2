"""The negative control end to end: on pure noise nothing beats the floor, and a model that has seen the test does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.analysis.alarms import alarms
from bench.analysis.results import Results, load
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.run import run
from tasks.contract import Dataset
from tasks.noise import Noise


def results(tmp_path: Path) -> Results:
    flags = {"models": "gru,lstm,rnn", "tasks": "noise", "budget": "smoke", "steps": 150, "seeds": 5, "name": "n"}
    experiment = resolve({**flags, "lr_range": "0.005,0.02", "hidden_sizes": "32", "results": str(tmp_path)})
    run(experiment, executor=InlineExecutor())
    return load("n", tmp_path)


def limit_alarms(found: Results) -> list[str]:
    """Without what a busy machine raises of its own."""
    return [alarm for alarm in alarms(found) if "below the limit" in alarm]


def test_no_model_beats_noise(tmp_path: Path) -> None:
    found = results(tmp_path)
    assert limit_alarms(found) == []
    assert found.selected["skill"].mean() < 0
    assert found.selected["steps_to_target"].isna().all()


def test_a_leak_of_the_test_data_raises_the_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = Noise.generate

    def leaky(self: Noise, seed: object) -> Dataset:
        dataset = generate(self, seed)  # type: ignore[arg-type]
        dataset.test.inputs[:, -1] = dataset.test.targets  # the answer is in the question
        dataset.train.inputs[:, -1] = dataset.train.targets
        dataset.valid.inputs[:, -1] = dataset.valid.targets
        return dataset

    monkeypatch.setattr(Noise, "generate", leaky)
    monkeypatch.setattr(Noise, "version", 2)  # other data: nothing cached is used
    from bench.training.data import load_data, load_references

    load_data.cache_clear()
    load_references.cache_clear()
    raised = limit_alarms(results(tmp_path))
    load_data.cache_clear()
    load_references.cache_clear()
    assert len(raised) == 3
    assert "look for test data in the training" in raised[0]
