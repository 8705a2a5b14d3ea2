"""The copy of searches in an Optuna storage."""

import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.experiment.mirror import Mirror, check_storage
from bench.experiment.search import Space
from bench.records.secrets import hidden, masked
from tasks.errors import UserError

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
        mirror.show(NAME, SPACE, shown)
        mirror.close()
    study = open_study(url)
    assert study.study_name == "e sine gru tuned"
    assert notes == []
    states = [(t.state.name, t.value, t.user_attrs["trial"]) for t in study.trials]
    assert states == [("COMPLETE", 1.0, 0), ("FAIL", None, 1), ("PRUNED", 1.0, 2)]
    assert study.trials[0].intermediate_values == {0: 3.0, 10: 1.0, 20: 2.0}
    assert study.best_params == {"hidden_size": 16, "num_layers": 1, "learning_rate": 0.01}


def test_a_storage_that_fails_is_told_and_harms_nothing(tmp_path: Path) -> None:
    notes: list[str] = []
    mirror = Mirror(f"sqlite:///{tmp_path}/no/such/folder/x.db", "e", notes.append)
    for trial in range(3):
        mirror.show(NAME, SPACE, [record(trial)])
    mirror.close()
    assert 1 <= len(notes) <= 2
    assert "is not complete, and the run goes on: OperationalError" in notes[-1]


def test_a_storage_that_comes_back_has_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.experiment.mirror.RETRY_SECONDS", 0.01)
    url, notes, failed = f"sqlite:///{tmp_path}/later/x.db", list[str](), threading.Event()
    mirror = Mirror(url, "e", lambda text: (notes.append(text), failed.set())[0])
    for trial in range(1000):
        mirror.show(NAME, SPACE, [record(trial)])
        if failed.wait(0.02):
            break
    (tmp_path / "later").mkdir()
    mirror.close()
    assert [text.partition(f"{url} ")[2][:20] for text in notes] == ["is not complete, and", "is up to date again"]
    assert len(open_study(url).trials) == trial + 1


URL = "postgresql://me:pa@ss/w%20rd@db.example:5432/x?sslpassword=hush&connect_timeout=3"


def test_passwords_are_masked_in_urls_and_in_what_drivers_say() -> None:
    assert masked(f"run --storage '{URL}' --name x") == (
        "run --storage 'postgresql://me:***@db.example:5432/x?sslpassword=***&connect_timeout=3' --name x"
    )
    assert hidden("no login with pa@ss/w rd or hush", URL) == "no login with *** or ***"
    for harmless in ("sqlite:///search.db", "dask://host:8786", "postgresql://me@db/x", "see https://x.org/a:b"):
        assert masked(harmless) == harmless


def test_no_password_reaches_a_file_or_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole command line, with a driver that repeats the password in its error."""
    monkeypatch.chdir(tmp_path)
    plugin = str(Path(__file__).parents[2] / "plugins/toy.py")
    monkeypatch.setattr("bench.experiment.run.check_storage", lambda url: None)

    def refuse(self: Any, url: str) -> None:
        raise RuntimeError(f"can't connect with {url} and hunter2")

    monkeypatch.setattr("bench.experiment.mirror._Writer.__init__", refuse)
    url = "postgresql://me:hunter2@127.0.0.1/x?password=hunter2"
    flags = ["run", "--plugin", plugin, "--tasks", "toy", "--models", "linear", "--budget", "smoke", "--name", "e"]
    result = CliRunner().invoke(main, [*flags, "--executor", "inline", "--storage", url])
    assert result.exit_code == 0, result.output
    assert "--storage postgresql://me:***@127.0.0.1/x?password=*** is not complete" in result.output
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(kept) > 10
    assert [path for path, content in kept.items() if b"hunter2" in content] == []
    assert "hunter2" not in result.output


def test_a_masked_password_is_not_tried(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"me:\*\*\*@db/x has no password, .* PGPASSWORD"):
        check_storage("postgresql://me:***@db/x")
