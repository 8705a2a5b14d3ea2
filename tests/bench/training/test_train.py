from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.records.schema import dumps
from bench.training.data import load_data, load_references
from bench.training.evaluations import EVALUATIONS
from bench.training.jobs import TrainingJob, attempt, failure_of
from bench.training.request import Training
from bench.training.train import train
from tasks.errors import UserError
from tasks.losses import mean_loss
from tasks.registry import TASKS, load_plugin_file

pytestmark = pytest.mark.usefixtures("toy_plugin")
TIMES = ("evaluation_seconds", "wall_seconds", "cpu_seconds", "peak_bytes")


def training(model: str = "linear", **changes: Any) -> Training:
    settings = Settings(hidden_size=4, learning_rate=0.1)
    made = Training(TASKS.create("toy"), MODELS.create(model), settings, batch_size=8, steps=40, replicate=1)
    return replace(made, **changes)


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in TIMES}


def test_a_training_learns_and_its_record_says_so() -> None:
    record = train(training())
    curve = record["curve"]
    assert record["status"] == "ok"
    assert record["error"] is None
    assert curve["step"] == list(range(41))
    assert curve["train_loss"][0] is None
    assert curve["valid_loss"][-1] < 0.05 * curve["valid_loss"][0]
    assert 0 < record["steps_to_target"] < 40
    assert record["test"]["skill"] > 0.9
    assert record["parameters"] == {"recurrent": 0, "head": 4, "total": 4}
    dumps(record)  # JSON-able, with no NaN


def test_test_scores_belong_to_the_weights_that_were_best_on_validation_data() -> None:
    request = training(settings=Settings(hidden_size=4, learning_rate=0.3))  # noisy: the last weights are not the best
    record = train(request)
    assert record["curve"]["valid_loss"][-1] > min(record["curve"]["valid_loss"])
    best_step = record["curve"]["step"][int(np.argmin(record["curve"]["valid_loss"]))]
    stopped = train(replace(request, steps=max(best_step, 1)))
    assert record["test"]["loss"] == stopped["test"]["loss"]


def test_skill_is_measured_against_the_floor() -> None:
    record = train(training())
    floor = next(r for r in load_references(TASKS.create("toy"), 0, 1) if r.kind == "floor")
    test = load_data(TASKS.create("toy"), 0, 1).test
    assert floor.loss == mean_loss("mse", np.zeros_like(test.targets), test.targets)
    assert record["test"]["skill"] == 1 - record["test"]["loss"] / floor.loss


@pytest.mark.parametrize(("steps", "expected"), [(1, 2), (40, 41), (50, 51), (51, 27), (1000, 51)])
def test_evaluations_are_at_most_one_every_two_percent(steps: int, expected: int) -> None:
    curve = train(training(steps=steps))["curve"]
    assert len(curve["step"]) == expected <= EVALUATIONS + 1
    assert curve["step"][0] == 0
    assert curve["step"][-1] == steps


def test_the_search_never_scores_test_data() -> None:
    assert train(training(on_test_data=False))["test"] is None


def test_a_repeated_training_is_the_same_to_the_last_bit() -> None:
    assert without_times(train(training())) == without_times(train(training()))


def test_another_replicate_has_other_data_weights_and_batches() -> None:
    one, two = train(training()), train(training(replicate=2))
    assert one["hashes"]["weights"] != two["hashes"]["weights"]
    assert one["hashes"]["first_batch"] != two["hashes"]["first_batch"]


def test_models_of_one_replicate_see_the_same_first_batch_and_one_cell_starts_from_the_same_weights() -> None:
    sine = TASKS.create("sine")
    hashes = {
        name: train(training(model=name, task=sine, steps=1))["hashes"] for name in ("gru", "numpy_gru", "lstm", "rnn")
    }
    assert len({h["first_batch"] for h in hashes.values()}) == 1
    assert hashes["gru"]["weights"] == hashes["numpy_gru"]["weights"]
    assert len({h["weights"] for h in hashes.values()}) == 3


