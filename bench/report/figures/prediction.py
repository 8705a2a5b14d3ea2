"""Pictures of one confirmed training: what it predicted, where it was wrong, how it learnt, and its network.

Each function paints on axes and returns in words what can be seen; `training_pictures` makes all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bench.analysis.formatting import number
from bench.records.predictions import Predictions
from bench.report.document import Picture
from bench.report.figures.architecture import architecture, architecture_inches
from bench.report.figures.axes import SMALLEST, colour, log_scale, named, picture
from bench.report.figures.svg import INK, MUTED, RULE
from tasks.contract import Array

SHOWN = 200  # points of a line: more would be a smear
BINS = 30
RUNNING = 25  # sequences of a running mean


def training_pictures(
    name: str, title: str, predictions: Predictions | None, curve: Mapping[str, Sequence[Any]], place: int
) -> list[Picture]:
    """The five pictures of a training. place: the model's, for its colour; predictions: None where none were kept."""
    found = [picture(f"{name}-curve", f"{title}: losses", partial(learning_curve, curve=curve, place=place), 2.6)]
    if predictions is None:
        return found
    drawn = {
        "truth": ("prediction, truth", against_truth),
        "errors": ("errors in time", error_over_time),
        "histogram": ("error sizes", error_histogram),
    }
    for key, (what, draw) in drawn.items():
        paint = partial(draw, predictions=predictions, place=place)
        found.append(picture(f"{name}-{key}", f"{title}: {what}", paint, 2.6))
    inches = architecture_inches(predictions)
    found.append(
        picture(f"{name}-network", f"{title}: network", partial(architecture, predictions=predictions), inches)
    )
    return found


def learning_curve(axes: Axes, curve: Mapping[str, Sequence[Any]], place: int = 0) -> str:
    """Training and validation loss of a record's `curve` against steps, on a logarithmic axis."""
    steps, shown = np.array(curve["step"], dtype=float), []
    for key, label, style in (("train_loss", "training", ":"), ("valid_loss", "validation", "-")):
        losses = np.array([np.nan if loss is None else max(loss, SMALLEST) for loss in curve[key]])
        known = np.isfinite(losses)
        axes.plot(steps[known], losses[known], color=colour(place), linestyle=style, lw=1.6, label=label)
        shown += losses[known].tolist()
    axes.set_yscale("log")
    log_scale(axes.yaxis, shown)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    valid = [loss for loss in curve["valid_loss"] if loss is not None]
    return f"Validation loss from {number(valid[0])} to {number(valid[-1])}, lowest {number(min(valid))}."


def against_truth(axes: Axes, predictions: Predictions, place: int = 0, output: int = 0) -> str:
    """Predictions and truth one after the other; for classes how often each was taken for which.

    Per-step predictions are shown at the last step that counts.
    """
    if predictions.classes:
        return _confusion(axes, predictions)
    predicted, truth = (_last(values, predictions.mask)[:SHOWN, output] for values in _values(predictions))
    axes.plot(truth, color=INK, lw=1.1, label="truth")
    axes.plot(predicted, color=colour(place), lw=1.4, linestyle=(0, (4, 1.5)), label="prediction")
    axes.set_xlabel("test sequence")
    axes.set_ylabel(named(predictions.names[output]))
    error = np.sqrt(np.mean((predicted - truth) ** 2))
    return f"{len(truth)} test predictions of {predictions.names[output]}, root mean square error {number(error)}."


