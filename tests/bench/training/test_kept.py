"""Which kept model an experiment's name stands for, and what the report and the tables say of kept models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench.analysis.saved_models import SavedModel, ranked, saved_models
from bench.report.sections.models import models_section
from bench.training.kept import best_models, rows_trained_on
from tasks.errors import UserError


def kept(model: str, replicate: int, block: int, loss: float) -> SavedModel:
    return SavedModel("tuned", "series[x]", model, replicate, block, loss, f"models/{model}{replicate}.pt")


def test_models_are_ordered_over_replicates_and_replicates_by_their_origin() -> None:
    """One low loss of a replicate does not make a model the best: other replicates have other validation data."""
    gru = [kept("gru", 1, 3, 0.4), kept("gru", 2, 2, 0.1), kept("gru", 3, 3, 0.3)]
    lstm = [kept("lstm", 1, 3, 0.2), kept("lstm", 2, 2, 0.2), kept("lstm", 3, 3, 0.2)]
    best, second = ranked(tuple(gru + lstm))
    assert {model.model for model in best} == {"lstm"}  # 0.2 against (0.4 · 0.1 · 0.3)^(1/3) = 0.229
    assert [model.replicate for model in second] == [3, 1, 2]  # the newest block, then the lower loss
    assert ranked((replace(gru[1], valid_loss=0.0), *lstm))[0][0].model == "gru"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("kept")
    values = np.random.default_rng(0).normal(50, 5, 80)
    (folder / "x.csv").write_text("\n".join(["x", *map(str, values)]))
    fixed = {"hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "trials": 1, "replicates": 2, "steps": 3}
    common = {**fixed, "models": "gru,numpy_rnn", "budget": "smoke", "executor": "inline"}
    made = {"table": {"data": str(folder / "x.csv"), "target": "x", "window": 4}, "made": {"tasks": "sine"}}
    for name, options in made.items():
        bench.run(bench.resolve({**common, **options, "name": name, "results": str(folder / "results")}))
    return lambda name: bench.load(name, folder / "results")


def test_trainings_and_the_report_name_the_kept_models(results: Any) -> None:
    found = results("table")
    files = {model.file for model in saved_models(found)}
    assert (
        files
        == set(found.trainings["checkpoint"])
        == {f"models/{path.name}" for path in (Path(found.folder) / "models").iterdir()}
    )
    assert len(files) == 4
    blocks = models_section(found).blocks
    assert {row.cells[2].text for row in blocks[-1].rows} == files  # type: ignore[union-attr]
    assert "python -m bench predict table new.csv" in blocks[1].text  # type: ignore[union-attr]


def test_a_model_may_be_asked_for_by_its_name(results: Any) -> None:
    found = results("table")
    (model,) = best_models(found, model="numpy_rnn")
    assert model.about["model"]["name"] == "numpy_rnn"
    assert model.about["replicate"] == 1  # the newest origin
    assert len(best_models(found, ensemble=True)) == 2
    record = next(r for r in found.records if r["key"] == model.about["key"])
    assert rows_trained_on(found, model) == record["origin"]["train_rows"]
    with pytest.raises(UserError, match="unknown model 'lstm'"):
        best_models(found, model="lstm")
    with pytest.raises(UserError, match="unknown task 'sine'"):
        best_models(found, task="sine")


def test_the_file_of_another_training_is_refused(results: Any) -> None:
    """As after files were copied by hand: its forecasts would be shown as another model's."""
    found = results("table")
    gru, rnn = (Path(best_models(found, model=name)[0].path) for name in ("gru", "numpy_rnn"))
    content = gru.read_bytes()
    try:
        gru.write_bytes(rnn.read_bytes())
        with pytest.raises(UserError, match="holds the model of another training: restore the file"):
            best_models(found, model="gru")
    finally:
        gru.write_bytes(content)


def test_what_cannot_forecast_a_table_is_refused(results: Any) -> None:
    with pytest.raises(UserError, match=r"made forecasts no table.*bench.load_model"):
        best_models(results("made"))
    found = results("table")
    for path in (Path(found.folder) / "models").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"no trained models: .* run --config .*experiment.json --save-models"):
        best_models(results("table"))
