"""Alarms about learning curves: trainings that ended too early, and trainings that only memorised; and a note on
trainings that were longer than their best weights needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.alarms.alarm import Alarm
from bench.analysis.alarms.places import ResultsOnTask, results_by_task
from bench.analysis.formatting import counted, listed, trimmed, whole
from bench.analysis.labels import brief
from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.recorded import Recorded
from bench.analysis.selected import target_of
from bench.records.schema import Record

FALLING = 0.1  # lower by this share over the last quarter of the steps: more steps would give another result
MOST_DOUBLINGS = 3  # of the steps: further ahead nothing can be said from a curve
EARLY = 1 / 3  # of the steps: best weights before that, and the rest of the training made them worse
HALF = 1 / 2  # of the steps: best weights of all nets before that, and half of the steps give the same results
FAR = 2.0  # times the training loss: a test loss beyond that is not of the same quality


@dataclass(frozen=True)
class _Curve:
    """A validation curve: `step` and `loss` `(n,)`, with the training loss at its end."""

    step: np.ndarray
    loss: np.ndarray
    train_loss: float

    @classmethod
    def of(cls, record: Record) -> _Curve | None:
        """None where a curve has too few evaluations to say how it ends."""
        curve = record.get("curve") or {}
        step = np.array(curve.get("step") or [], dtype=float)
        loss = np.array([math.nan if x is None else x for x in curve.get("valid_loss") or []], dtype=float)
        train = [x for x in curve.get("train_loss") or [] if x is not None]
        known = np.isfinite(loss) & (loss > 0)
        if known.sum() < 5 or not train or step[-1] <= 0:
            return None
        return cls(step[known], loss[known], float(train[-1]))

    def fall(self, since: float) -> float:
        """The lowest loss up to a share of the steps, over the lowest of all: 1 where nothing came after it."""
        return float(self.loss[self.step <= since * self.step[-1]].min() / self.loss.min())

    @property
    def best_at(self) -> float:
        """Where the lowest loss lies, as a share of the steps."""
        return float(self.step[self.loss.argmin()] / self.step[-1])


def undertrained(results: Recorded) -> list[Alarm]:
    """Tasks on which more steps would change the answer.

    A training of less than a pass over its data; or the best net has not reached the target in half of its replicates
    and its validation loss still falls at the end. Other nets may need more steps too; that the best one has learnt
    the task is what a budget is for.
    """
    found = []
    for on_task in results_by_task(results):
        short = _less_than_a_pass(on_task)
        sentence = short or _falling(results, on_task)
        found += [on_task.alarm(sentence)] if sentence else []
    return found


def _less_than_a_pass(on_task: ResultsOnTask) -> str | None:
    record = on_task.trainings[on_task.best][0]
    plan, sequences = record.get("training") or {}, record.get("train_sequences")
    steps, batch_size = plan.get("steps"), plan.get("batch_size")
    if not (steps and batch_size and sequences) or steps * batch_size >= sequences:
        return None
    needed = math.ceil(sequences / batch_size)
    return (
        f"a training of {counted(steps, 'step')} sees {whole(steps * batch_size)} of its {whole(sequences)} training "
        f"sequences: give --steps {needed} or more, which is one pass over the data"
    )


def _falling(results: Recorded, on_task: ResultsOnTask) -> str | None:
    records = on_task.trainings[on_task.best]
    known = [(curve, record) for record in records if (curve := _Curve.of(record)) is not None]
    if not known:
        return None
    curves = [curve for curve, _ in known]
    goal = target_of(results, on_task.task)
    reached = sum(record.get("steps_to_target") is not None for record in records)
    if goal and 2 * reached >= len(records):
        return None
    share = 1 - 1 / _typical(curve.fall(0.75) for curve in curves)
    if share < FALLING:
        return None
    steps = int((records[0].get("training") or {}).get("steps") or curves[0].step[-1])
    of_loss = goal.get("metric") == "loss"
    thresholds = [float((record.get("target") or goal)["threshold"]) for _, record in known] if of_loss else []
    more = 2 ** _doublings(curves, thresholds)
    epochs = results.settings.get("epochs")
    flag = f"--epochs {epochs * more}" if isinstance(epochs, int) else f"--steps {steps * more}"
    short = f", and it reached the target in {reached} of {counted(len(records), 'replicate')}" if goal else ""
    return (
        f"training ended too early: the validation loss of {on_task.best}, the best net, still fell by "
        f"{100 * share:.0f} % over the last quarter of {counted(steps, 'step')}{short}: give {flag}"
    )


def _doublings(curves: Sequence[_Curve], thresholds: Sequence[float]) -> int:
    """How often to double the steps, 1 to `MOST_DOUBLINGS`.

    As often as the loss takes to its target, if each doubling lowers it by the factor of the last one (the loss as a
    power of the number of steps). thresholds: one for each curve, since forecast origins have targets of their own;
    empty where the target is another metric, and then once.
    """
    last = math.log(_typical(curve.fall(0.5) for curve in curves))
    if not thresholds or min(thresholds) <= 0 or last <= 0:
        return 1
    missing = math.log(_typical(curve.loss.min() / goal for curve, goal in zip(curves, thresholds, strict=True)))
    return int(min(max(math.ceil(missing / last), 1), MOST_DOUBLINGS))


def overfitted(results: Recorded) -> list[Alarm]:
    """Tasks on which training only memorises, one sentence each, over all models and comparisons.

    The median training of a net has its best weights in the first third of its steps, its typical test loss is at least
    twice the training loss at the end, and no better than the naive floor. Where a net beats the floor, its best
    weights are the ones that are used, and nothing is spoilt.
    """
    found = []
    for task, nets in _nets(results).items():
        bad = [net for net in nets if net.best_at <= EARLY and net.ratio >= FAR and net.to_floor >= 1]
        if bad:
            models = [model for model in results.models if any(net.model == model for net in bad)]
            text = (
                f"On {brief(task)}, {'training only memorises' if len(bad) == len(nets) else 'some models memorise'}: "
                f"{listed(models)} {'is' if len(models) == 1 else 'are'} no better than the naive floor (best weights "
                f"after {_percent(bad)} of the steps; test loss {_between(net.ratio for net in bad)} times "
                "the training loss at the end); try smaller --hidden-sizes or a --weight-decay."
            )
            found.append(Alarm(text, task))
    return found


def best_early(results: Recorded) -> list[str]:
    """Notes, no alarms: tasks whose nets all have their best weights in the first half of the steps."""
    flag = "--epochs" if results.settings.get("epochs") else "--steps"
    return [
        f"On {brief(task)}, validation loss is lowest after {_percent(nets)} of the steps, and these weights are used: "
        f"fewer {flag} would do."
        for task, nets in _nets(results).items()
        if max(net.best_at for net in nets) <= HALF
    ]


@dataclass(frozen=True)
class _Net:
    """How a model's trainings in one comparison end, typically: where the best weights lie as a share of the steps, the
    test loss over the training loss at the end, and over the naive floor (0 where there is none)."""

    model: str
    best_at: float
    ratio: float
    to_floor: float


def _nets(results: Recorded) -> dict[str, list[_Net]]:
    """By task, the models of all comparisons, those whose curves are too short left out."""
    found: dict[str, list[_Net]] = {}
    for on_task in results_by_task(results):
        for model, records in on_task.trainings.items():
            pairs = [(_Curve.of(record), record.get("test") or {}) for record in records]
            known = [(c, test) for c, test in pairs if c is not None and test.get("loss") and c.train_loss > 0]
            if known:
                skills = [float(test["skill"]) for _, test in known if test.get("skill") is not None]
                net = _Net(
                    model,
                    best_at=float(np.median([curve.best_at for curve, _ in known])),
                    ratio=_typical(float(test["loss"]) / curve.train_loss for curve, test in known),
                    to_floor=_typical(max(1 - skill, SMALLEST_LOSS) for skill in skills) if skills else 0.0,
                )
                found.setdefault(on_task.task, []).append(net)
    return found


def _percent(nets: Sequence[_Net]) -> str:
    return f"{_between(100 * net.best_at for net in nets)} %"


def _between(values: Iterable[float]) -> str:
    """The lowest and the highest in words: "2 to 32", or "10" where they are the same."""
    known = sorted(values)
    low, high = trimmed(known[0]), trimmed(known[-1])
    return low if low == high else f"{low} to {high}"


def _typical(values: Iterable[float]) -> float:
    """The geometric mean of positive values."""
    return float(np.exp(np.mean(np.log(np.fromiter(values, dtype=float)))))
