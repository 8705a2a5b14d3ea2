"""The report as one HTML file: one small script of its own, no network, nothing beside it that it needs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.analysis.formatting import MISSING, counted, shortened
from bench.report.document import Block, Document, Explorer, Gallery, clean, pictures
from bench.report.figures.svg import SERIES, inline

_FLAG = re.compile(r"(?<!\S)--[a-z][a-z-]*")
COLUMN = 32  # characters of a column's name; a longer one is whole in a tooltip
SCRIPTS = ("state", "folds", "choices", "tables", "convergence", "chart", "explorer")  # in this order


@dataclass(frozen=True)
class Beside:
    """Galleries of one picture each, which stand side by side."""

    block: ClassVar[str] = "beside"
    galleries: Sequence[Gallery]


def _beside(blocks: Sequence[Block]) -> list[Block | Beside]:
    """The blocks with neighbouring galleries of one picture each put side by side, so that no half stays empty."""

    def alone(block: Block) -> bool:
        return isinstance(block, Gallery) and len(block.pictures) == 1

    found: list[Block | Beside] = []
    for is_alone, group in groupby(blocks, alone):
        own = list(group)
        found += [Beside([each for each in own if isinstance(each, Gallery)])] if is_alone and len(own) > 1 else own
    return found


def _embedded(block: Explorer) -> Markup:
    """Data as JSON that no text in it can end: "<" cannot occur."""
    text = json.dumps(_cleaned(block.data), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _cleaned(value: Any) -> Any:
    """Texts without the characters that no document can hold, as they are shown elsewhere on the page."""
    if isinstance(value, dict):
        return {key: _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return clean(value) if isinstance(value, str) else value


def _shown(text: str) -> str:
    return clean(text).replace(" %", "\u00a0%")


def _flags(text: str) -> Markup:
    """Escaped text in which no line ends within an option of the command line, as browsers end one after a hyphen."""
    return Markup(_FLAG.sub(r'<span class="flag">\g<0></span>', str(escape(_shown(text)))))


def page(document: Document) -> str:
    """The whole page. Every text is escaped; figures are inlined with ids of their own.

    Its content security policy allows no network at all, and the one script by its hash.
    """
    environment = Environment(
        loader=PackageLoader("bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda text: _shown(text) if isinstance(text, str) and not isinstance(text, Markup) else text,
    )

    environment.filters.update(
        beside=_beside, counted=counted, flags=_flags, shortened=lambda text: shortened(text, COLUMN)
    )

    def source(name: str) -> str:
        return environment.loader.get_source(environment, name)[0]  # type: ignore[union-attr]

    script = '\n(() => {\n"use strict";\n' + "".join(source(f"script/{name}.js") for name in SCRIPTS) + "})();\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    looks: dict[str, str] = {}
    # SVG that `to_svg` serialised from a tree: names in it are escaped already
    drawn = {p.name: Markup(inline(p.svg, p.name, looks)) for p in pictures(document.sections)}
    sheet = "".join(f".{name}{{{look}}}\n" for look, name in looks.items())
    context: dict[str, Any] = {
        "document": document,
        "css": Markup(source("page.css") + sheet),
        "script": Markup(script),
        "script_hash": digest,
        "drawn": drawn,
        "embedded": _embedded,
        "palette": len(SERIES),
        "missing": MISSING,
    }
    return environment.get_template("page.html").render(context)
