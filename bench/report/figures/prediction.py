"""Pictures of single trainings: what they predicted, where they were wrong, how they learnt, and their networks.

Each function paints on axes and returns in words what can be seen; `task_pictures` makes all of them for a task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bench.analysis.formatting import number
from bench.records.predictions import Predictions
from bench.report.figures.architecture import architecture, architecture_inches
from bench.report.figures.axes import SMALLEST, colour, dashes, named, picture
from bench.report.figures.svg import INK, MUTED, RULE
from bench.report.figures.ticks import log_ticks
from bench.report.picture import Picture
from tasks.contract import Array

INCHES = 2.6  # the height of a figure
SHOWN = 200  # points of a line: more would be a smear
BINS = 30
RUNNING = 25  # sequences of a running mean
NOTHING_MEASURED = "None of the targets that were kept for figures was measured."


class Shown(NamedTuple):
    """One training of a model on a task. place: the model's, for its colour; curve: of its record."""

    model: str
    place: int
    predictions: Predictions
    curve: Mapping[str, Sequence[Any]]


def task_pictures(name: str, task: str, trainings: Sequence[Shown], *, truth: bool = True) -> list[Picture]:
    """Losses, predictions, errors and error sizes with all models in one figure each, then the networks.

    truth: whether to draw predictions beside the truth, which for classes is a figure a model.
    """
    classes = trainings[0].predictions.classes

    def together(key: str, what: str, draw: Callable[[Axes, Shown, int], str]) -> Picture:
        def all_of(axes: Axes) -> str:
            return " ".join(f"{each.model}: {draw(axes, each, i)}" for i, each in enumerate(trainings))

        return picture(f"{name}-{key}", f"{task}: {what}", all_of, INCHES)

    def one_by_one(
        key: str, what: str, draw: Callable[..., str], inches: Callable[[Predictions], float]
    ) -> list[Picture]:
        return [
            picture(
                f"{name}-{key}-{each.place + 1}",
                f"{each.model} on {task}: {what}",
                partial(draw, predictions=each.predictions),
                inches(each.predictions),
            )
            for each in trainings
        ]

    found = [
        together("curve", "losses", lambda axes, each, _: learning_curve(axes, each.curve, each.place, each.model))
    ]
    if truth and not classes:
        found.append(
            together(
                "truth",
                "predictions and truth",
                lambda axes, each, _: against_truth(axes, each.predictions, each.place, label=each.model),
            )
        )
    found.append(
        together(
            "errors",
            "errors in order",
            lambda axes, each, _: error_over_time(axes, each.predictions, each.place, label=each.model),
        )
    )
    found.append(
        together(
            "histogram",
            "error sizes",
            lambda axes, each, i: error_histogram(axes, each.predictions, each.place, each.model, (i, len(trainings))),
        )
    )
    if truth and classes:
        found += one_by_one("truth", "answers", against_truth, lambda _: INCHES)
    return [*found, *one_by_one("network", "network", architecture, architecture_inches)]


def learning_curve(axes: Axes, curve: Mapping[str, Sequence[Any]], place: int = 0, label: str = "") -> str:
    """Training (dotted) and validation loss of a record's `curve` against steps, on a logarithmic axis.

    label: of the model, where axes hold several; else the two lines are labelled.
    """
    steps = np.array(curve["step"], dtype=float)
    labels = (None, named(label, 18)) if label else ("training", "validation")
    for key, text, style, width in zip(("train_loss", "valid_loss"), labels, (":", "-"), (1.1, 1.6), strict=True):
        losses = np.array([np.nan if loss is None else max(loss, SMALLEST) for loss in curve[key]])
        known = np.isfinite(losses)
        axes.plot(steps[known], losses[known], color=colour(place), linestyle=style, lw=width, label=text)
    axes.set_yscale("log")
    log_ticks(axes.yaxis)
    axes.set_xlabel("optimiser steps")
    axes.set_ylabel("loss")
    valid = [loss for loss in curve["valid_loss"] if loss is not None]
    return f"Validation loss from {number(valid[0])} to {number(valid[-1])}, lowest {number(min(valid))}."


