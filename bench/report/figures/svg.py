"""From a matplotlib figure to SVG: text stays text, bytes repeat exactly, and colours follow the page's light or dark.

Figures are `matplotlib.figure.Figure` objects drawn by the SVG backend: no pyplot, no window, no state left behind.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, Literal, TextIO

import matplotlib as mpl
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from bench.analysis.formatting import shortened

INK, MUTED, RULE, PAPER = "#1f2430", "#5c6370", "#d9dce1", "#fffffe"
# Okabe and Ito's colours for all kinds of colour vision, darkened where thin lines on white would be too pale.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#a8518a", "#b07d00", "#3a9bd0", "#6b5b95", "#7a7a7a")
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    *("-", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1.2))),
    *((0, (8, 2)), (0, (4, 1.2, 1.2, 1.2, 1.2, 1.2)), (0, (1.2, 3))),
)
_ROLES = {INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper", **{c: f"series-{i}" for i, c in enumerate(SERIES)}}
TITLE, LINE, LINES = 22, 14, 3  # points for the first line of a title, for each more, and how many there are at most
CHARACTER = 7.6  # points that a character of a title takes on average, at most
_PLACES = {"d", "x", "y", "transform"}
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["Liberation Sans", "Arial", "DejaVu Sans"],
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "figure.facecolor": PAPER,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "axes.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.solid_capstyle": "round",
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "path.simplify_threshold": 0.5,
    "ytick.left": False,  # its length is 0
    # Near where `margins.make_room` will place the axes.
    "figure.subplot.left": 0.15,
    "figure.subplot.right": 0.97,
    "figure.subplot.bottom": 0.18,
    "figure.subplot.top": 0.9,
}


@contextmanager
def style() -> Iterator[None]:
    """The look of all figures, for as long as they are drawn; matplotlib's own settings come back afterwards."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A name may hold signs that matplotlib's font lacks; the reader's browser draws the text, with its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        yield


class Renderer(RendererSVG):
    """matplotlib's SVG renderer that remembers, for all figures, how large a text is."""

    def __init__(self, width: float, height: float, file: TextIO) -> None:
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        super().__init__(width, height, file, metadata=nothing)  # type: ignore[no-untyped-call]

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: bool | Literal["TeX"]
    ) -> tuple[float, float, float]:
        return _text_size(s, prop.copy(), ismath)


_RULER = RendererSVG(1, 1, io.StringIO())  # type: ignore[no-untyped-call]


@lru_cache(10_000)
def _text_size(text: str, font: FontProperties, ismath: bool | Literal["TeX"]) -> tuple[float, float, float]:
    """Width, height and descent in points."""
    width, height, descent = _RULER.get_text_width_height_descent(text, font, ismath)  # type: ignore[no-untyped-call]
    return width, height, descent


def to_svg(figure: Figure, title: str = "") -> str:
    """A standalone SVG file of a figure under its title: no date, no unused ids, colours as CSS variables.

    It is drawn within `style`, as the figure was made.
    """
    buffer = io.StringIO()
    renderer = Renderer(figure.bbox.width, figure.bbox.height, buffer)
    figure.draw(renderer)
    renderer.finalize()  # type: ignore[no-untyped-call]
    root = ET.fromstring(buffer.getvalue())
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    used = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            if key.endswith("href") or "url(#" in value:
                used |= set(re.findall(r"^#([\w-]+)$|url\(#([\w-]+)\)", value)[0])
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        if "style" in element.attrib:
            element.set("style", _themed(element.attrib["style"]))
        for key in _PLACES & element.attrib.keys():  # hundredths of a point: finer than any screen or printer
            element.set(key, re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}", element.attrib[key]))
    width, height = (root.attrib[side].removesuffix("pt") for side in ("width", "height"))
    _add_title(root, title, width, height)
    for prefix, uri in (("", _SVG), ("xlink", _XLINK)):
        ET.register_namespace(prefix, uri)
    return ET.tostring(root, encoding="unicode") + "\n"


def _add_title(root: ET.Element, title: str, width: str, height: str) -> None:
    """Set the title above the drawing, on a strip that the figure grows by; matplotlib would shrink the drawing."""
    lines = wrapped(title, int(float(width) / CHARACTER))
    strip_height = TITLE + LINE * (len(lines) - 1)
    root.set("width", width)
    root.set("height", f"{float(height) + strip_height:g}")
    root.set("viewBox", f"0 {-strip_height} {width} {float(height) + strip_height:g}")
    strip = {"x": "0", "y": str(-strip_height), "width": width, "height": str(strip_height)}
    ET.SubElement(root, f"{{{_SVG}}}rect", {**strip, "style": f"fill: var(--paper, {PAPER})"})
    look = f"font: 600 11.5px {_FONT}; fill: var(--ink, {INK})"
    for i, line in enumerate(lines):
        place = {"x": "6", "y": f"{-6 - LINE * (len(lines) - 1 - i):g}", "style": look}
        ET.SubElement(root, f"{{{_SVG}}}text", place).text = line


def wrapped(title: str, length: int) -> list[str]:
    """A title in lines of at most `length` characters that end between words, or after a comma, colon or bracket.

    A word that is longer than a line, and what is left after three lines, lose their middle.
    """
    words = [word for word in re.split(r"(?<=[\s,:\[])", title) if word]
    lines = [""]
    for word in (shortened(word, length) for word in words):
        if lines[-1] and len((lines[-1] + word).rstrip()) > length:
            lines.append("")
        lines[-1] += word
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], shortened("".join(lines[LINES - 1 :]).strip(), length)]
    return [line.strip() for line in lines]


@cache
def _themed(css: str) -> str:
    """A style attribute with the palette's colours as variables, and fonts that the reader's machine has."""
    css = re.sub(r"#[0-9a-f]{6}", lambda m: f"var(--{_ROLES[m[0]]}, {m[0]})" if m[0] in _ROLES else m[0], css)
    return re.sub(r"font: ([^;']*?)'[^;]*", rf"font: \1{_FONT}", css)


def inline(svg: str, name: str, looks: dict[str, str]) -> str:
    """An SVG file's content to stand inside a page: ids are made unique by `name`, so that figures do not mix.

    looks: styles with the class that stands for each, shared by all figures of a page and added to here: figures repeat
    few styles often.
    """
    root = ET.fromstring(svg)
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif key.endswith("href") and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif key == "style" and "url(#" not in value:
                plain = re.sub(r"var\((--[\w-]+), [^()]*\)", r"var(\1)", value.replace(_FONT, "var(--text)"))
                element.set("class", looks.setdefault(plain, f"l{len(looks)}"))
                del element.attrib["style"]
            elif "url(#" in value:
                element.set(key, value.replace("url(#", f"url(#{name}-"))
    for parent in root.iter():  # matplotlib's own sheets would reach the whole page; the page has their one rule
        for sheet in parent.findall(f"{{{_SVG}}}style"):
            parent.remove(sheet)
    root.set("aria-hidden", "true")  # the figure around it carries the text alternative
    return re.sub(r">\s+<", "><", ET.tostring(root, encoding="unicode"))
