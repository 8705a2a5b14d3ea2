"""The copy of searches in an Optuna storage."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from bench.experiment.mirror import Mirror
from bench.experiment.search import Space

SPACE = Space((16, 32), (1,), (1e-3, 1e-1))
NAME = ("tuned", "sine", "gru")


def record(trial: int, **changes: Any) -> dict[str, Any]:
    return {
        "key": f"key {trial}",
        "trial": trial,
        "status": "ok",
        "model": {"hidden_size": 16, "num_layers": 1, "init": "default"},
        "training": {"learning_rate": 0.01},
        "curve": {"step": [0, 10, 20], "valid_loss": [3.0, 1.0, 2.0]},
        **changes,
    }


@pytest.fixture(params=["sqlite:///{}/mirror.db", "{}/mirror.log"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param).format(tmp_path)


def open_study(url: str) -> optuna.Study:
    storage: Any = url
    if "://" not in url:
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(url))
    (study,) = [
        optuna.load_study(study_name=s.study_name, storage=storage) for s in optuna.get_all_study_summaries(storage)
    ]
    return study


def test_trials_appear_with_their_curves_and_again_only_once(url: str) -> None:
    notes: list[str] = []
    failed = record(1, status="failed", curve=None)
    pruned = record(2, training={"learning_rate": 0.02, "budget_steps": 90})
    for shown in ([record(0), failed], [record(0), failed, pruned]):  # an interruption, and the run after it
        mirror = Mirror(url, "e", notes.append)
        mirror.show(NAME, 0, SPACE, shown)
        mirror.close()
    study = open_study(url)
    assert study.study_name == "e sine gru tuned"
    assert notes == []
    states = [(t.state.name, t.value, t.user_attrs["trial"]) for t in study.trials]
    assert states == [("COMPLETE", 1.0, 0), ("FAIL", None, 1), ("PRUNED", 1.0, 2)]
    assert study.trials[0].intermediate_values == {0: 3.0, 10: 1.0, 20: 2.0}
    assert study.best_params == {"hidden_size": 16, "num_layers": 1, "learning_rate": 0.01}


def test_a_storage_that_fails_is_told_once_and_harms_nothing(tmp_path: Path) -> None:
    notes: list[str] = []
    mirror = Mirror(f"sqlite:///{tmp_path}/no/such/folder/x.db", "e", notes.append)
    for trial in range(3):
        mirror.show(NAME, 0, SPACE, [record(trial)])
    mirror.close()
    assert len(notes) == 1
    assert "is not complete, and the run goes on: OperationalError" in notes[0]


def test_every_replicate_has_a_study_of_its_own(url: str) -> None:
    mirror = Mirror(url, "e", print)
    mirror.show(NAME, 2, SPACE, [record(0)])
    mirror.close()
    assert open_study(url).study_name == "e sine gru tuned replicate 2"
