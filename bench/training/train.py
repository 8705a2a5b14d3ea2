"""One training: from (task, model, configuration, seed, budget) to one record.

It is a pure function: the same request gives the same record (times aside) in any process. Workers can therefore run
anywhere, and a training can be repeated to check its record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from bench.measure.effort import Effort, SoleEffort
from bench.measure.gradient_flow import prepare_schemes
from bench.models.contract import Learner, Problem, weights_of
from bench.models.stepper import EagerStepper, Stepper, StepPlan
from bench.records.curves import steps_to_target
from bench.records.schema import Record
from bench.seeds import generator
from bench.training.data import data_hash, first_batch_hash, hash_arrays, load_data, load_references, orders_of
from bench.training.loop import Apart, Loop, Progress, Turns, at_once, finish, finite_or_none
from bench.training.request import Training
from tasks.contract import Array, Dataset
from tasks.losses import split_loss

PROBED = 5  # replicates whose gradient flow is measured; only the first one's curves are kept

# called at the end of a scored training with its data, the learner with its best weights, raw test outputs, the record;
# returns what is left to do, for which neither the device nor torch is needed
Ended = Callable[[Dataset, Learner, Array, Record], Callable[[], None]]
OpenStepper = Callable[[Learner, StepPlan], Stepper]
Build = Callable[[Training, Dataset], Learner]


def build_learner(training: Training, dataset: Dataset) -> Learner:
    """Build the learner of a training with its initial weights, which are the same for all models of one cell."""
    weights = generator("init", training.seed, training.model.cell, training.replicate)
    dropout = int(generator("dropout", training.seed, training.model.cell, training.replicate).integers(2**62))
    return training.model.build(Problem.of(training.task, dataset.train), training.settings, weights, dropout)


def train(training: Training, progress: Progress | None = None, ended: Ended | None = None) -> Record:
    """Train and return the record. Divergence is a status; exceptions are raised (`attempt` records them).

    ended: called with the data, the learner with its best weights, its raw outputs on test data, and the record, if the
    training is scored on test data; what it returns is done next.
    """
    return finish(train_in_turns(training, progress, ended))


def train_in_turns(
    training: Training,
    progress: Progress | None = None,
    ended: Ended | None = None,
    open_stepper: OpenStepper = EagerStepper,
    effort: Effort | None = None,
    build: Build | None = None,
    apart: Apart[Any] = at_once,
) -> Turns[Record]:
    """`train` as a generator that pauses every few steps and while it waits for the device.

    build: makes the learner with its initial weights. apart: where evaluations are scored and the trained model is
    examined. effort: measures what the
    training takes; whoever does others in between brings one that leaves theirs out.
    """
    began = time.perf_counter()
    effort = effort or SoleEffort(training.settings.device)
    dataset = load_data(training.task, training.seed, training.replicate)
    with effort:
        learner = (build or build_learner)(training, dataset)
        hashes = {
            "weights": hash_arrays(*(value for _, value in sorted(weights_of(learner.state()).items()))),
            "first_batch": first_batch_hash(training, dataset.train),
            "data": data_hash(training.task, training.seed, training.replicate),
        }
        stepper = open_stepper(learner, plan_of(training, dataset))
        try:
            loop = Loop(training, dataset, stepper, progress or (lambda *evaluation: None), apart)
            diverged = yield from loop.run()
            scored = not diverged and training.on_test_data
            outputs, test = _test(training, dataset, stepper) if scored else (None, None)
        finally:
            stepper.close()
    curve = loop.curve
    values = curve["valid_loss"] if training.task.target.metric == "loss" else curve["valid_metric"]
    record = {
        **training.describe(),
        "status": "diverged" if diverged else "ok",
        "error": diverged,
        "curve": curve,
        "first_losses": loop.first_losses,
        "steps_to_target": steps_to_target(curve["step"], values, training.task.target),
        "test": test,
        "parameters": {**asdict(learner.parameter_count), "total": learner.parameter_count.total},
        "evaluation_seconds": loop.seconds,
        "wall_seconds": time.perf_counter() - began,
        "cpu_seconds": effort.cpu_seconds,
        "peak_bytes": effort.peak_bytes,
        "energy_joules": effort.energy_joules,
        "kernel": stepper.kernel,
        "hashes": hashes,
        "gradient_flow": None,  # only of what results are made of, see `bench.training.examine`
        "train_sequences": len(dataset.train),
    }
    if ended is not None and outputs is not None:
        yield from apart(ended(dataset, learner, outputs, record))
    return record


def plan_of(training: Training, dataset: Dataset) -> StepPlan:
    """The steps that a training makes."""
    orders = orders_of(training, len(dataset.train))
    return StepPlan(dataset, orders, training.batch_size, training.interval, training.rate_changes_each_step)


def gradient_flow_of(training: Training, dataset: Dataset, learner: Learner) -> list[dict[str, Any]] | None:
    """How far gradients reach at each scheme's initial weights and after training, in the first few replicates.

    learner: with the weights that were best on validation data. None beyond `PROBED` replicates.
    """
    return prepare_gradient_flow(training, dataset, learner.state())()


def prepare_gradient_flow(
    training: Training, dataset: Dataset, trained: Mapping[str, Array]
) -> Callable[[], list[dict[str, Any]] | None]:
    """`gradient_flow_of` as work to be done later, in any thread. trained: the learner's state."""
    if training.replicate > PROBED:
        return lambda: None

    def initial(scheme: str) -> dict[str, Array]:
        settings = replace(training.settings, init=scheme, device="cpu")
        return build_learner(replace(training, settings=settings), dataset).state()

    problem = Problem.of(training.task, dataset.train)
    measure = prepare_schemes(training.model, problem, training.settings, initial, trained, dataset.valid)

    def flow() -> list[dict[str, Any]] | None:
        found = measure()
        if found is None or training.replicate == 1:
            return found
        return [{key: value for key, value in flow.items() if key not in ("hidden", "cell")} for flow in found]

    return flow


def _test(training: Training, dataset: Dataset, stepper: Stepper) -> tuple[Array, dict[str, float | None]]:
    """Return raw outputs and scores on test data, with the weights of the lowest validation loss."""
    stepper.restore()
    outputs = stepper.learner.predict(stepper.learner.place(dataset.test))
    loss = split_loss(training.task.loss, outputs, dataset.test)
    references = load_references(training.task, training.seed, training.replicate)
    floor = next(reference for reference in references if reference.kind == "floor")
    metrics = training.task.score(outputs, dataset.test)
    scores = {"loss": loss, "skill": skill(loss, floor.loss), **metrics}
    return outputs, {name: finite_or_none(value) for name, value in scores.items()}


def skill(loss: float, floor_loss: float) -> float | None:
    """1 − loss / floor: 0 for the naive predictor, 1 for a perfect one; None if the naive one is perfect."""
    return 1 - loss / floor_loss if floor_loss > 0 else None