def against_truth(axes: Axes, predictions: Predictions, place: int = 0, label: str = "") -> str:
    """Predictions and truth one after the other; for classes how often each was taken for which.

    label: of the model, where axes hold several, which have one truth.

    Per-step predictions are shown at the last step that counts.
    """
    if predictions.classes:
        return _confusion(axes, predictions)
    predicted, truth = _first_output(predictions)
    if not axes.lines:
        axes.plot(truth, color=INK, lw=1.1, label="truth")
    look: dict[str, Any] = {"linestyle": dashes(place) if label else (0, (4, 1.5)), "lw": 1.4}
    axes.plot(predicted, color=colour(place), label=named(label, 18) if label else "prediction", **look)
    axes.set_xlabel("test sequence")
    axes.set_ylabel(named(predictions.names[0]))
    if not len(truth):
        return NOTHING_MEASURED
    error = np.sqrt(np.mean((predicted - truth) ** 2))
    return f"{len(truth)} test predictions of {predictions.names[0]}, root mean square error {number(error)}."


def error_over_time(axes: Axes, predictions: Predictions, place: int = 0, label: str = "") -> str:
    """Errors one after the other; per-step classes: the share of wrong answers at each step of a sequence."""
    look: dict[str, Any] = {"color": colour(place), "label": named(label, 18) if label else None}
    look["linestyle"] = dashes(place) if label else "-"
    if not predictions.classes:
        predicted, truth = _first_output(predictions)
        axes.axhline(0, color=MUTED, lw=0.8)
        axes.plot(predicted - truth, lw=1.2, **look)
        axes.set_xlabel("test sequence")
        axes.set_ylabel("prediction − truth")
        if not len(truth):
            return NOTHING_MEASURED
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
        axes.plot(steps + 1, share[steps], lw=1.4, marker="." if len(steps) < 40 else "", **look)
        axes.set_xlabel("step of the sequence")
        return f"Most often wrong at step {int(steps[share[steps].argmax()]) + 1}: {_percent(float(share.max()))}."
    running = np.convolve(wrong, np.ones(RUNNING) / RUNNING, mode="valid") if len(wrong) >= RUNNING else wrong
    axes.plot(running, lw=1.4, **look)
    axes.set_xlabel(f"test sequence (mean of {RUNNING})")
    return f"{_percent(float(wrong.mean()))} of {len(wrong)} test sequences wrong."


def error_histogram(
    axes: Axes, predictions: Predictions, place: int = 0, label: str = "", of: tuple[int, int] = (0, 1)
) -> str:
    """How often an error of each size occurs; for classes: how many wrong answers a sequence has.

    label: of the model, where axes hold several; of: which of how many.
    """
    look: dict[str, Any] = {"color": colour(place), "label": named(label, 18) if label else None}
    if predictions.classes:
        wrong = _wrong(predictions)
        counts = np.nansum(wrong.reshape(len(wrong), -1), axis=1).astype(int)
        width = 0.9 / of[1]
        at = np.arange(counts.max() + 1) - 0.45 + width * (of[0] + 0.5)
        axes.bar(at, np.bincount(counts), width=width, **look)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_xlabel("wrong answers in a sequence")
        axes.set_ylabel("sequences")
        return f"{int((counts == 0).sum())} of {len(counts)} sequences without a wrong answer."
    predicted, truth = _values(predictions)
    errors = (predicted - truth)[_counted(predictions, truth)]
    errors = errors[np.isfinite(errors)]  # of targets that were measured
    if not len(errors):
        return NOTHING_MEASURED
    low, high = float(errors.min()), float(errors.max())
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-30):  # one value: bins need a width
        low, high = low - 0.5, high + 0.5
    shape: dict[str, Any] = {"histtype": "step", "lw": 1.4} if of[1] > 1 else {"alpha": 0.85}
    axes.hist(errors.ravel(), bins=BINS, range=(low, high), **look, **shape)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
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


def _first_output(predictions: Predictions) -> tuple[Array, Array]:
    """Prediction and truth of the first output, `(n,)` each: the first `SHOWN` that were measured."""
    predicted, truth = (_last(values, predictions.mask)[:, 0] for values in _values(predictions))
    shown = np.flatnonzero(np.isfinite(truth))[:SHOWN]
    return predicted[shown], truth[shown]


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
