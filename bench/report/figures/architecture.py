"""A diagram of a network, drawn from its own parameters: input, recurrent layers, head, output."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from bench.records.predictions import LayerSize, Predictions
from bench.report.figures.axes import named, say
from bench.report.figures.svg import INK, MUTED, RULE

ROW = 0.62  # inches from one box to the next


def architecture_inches(predictions: Predictions) -> float:
    """The height that the diagram needs."""
    return ROW * (len(predictions.layers) + 2) + 0.2


def architecture(axes: Axes, predictions: Predictions) -> str:
    """Boxes from top to bottom with sizes and parameter counts; what flows between them has its shape beside the arrow.

    N is the batch, T the length of a sequence; the head of a per-sequence task reads the last step alone.
    """
    layers = predictions.layers
    if not layers:
        return say(axes, "No diagram: the weights have other names than torch's layers.")
    per_step = predictions.targets.ndim == (2 if predictions.classes else 3)
    steps, total = predictions.steps, sum(layer.parameters for layer in layers)
    ends = "classes" if predictions.classes else ", ".join(predictions.names)
    boxes = [
        ("input", f"{_several(layers[0].inputs, 'value')} a step, {steps} steps"),
        *((layer.name, _details(layer)) for layer in layers),
        ("output", _several(layers[-1].outputs, "value") + (f": {named(ends, 20)}" if layers[-1].outputs <= 4 else "")),
    ]
    whole = [f"(N, {steps}, {layer.inputs})" for layer in layers[:-1]]
    tail = f"(N, {steps}" if per_step else "(N"
    flows = [*whole, f"{tail}, {layers[-1].inputs})", f"{tail}, {layers[-1].outputs})"]
    for i, (title, details) in enumerate(boxes):
        y = -i
        plain = title in ("input", "output")
        axes.add_patch(
            FancyBboxPatch(
                (0.05, y - 0.27),
                0.9,
                0.54,
                boxstyle="round,pad=0,rounding_size=0.04",
                linewidth=1.0,
                edgecolor=RULE if plain else INK,
                facecolor="none",
            )
        )
        axes.text(0.09, y, named(title, 22), va="center", ha="left", color=INK, fontsize=9.5, fontweight="bold")
        axes.text(0.92, y, details, va="center", ha="right", color=MUTED, fontsize=8.5)
        if i < len(flows):
            axes.annotate("", (0.3, y - 0.73), (0.3, y - 0.27), arrowprops={"arrowstyle": "->", "color": MUTED})
            axes.text(0.34, y - 0.5, flows[i], va="center", ha="left", color=MUTED, fontsize=8.5)
    axes.set_xlim(0, 1)
    axes.set_ylim(-len(boxes) + 0.5, 0.5)
    axes.set_axis_off()
    parts = ", ".join(f"{layer.name} with {layer.outputs} units ({layer.parameters:,} parameters)" for layer in layers)
    return f"From {layers[0].inputs} inputs through {parts}: {total:,} parameters in all."


def _details(layer: LayerSize) -> str:
    return f"{layer.inputs} → {layer.outputs}, {layer.parameters:,} parameters"


def _several(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count:,} {word}s"
