"""A training on a table, kept and exported as a script."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import bench
from bench.models.contract import Settings
from bench.records.atomic import write_kept_files
from bench.training.checkpoint import LoadedModel, load_model
from bench.training.export import script_and_weights
from bench.training.jobs import TrainingJob
from bench.training.request import Training

from ...by_path import load_script


@dataclass(frozen=True)
class Export:
    """record: of the training. folder: where the script and the weights are."""

    training: Training
    record: Any
    model: LoadedModel
    table: Path
    folder: Path

    @property
    def script(self) -> ModuleType:
        return load_script(self.folder / "model.py")


def trained(options: dict[str, Any], folder: Path, settings: Any = None, **plan: Any) -> tuple[Training, Any, Path]:
    """A training at the newest origin of the table that the options of a run name; its record; its checkpoint.

    settings: those of `Settings`. plan: those of `Training`.
    """
    experiment = bench.resolve({**options, "results": str(folder / "results")})
    (task,), (model,) = experiment.tasks, experiment.models
    chosen = Settings(**{"hidden_size": 5, "learning_rate": 0.01, **(settings or {})})
    training = Training(task, model, chosen, **{"batch_size": 32, "steps": 20, "replicate": 1, **plan})
    record = TrainingJob(training, keep_model=True).perform(lambda *evaluation: None)
    assert record["status"] == "ok"
    write_kept_files(folder, record)
    (path,) = (folder / "models").glob(f"{record['key']}.*")
    return training, record, path


def exported_from(options: dict[str, Any], folder: Path, settings: Any = None, **plan: Any) -> Export:
    """Script and weights of a training, without ONNX, which takes the most time."""
    training, record, path = trained(options, folder, settings, **plan)
    model, out, table = load_model(path), folder / "out", options["data"]
    out.mkdir()
    files = script_and_weights(model, experiment="e", train_rows=record["origin"]["train_rows"], table=str(table))
    for name, content in files.items():
        (out / name).write_bytes(content)
    return Export(training, record, model, Path(table), out)
