"""`--references boosting`: a strong predictor without a net, recorded beside the others, also when all else is done."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.outcome import Outcome
from bench.experiment.run import run
from bench.records.doctor import diagnose
from tasks.contract import Dataset, Split
from tasks.errors import UserError
from tasks.regression import Regression
from tasks.sine import Sine


def go(folder: Path, **more: Any) -> Outcome:
    flags = {"tasks": "sine", "models": "numpy_gru", "budget": "smoke", "trials": 1, "replicates": 2, "steps": 4}
    experiment = resolve({**flags, "name": "e", "results": str(folder), **more})
    return run(experiment, executor=InlineExecutor())


def references(folder: Path) -> list[tuple[str, int]]:
    table = bench.load("e", folder).references
    return list(zip(table["model"], table["replicate"], strict=True))


def test_trees_learn_what_no_linear_model_can() -> None:
    """The product of two values: with so much data the trees come near, and a linear model predicts nothing of it."""
    pytest.importorskip("sklearn")
    from bench.experiment.boosting import boosting

    rng = np.random.default_rng(0)

    def part(n: int) -> Split:
        inputs = rng.uniform(-1, 1, (n, 2, 3)).astype(np.float32)
        both = np.stack([inputs[:, 0, 0] * inputs[:, 1, 0], inputs[:, 1, 1], inputs[:, 0, 2] ** 2], axis=1)
        return Split(inputs, both)

    dataset = Dataset(part(2000), part(300), part(300))
    reference = boosting(Regression(window=2), dataset)
    spread = float(dataset.test.targets.var(axis=0).mean())
    assert reference.loss < 0.05 * spread
    assert reference.valid_loss is not None
    assert reference.valid_loss < 0.05 * spread
    assert (reference.name, reference.kind, set(reference.metrics)) == ("boosting", "baseline", {"rmse", "mae"})
    assert boosting(Regression(window=2), dataset) == reference


def test_it_is_added_to_a_finished_experiment_without_a_training(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    first = go(tmp_path)
    assert "boosting" not in dict(references(tmp_path))
    trained = first.jobs
    later = go(tmp_path, references="boosting")
    assert (later.unchanged, later.jobs) == (False, trained)
    assert [place for place in references(tmp_path) if place[0] == "boosting"] == [("boosting", 1), ("boosting", 2)]
    assert (
        len(references(tmp_path))
        == len(set(references(tmp_path)))
        == 2 * (len(Sine().references(Sine().generate(0))) + 2)  # kernel_ridge always is there
    )
    assert go(tmp_path, references="boosting").unchanged
    assert go(tmp_path).unchanged  # what is there stays


def test_what_a_finished_series_kept_of_its_references_stays_whole(tmp_path: Path) -> None:
    """Their predictions lie in one file, whose checksum is in a record: what is added later leaves it as it is."""
    pytest.importorskip("sklearn")
    rows = np.random.default_rng(0).normal(size=120).cumsum()
    table = tmp_path / "table.csv"
    table.write_text("year,y\n" + "".join(f"{1900 + i},{value}\n" for i, value in enumerate(rows)))
    series = {"tasks": "", "data": str(table), "target": "y", "time": "year", "window": 4}
    go(tmp_path / "results", **series)
    go(tmp_path / "results", **series, references="boosting")
    assert ("boosting", 2) in references(tmp_path / "results")
    found = diagnose("e", tmp_path / "results")
    assert (found.damaged, found.files) == ((), ())


@pytest.mark.parametrize("tune", ["each", "once"])
def test_it_is_no_part_of_the_identity(tune: str) -> None:
    pytest.importorskip("sklearn")
    plain = resolve({"tune": tune})
    assert resolve({"tune": tune, "references": "boosting"}).identity() == plain.identity()
    assert resolve({"tune": tune, "references": "boosting"}).name == plain.name


def test_tasks_that_it_cannot_take_are_refused_if_there_is_no_other() -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(UserError, match=r"--references boosting fits none of copy.*, sine.*: expected a task that"):
        resolve({"references": "boosting", "tasks": "copy,sine[per_step=true]"})
    resolve({"references": "boosting", "tasks": "copy,sine"})
    with pytest.raises(UserError, match="boosting"):
        resolve({"references": "bosting"})


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sklearn" else there(name))
    with pytest.raises(UserError, match=r"needs scikit-learn, which is not installed: pip install 'bench\[data\]'"):
        resolve({"references": "boosting"})
