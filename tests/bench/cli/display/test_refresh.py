import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.cli.display.refresh import Refreshed, refreshing
from bench.experiment.observer import Observer


class Heard(Observer):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def planned(self, trainings: int) -> None:
        self.calls.append("planned")

    def started(self, slot: int, label: str, steps: int) -> None:
        self.calls.append("started")

    def progress(self, slot: int, step: int, loss: float) -> None:
        self.calls.append("progress")

    def finished(self, slot: int | None, record: dict[str, Any], reused: bool) -> None:
        self.calls.append("finished")

    def note(self, text: str) -> None:
        self.calls.append("note")


class Rendering:
    """What stands for a process: it runs until `done`."""

    def __init__(self) -> None:
        self.done, self.waited, self.terminated = False, 0, False

    def poll(self) -> int | None:
        return 0 if self.done else None

    def wait(self, timeout: float | None = None) -> int:
        self.waited += 1
        if not self.done and not self.terminated:
            raise subprocess.TimeoutExpired("render", timeout or 0)
        return 0

    def terminate(self) -> None:
        self.terminated = True


def test_a_report_is_rendered_at_intervals_one_at_a_time() -> None:
    now, renderings = [0.0], []

    def render() -> Any:
        renderings.append(Rendering())
        return renderings[-1]

    observer = Refreshed(Heard(), render, interval_seconds=60, clock=lambda: now[0])
    record = {"stage": "confirm"}
    for now[0], started in ((30, 0), (61, 1), (200, 1)):
        observer.finished(0, record, reused=False)
        assert len(renderings) == started
    renderings[0].done = True  # it took from 61 to 201: with a fiftieth of the time, the next is not before 7201
    for now[0], started in ((201, 1), (300, 1), (7200, 1), (7202, 2)):
        observer.finished(0, record, reused=False)
        assert len(renderings) == started


def test_what_was_not_trained_now_starts_no_rendering() -> None:
    now, started = [0.0], list[Rendering]()

    def start() -> Rendering:
        started.append(Rendering())
        return started[-1]

    observer = Refreshed(Heard(), start, interval_seconds=1, clock=lambda: now[0])  # type: ignore[arg-type]
    now[0] = 100
    observer.finished(None, {"stage": "confirm"}, reused=True)
    observer.finished(0, {"stage": "time"}, reused=False)
    observer.finished(0, {"stage": "reference"}, reused=False)
    assert not started
    observer.finished(0, {"stage": "confirm"}, reused=False)
    assert len(started) == 1


def test_a_timing_waits_for_the_rendering_and_the_end_gives_it_up() -> None:
    now, rendering = [0.0], Rendering()
    observer = Refreshed(Heard(), lambda: rendering, interval_seconds=1, clock=lambda: now[0])  # type: ignore[arg-type, return-value]
    now[0] = 2
    observer.finished(0, {"stage": "search"}, reused=False)
    observer.started(0, "gru on sine", 100)
    assert rendering.waited == 0
    rendering.done = True
    observer.started(0, "timing gru on sine", 100)
    assert (rendering.waited, rendering.terminated) == (1, False)

    slow = Rendering()
    observer = Refreshed(Heard(), lambda: slow, interval_seconds=1, clock=lambda: now[0])  # type: ignore[arg-type, return-value]
    now[0] = 4
    observer.finished(0, {"stage": "search"}, reused=False)
    observer.give_up()
    assert slow.terminated


def test_everything_is_passed_on() -> None:
    heard = Heard()
    observer = Refreshed(heard, lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    observer.planned(3)
    observer.note("hello")
    observer.started(0, "gru", 10)
    observer.progress(0, 5, 0.1)
    observer.finished(0, {"stage": "reference"}, reused=False)
    assert heard.calls == ["planned", "note", "started", "progress", "finished"]


def test_the_rendering_says_how_far_the_run_is(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine",), seeds=2, trials=2)
    synthetic.write(tmp_path / "results", "mine", records, status="in progress", trainings_planned=480)
    with refreshing(Observer(), "mine", tmp_path / "results", tmp_path / "reports") as observer:
        assert isinstance(observer, Refreshed)
        observer._interval = 0.0
        observer.finished(0, {"stage": "confirm"}, reused=False)
        observer.settle()
    html = (tmp_path / "reports" / "mine" / "index.html").read_text(encoding="utf-8")
    assert "in progress: 10 of 480 trainings and measurements" in html
