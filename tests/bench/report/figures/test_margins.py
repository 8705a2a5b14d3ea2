"""No text leaves a figure, meets the legend or another panel, and constrained layout leaves about the same room."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure

from bench.report.figures.legend import ROW, legend
from bench.report.figures.margins import DOTS_PER_INCH, make_room
from bench.report.figures.svg import style

LONG = "a longer name"


def _figure(panels: int, layout: str | None = None) -> Figure:
    inches = 2.6 + (ROW / 72 if layout else 0)  # `legend` makes a figure grow
    figure = Figure((4.5, inches), DOTS_PER_INCH, layout=layout)
    row = figure.subplots(1, panels, sharey=True, squeeze=False, width_ratios=range(1, panels + 1))[0]
    for axes in row:
        axes.plot([0, 1, 2], [1e-7, 3.0, 2e5], label="gru")
        axes.set_yscale("log")
        axes.set_yticks([1e-7, 1.0, 1e5], ["0.0000001", "1", LONG])
        axes.set_xlabel("steps")
    row[0].set_ylabel("loss")
    row[-1].text(1.02, 0.5, LONG, transform=row[-1].transAxes)
    if layout:
        figure.legend(*row[0].get_legend_handles_labels(), loc="outside upper left")
    else:
        legend(figure, row[0])
    return figure


@pytest.mark.parametrize("panels", [1, 2, 3])
def test_every_text_is_inside_and_nothing_overlaps(panels: int) -> None:
    with style():
        figure = _figure(panels)
        make_room(figure)
        renderer = RendererSVG(324, 187, io.StringIO())  # type: ignore[no-untyped-call]
        low = figure.texts[0].get_window_extent(renderer).y0
        boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    known = [box for box in boxes if box is not None]
    assert len(known) == panels
    slack = 0.5
    for box in known:
        assert box.x0 >= -slack
        assert box.x1 <= figure.bbox.width + slack
        assert box.y0 >= -slack
        assert box.y1 <= low + slack
    assert all(left.x1 <= right.x0 + slack for left, right in pairwise(known))


@pytest.mark.parametrize("panels", [1, 2])
def test_the_room_is_that_of_constrained_layout(panels: int) -> None:
    with style():
        figure, reference = _figure(panels), _figure(panels, "constrained")
        make_room(figure)
        FigureCanvasSVG(reference).print_svg(io.BytesIO())  # type: ignore[no-untyped-call]
    for axes, expected in zip(figure.axes, reference.axes, strict=True):
        assert axes.get_position().bounds == pytest.approx(expected.get_position().bounds, abs=0.03)
