"""The jobs that a cell asks for: a trial of a search, what the search led to, and what is measured of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.config.budgets import BUDGETS
from bench.config.searched import OWN
from bench.experiment.cell import SEARCH_REPLICATE, CellPlan
from bench.experiment.order import Order
from bench.experiment.search import Point, Trial, point_of
from bench.models.search_twin import TWIN_KERNELS, is_tested
from bench.records.kept_models import BYTES_A_PARAMETER, LARGEST_UNASKED
from bench.records.schema import Record
from bench.training.checkpoint import file_stem, stored
from bench.training.examine import ExamineJob
from bench.training.jobs import TimingJob, TrainingJob
from bench.training.request import Training


def trial_order(cell: CellPlan, trial: Trial, replicate: int) -> Order:
    """Train a trial. Where results may be made of it, its weights are kept until a rival is selected."""
    training, twin = replace(cell.training(trial.point, replicate), stop_after=trial.steps), cell.twin
    stage = "search" if replicate == SEARCH_REPLICATE else "trial"
    identity = _identity(cell, stage, training, trial.number, searched=True)
    if twin is not None:
        tested = training.on_test_data and is_tested(training.settings.device)
        return Order(TrainingJob(replace(training, model=twin, on_test_data=tested)), identity, turn=replicate)
    if stage == "search":
        return Order(TrainingJob(training), identity)
    lone = cell.space().only is not None
    keep_model = lone and _keeps_model(cell, training)
    lend_model = not lone and trial.steps is None
    job = TrainingJob(training, examine=lone, keep_model=keep_model, lend_model=lend_model)
    return Order(job, identity, replicate, _leaves(job))


def train_order(cell: CellPlan, trial: Record) -> Order:
    """Train the best trial of a search by the model itself, where a faster twin trained it in the search."""
    training = cell.training(point_of(trial), trial["replicate"])
    identity = _identity(cell, "train", training, trial["trial"], searched=True)
    return Order(TrainingJob(training, lend_model=True), identity, turn=trial["replicate"])


def confirm_order(cell: CellPlan, point: Point, replicate: int) -> Order:
    """Train what the search for all replicates has chosen."""
    training = cell.training(point, replicate)
    job = TrainingJob(training, examine=True, keep_model=_keeps_model(cell, training))
    return Order(job, _identity(cell, "confirm", training, searched=True), leaves=_leaves(job))


def examine_order(cell: CellPlan, selected: Record) -> Order:
    """Measure what is only measured of a selected trial."""
    training = cell.training(point_of(selected), selected["replicate"])
    weights = next((path.read_bytes() for path in stored(cell.experiment.results_folder, training.key())), None)
    job = ExamineJob(training, weights, keep_model=_keeps_model(cell, training))
    return Order(job, _identity(cell, "examine", training, selected["trial"]), selected["replicate"], _leaves(job))


def timing_order(
    cell: CellPlan, point: Point, replicate: int, environment: str, number: int, *, onednn: bool = True
) -> Order:
    """Time a configuration in round `number`. environment: the machine's fingerprint; a time belongs to it."""
    seconds = BUDGETS[cell.experiment.options.budget].timing_seconds / cell.timing_rounds
    training = cell.training(point, replicate)
    return Order(TimingJob(training, seconds, environment, onednn, number), _identity(cell, "time", training))


def _keeps_model(cell: CellPlan, training: Training) -> bool:
    """Whether the model of a selected training stays: as asked, and unasked where it is small."""
    asked = cell.experiment.options.save_models
    if asked is not None:
        return asked
    settings = training.settings
    count = cell.model.count_parameters(cell.facts.problem, settings.hidden_size, settings.num_layers).total
    return count * BYTES_A_PARAMETER <= LARGEST_UNASKED


def _leaves(job: TrainingJob | ExamineJob) -> str | None:
    """The file, without its ending, that the job leaves beside its record: the model, where it stays."""
    return file_stem(job.training.key()) if job.keep_model else None


def _value(cell: CellPlan, training: Training, name: str) -> Any:
    """The value that a training has of something that is searched."""
    if name.startswith(OWN):
        return getattr(training.model, name.removeprefix(OWN))
    return training.batch_size if name == "batch_size" else getattr(training.settings, name)


def _identity(
    cell: CellPlan, stage: str, training: Training, trial: int | None = None, *, searched: bool = False
) -> dict[str, Any]:
    """What a record says of its place here: the model is called as this experiment calls it.

    searched: it is a part of a search or what a search led to, and names the kernel of the search's trials.
    """
    model = {**training.describe()["model"], "label": cell.entry.label}
    identity = {"stage": stage, "match": cell.match, "trial": trial, "model": model}
    if more := cell.space().more:
        identity["searched"] = {name: _value(cell, training, name) for name, _ in more}
    if not searched or cell.twin is None:
        return identity
    return {**identity, "search_kernel": TWIN_KERNELS[training.settings.device]}