def error_over_time(axes: Axes, predictions: Predictions, place: int = 0, output: int = 0) -> str:
    """Errors one after the other; per-step classes: the share of wrong answers at each step of a sequence."""
    if not predictions.classes:
        predicted, truth = (_last(values, predictions.mask)[:SHOWN, output] for values in _values(predictions))
        axes.axhline(0, color=MUTED, lw=0.8)
        axes.plot(predicted - truth, color=colour(place), lw=1.2)
        axes.set_xlabel("test sequence")
        axes.set_ylabel("prediction − truth")
        return f"Errors of {len(truth)} test predictions, from {number((predicted - truth).min())} to " + (
            f"{number((predicted - truth).max())}."
        )
    wrong = _wrong(predictions)
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of wrong answers")
    if wrong.ndim == 2:
        counted = np.isfinite(wrong)
        share = np.where(counted, wrong, 0).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
        steps = np.flatnonzero(counted.any(axis=0))
        axes.plot(steps + 1, share[steps], color=colour(place), lw=1.4, marker="." if len(steps) < 40 else "")
        axes.set_xlabel("step of the sequence")
        return f"Most often wrong at step {int(steps[share[steps].argmax()]) + 1}: {_percent(float(share.max()))}."
    running = np.convolve(wrong, np.ones(RUNNING) / RUNNING, mode="valid") if len(wrong) >= RUNNING else wrong
    axes.plot(running, color=colour(place), lw=1.4)
    axes.set_xlabel(f"test sequence (mean of {RUNNING})")
    return f"{_percent(float(wrong.mean()))} of {len(wrong)} test sequences wrong."


def error_histogram(axes: Axes, predictions: Predictions, place: int = 0) -> str:
    """How often an error of each size occurs; for classes: how many wrong answers a sequence has."""
    if predictions.classes:
        wrong = _wrong(predictions)
        counts = np.nansum(wrong.reshape(len(wrong), -1), axis=1).astype(int)
        axes.bar(range(counts.max() + 1), np.bincount(counts), color=colour(place), width=0.9)
        axes.set_xlabel("wrong answers in a sequence")
        axes.set_ylabel("sequences")
        return f"{int((counts == 0).sum())} of {len(counts)} sequences without a wrong answer."
    predicted, truth = _values(predictions)
    errors = (predicted - truth)[_counted(predictions, truth)]
    low, high = float(errors.min()), float(errors.max())
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-30):  # one value: bins need a width
        low, high = low - 0.5, high + 0.5
    axes.hist(errors.ravel(), bins=BINS, range=(low, high), color=colour(place), alpha=0.85)
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.set_xlabel("prediction − truth")
    axes.set_ylabel("predictions")
    return f"Errors with mean {number(errors.mean())} and standard deviation {number(errors.std())}."


def _confusion(axes: Axes, predictions: Predictions) -> str:
    counted = _counted(predictions, predictions.targets)
    predicted, truth = predictions.outputs[counted], predictions.targets[counted]
    size = int(max(predicted.max(), truth.max())) + 1
    counts = np.zeros((size, size))
    np.add.at(counts, (truth, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors=RULE, linewidth=0.4)
    axes.invert_yaxis()
    axes.grid(visible=False)
    ticks = range(0, size, max(1, size // 10))
    axes.set_xticks([tick + 0.5 for tick in ticks], list(map(str, ticks)))
    axes.set_yticks([tick + 0.5 for tick in ticks], list(map(str, ticks)))
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return f"{_percent(float((predicted == truth).mean()))} of {truth.size} answers right; rows are true classes."


def _values(predictions: Predictions) -> tuple[Array, Array]:
    return predictions.outputs.astype(np.float64), predictions.targets.astype(np.float64)


def _last(values: Array, mask: Array | None) -> Array:
    """`(n, O)`: per-step values at the last step that counts; others as they are."""
    if values.ndim == 2:
        return values
    if mask is None:
        return np.asarray(values[:, -1])
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return np.asarray(values[np.arange(len(values)), last])


def _counted(predictions: Predictions, values: Array) -> Array:
    """Where values count: `(n,)` or `(n, T)` bool."""
    shape = values.shape if predictions.classes else values.shape[:-1]
    return np.ones(shape, dtype=bool) if predictions.mask is None else predictions.mask


def _wrong(predictions: Predictions) -> Array:
    """1 where an answer is wrong, NaN where it does not count: `(n,)` or `(n, T)`."""
    wrong = (predictions.outputs != predictions.targets).astype(np.float64)
    return np.where(_counted(predictions, predictions.targets), wrong, np.nan)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