@pytest.mark.parametrize(
    ("how", "says"), [("nan", "not finite at step 11"), ("explode", "over 1000 times its initial value")]
)
def test_divergence_is_a_status_and_stops_the_training(how: str, says: str) -> None:
    record = train(training(model=f"faulty[how={how}]"))
    assert record["status"] == "diverged"
    assert says in record["error"]
    assert record["curve"]["step"][-1] < 40
    assert record["test"] is None
    assert record["steps_to_target"] is None
    dumps(record)


@pytest.mark.parametrize(("how", "status"), [("raise", "failed"), ("memory", "out_of_memory")])
def test_an_exception_becomes_a_record_with_its_text(how: str, status: str) -> None:
    record = attempt(TrainingJob(training(model=f"faulty[how={how}]")), lambda *evaluation: None)
    assert record["status"] == status
    assert record["curve"] is None
    assert record["test"] is None
    if how == "raise":
        assert record["error"] == "RuntimeError: the cell | broke <here>"
        assert "train_step" in record["traceback"]


def test_a_sentence_for_the_user_stands_in_the_record_as_it_is() -> None:
    job = TrainingJob(training())
    assert failure_of(job, UserError("model a: its core is odd"))["error"] == "model a: its core is odd"
    assert failure_of(job, ValueError("odd"))["error"] == "ValueError: odd"


def test_progress_is_told_at_every_evaluation() -> None:
    told: list[tuple[float | None, ...]] = []
    record = train(training(), lambda *evaluation: told.append(evaluation))
    assert [list(column) for column in zip(*told, strict=True)] == list(record["curve"].values())


def test_plateau_lowers_the_learning_rate_of_a_stalled_training() -> None:
    stalled = training(settings=Settings(hidden_size=4, learning_rate=0.3), steps=200)
    plain, reduced = train(stalled), train(replace(stalled, plateau_patience=1))
    # smaller steps wander less about the optimum
    assert np.std(reduced["curve"]["valid_loss"][-20:]) < 0.5 * np.std(plain["curve"]["valid_loss"][-20:])


CHANGES: list[dict[str, Any]] = [
    {"steps": 41},
    {"batch_size": 9},
    {"replicate": 2},
    {"seed": 1},
    {"plateau_patience": 3},
    {"on_test_data": False},
    {"settings": Settings(hidden_size=5, learning_rate=0.1)},
    {"settings": Settings(hidden_size=4, learning_rate=0.1, dtype="float64")},
    {"settings": Settings(hidden_size=4, learning_rate=0.1, device="cuda")},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_the_key_covers_what_decides_the_outcome(changes: dict[str, Any]) -> None:
    assert training(**changes).key() != training().key()
    assert training(**changes).key() == training(**changes).key()


def test_the_key_covers_parameters_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    key = training().key()
    assert training(task=TASKS.create("toy[length=5]")).key() != key
    assert training(model="faulty[how=nan]").key() != training(model="faulty[how=raise]").key()
    monkeypatch.setattr(MODELS.get("linear"), "version", 2)
    assert training().key() != key


def test_plug_in_files_are_found_from_a_path(toy_plugin: str) -> None:
    assert Path(toy_plugin).name == "toy.py"
    assert MODELS.get("linear").__module__ == "bench_plugin_toy"


def test_an_edited_plug_in_is_another_training(tmp_path: Path, toy_plugin: str) -> None:
    """Whoever develops a cell would otherwise be shown the results of its last version."""
    keys = []
    for number, text in enumerate(("return 1.0", "return 2.0", "return 1.0")):
        path = tmp_path / str(number) / "mine.py"
        path.parent.mkdir()
        path.write_text(
            "from bench_plugin_toy import Linear\n"
            f"class Mine(Linear):\n    name = 'mine'\n    def scale(self):\n        {text}\n"
        )
        mine = load_plugin_file(path).Mine()
        keys.append(replace(training(), model=mine).key())
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


@pytest.mark.parametrize("model", ["numpy_gru", "numpy_lstm", "numpy_rnn[nonlinearity=relu]", "gru", "lstm"])
def test_weights_that_overflow_end_in_a_record_of_divergence(model: str) -> None:
    sine = TASKS.create("sine")
    settings = Settings(hidden_size=4, learning_rate=1e38, clip_norm=None)
    record = train(training(model=model, task=sine, settings=settings, batch_size=64, steps=40))
    assert record["status"] == "diverged"
    assert record["curve"]["step"][-1] < 40
    dumps(record)
