"""Progress: its arithmetic, its lines, and who gets which display."""

from __future__ import annotations

import io
from typing import Any

import pytest

from bench.cli.display.observing import draws, observing
from bench.cli.display.progress import PlainProgress, Progress, RunningTraining, clock_time, describe
from bench.experiment.observer import Observer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(**changes: Any) -> dict[str, Any]:
    return {
        "stage": "confirm",
        "task": {"label": "copy[delay=5]"},
        "model": {"label": "gru", "hidden_size": 32, "num_layers": 2},
        "training": {"learning_rate": 0.00312},
        "replicate": 3,
        "status": "ok",
        "test": {"loss": 0.01234, "skill": 0.98},
        "wall_seconds": 2.34,
        **changes,
    }


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_remaining_time_counts_trainings_in_progress_and_not_those_found_in_the_records() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.planned = 10
    progress.finish(None, record(), reused=True)
    assert progress.remaining_seconds is None
    clock.seconds += 30
    progress.finish(0, record(), reused=False)
    progress.running[1] = RunningTraining("sine gru", steps=200, step=100)
    # 1.5 trainings in 30 s, and 7.5 to go
    assert progress.done == pytest.approx(2.5)
    assert progress.remaining_seconds == pytest.approx(150)


def test_finishing_frees_the_slot_and_counts_failures() -> None:
    progress = Progress()
    progress.running[0] = RunningTraining("sine gru", steps=10)
    progress.finish(0, record(status="diverged"), reused=False)
    assert progress.running == {}
    assert (progress.finished, progress.failed, progress.planned) == (1, 1, 1)


def test_plain_progress_writes_a_line_for_each_training_and_none_for_what_was_found() -> None:
    lines: list[str] = []
    plain = PlainProgress(lines.append)
    plain.note("device cpu: one core")
    plain.planned(3)
    plain.started(0, "copy gru", 100)
    plain.progress(0, 50, 0.5)
    plain.finished(None, record(), True)
    plain.finished(0, record(), False)
    assert lines == [
        "device cpu: one core",
        "[2/3] confirm copy[delay=5] gru hidden 32 × 2 lr 3.1e-03 replicate 3: test loss 0.01234, skill 0.980, 2.3 s",
    ]


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        (
            {"status": "failed", "error": "Traceback\n  File …\nValueError: no", "test": None},
            ": failed: ValueError: no",
        ),
        ({"status": "diverged", "error": None}, ": diverged"),
        ({"stage": "search", "test": None, "curve": {"valid_loss": [None, 0.5, 0.25]}}, "best valid loss 0.25, 2.3 s"),
        ({"stage": "time", "test": None, "timing": {"step_seconds": 0.00289}}, ": 2.89 ms a step"),
        (
            {"stage": "time", "test": None, "timing": {"step_seconds": 0.00664}, "kernel": "aten"},
            ": 6.64 ms a step (aten)",
        ),
        ({"stage": "search", "test": None, "curve": None, "wall_seconds": None}, ": ok"),
    ],
)
def test_describe_says_what_came_out(changes: dict[str, Any], end: str) -> None:
    assert describe(record(**changes)).endswith(end)
    assert "\n" not in describe(record(**changes))


def test_a_trial_is_described_by_what_it_competes_with_and_an_examination_by_what_it_measures() -> None:
    place = {"task": {"label": "sine"}, "model": {"label": "gru"}, "replicate": 2, "status": "ok"}
    trial = {**place, "stage": "trial", "curve": {"valid_loss": [0.5, 0.25]}, "test": {"loss": 9.0, "skill": 0.1}}
    assert describe(trial) == "trial sine gru replicate 2: best valid loss 0.25"
    examined = {**place, "stage": "examine", "gradient_flow": [{}], "test": None}
    assert describe(examined) == "examine sine gru replicate 2: gradient flow and predictions"
    assert describe({**examined, "gradient_flow": None}) == "examine sine gru replicate 2: predictions"


def test_a_reference_is_described_without_a_configuration() -> None:
    reference = {"stage": "reference", "task": {"label": "sine"}, "model": {"label": "persistence"}, "replicate": 1}
    assert describe({**reference, "test": {"loss": 0.5, "skill": 0.0}}) == (
        "reference sine persistence replicate 1: test loss 0.5, skill 0.000"
    )


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, False),
        (io.StringIO(), {"TERM": "xterm", "FORCE_COLOR": "1"}, False),
    ],
)
def test_only_a_capable_terminal_is_drawn_on(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, environment: dict[str, str], expected: bool
) -> None:
    monkeypatch.delenv("CI", raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert draws(stream) is expected


def test_quiet_says_nothing_and_a_pipe_gets_no_escape_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for quiet, expected in ((True, ""), (False, "device cpu\n")):
        stream = io.StringIO()
        with observing(quiet, stream) as observer:
            assert isinstance(observer, Observer)
            observer.note("device cpu")
        assert stream.getvalue() == expected


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")])
def test_clock_time(seconds: float, text: str) -> None:
    assert clock_time(seconds) == text
