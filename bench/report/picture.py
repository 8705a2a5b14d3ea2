"""A figure of the report, drawn when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from bench.report.figures.svg import style, to_svg


class Drawing(NamedTuple):
    """What a reader sees of a figure. `alt` states its finding; `svg` is a whole standalone file."""

    alt: str
    svg: str


class Picture:
    """A figure under a title, as the file `name`.svg.

    `paint` makes the matplotlib figure, in the style of `svg.style`, and says what it shows, always the same. It is
    called when `alt` or `svg` is first read; `bench.report.drawing` draws many pictures at once.
    """

    def __init__(self, name: str, title: str, paint: Callable[[], tuple[Figure, str]]) -> None:
        self.name, self.title, self.paint = name, title, paint
        self._drawing: Drawing | None = None

    @property
    def drawing(self) -> Drawing:
        if self._drawing is None:
            with style():
                figure, alt = self.paint()
                self._drawing = Drawing(alt, to_svg(figure, self.title))
        return self._drawing

    @drawing.setter
    def drawing(self, drawing: Drawing) -> None:
        self._drawing = drawing

    @property
    def alt(self) -> str:
        return self.drawing.alt

    @property
    def svg(self) -> str:
        return self.drawing.svg
