"""Figures drawn by two processes: the same bytes, and nothing lost where the second one is of no help."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from functools import partial

import pytest
from matplotlib.figure import Figure

from bench.report import drawing
from bench.report.document import Gallery, Section, pictures
from bench.report.drawing import with_figures
from bench.report.picture import Drawing, Picture

N = 6
Said = Callable[[int], str]
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process draws all")


def picture(place: int, said: Said) -> Picture:
    def paint() -> tuple[Figure, str]:
        figure = Figure((2, 1))
        figure.text(0.1, 0.5, f"figure {place}")
        return figure, said(place)

    return Picture(f"p{place}", f"title {place}", paint)


def section(places: range, said: Said) -> Section:
    return Section("id", "title", [Gallery([picture(place, said) for place in places], "caption")])


def drawn(said: Said = lambda place: f"finding {place}") -> list[Picture]:
    """Figures of three sections that were drawn together."""
    return pictures(with_figures([partial(section, range(first, first + 2), said) for first in range(0, N, 2)]))


@pytest.fixture(autouse=True, scope="module")
def one_process_draws() -> None:
    """Not here."""


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


class Noticed(dict[str, Drawing]):
    """Passes on what is put into it, and tells that something was."""

    def __init__(self) -> None:
        self.one = threading.Event()

    def into(self, inner: dict[str, Drawing]) -> Noticed:
        self.inner = inner
        return self

    def __setitem__(self, name: str, drawing: Drawing) -> None:
        self.inner[name] = drawing
        self.one.set()


@only_linux
@pytest.mark.usefixtures("two_processors")
def test_two_processes_draw_what_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first figure is finished here only after one has come from elsewhere, so that both processes draw."""
    come, here, drew_here = Noticed(), os.getpid(), []
    collect = drawing._collect
    monkeypatch.setattr(drawing, "_collect", lambda receiving, inner: collect(receiving, come.into(inner)))

    def said(place: int) -> str:
        if os.getpid() == here:
            drew_here.append(place)
            assert place > 0 or come.one.wait(60)
        return f"finding {place}"

    shared = drawn(said)
    assert drew_here[0] == 0
    assert N - 1 not in drew_here
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    alone = drawn()
    assert [each.drawing for each in shared] == [each.drawing for each in alone]
    assert [each.alt for each in alone] == [f"finding {place}" for place in range(N)]
    assert all(f"figure {place}" in each.svg for place, each in enumerate(alone))


@only_linux
@pytest.mark.usefixtures("two_processors")
@pytest.mark.parametrize("end", [lambda: os._exit(1), lambda: multiprocessing.Event().wait()], ids=["dies", "hangs"])
def test_a_second_process_that_is_of_no_help_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[], object]
) -> None:
    monkeypatch.setattr(drawing, "_draw_and_send", lambda *_: end())
    assert [each.alt for each in drawn()] == [f"finding {place}" for place in range(N)]
    assert multiprocessing.active_children() == []


@only_linux
@pytest.mark.usefixtures("two_processors")
def test_an_error_is_raised_here_and_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    def said(place: int) -> str:
        if place in (3, N - 1):
            raise ValueError(f"no figure {place}")
        return ""

    with pytest.raises(ValueError, match="no figure"):
        drawn(said)
    assert capfd.readouterr() == ("", "")
    assert multiprocessing.active_children() == []


def test_a_picture_is_drawn_once_and_when_it_is_looked_at() -> None:
    times: list[int] = []

    def said(place: int) -> str:
        times.append(place)
        return "alt"

    found = picture(5, said)
    assert times == []
    assert found.alt == "alt"
    assert "figure 5" in found.svg
    assert times == [5]
