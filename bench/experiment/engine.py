"""`--engine`: an experiment goes on with the engine that it began with."""

from __future__ import annotations

from dataclasses import replace

from bench.config.experiment import Experiment
from bench.records.folder import ResultsFolder


def as_begun(experiment: Experiment) -> Experiment:
    """The experiment with the engine of what its results folder holds, unless `--engine exact` was asked for.

    With `auto` an experiment that was recorded with `exact`, or before there was a choice, goes on as it is. So does
    one that was begun with faster trials where now a single trial is asked for, which is no reason to begin again.
    """
    if experiment.options.engine == "exact":
        return experiment
    other = replace(experiment, engine="exact" if experiment.engine == "auto" else "auto")
    return other if _began(other) and not _began(experiment) else experiment


def _began(experiment: Experiment) -> bool:
    return ResultsFolder(experiment.results_folder, experiment.identity()).own_manifest is not None
