"""Options that a person gave and that change nothing in this experiment: said at its start, not swallowed."""

from __future__ import annotations

from bench.config.experiment import Experiment
from bench.config.options import Options


def without_effect(experiment: Experiment, device: str) -> list[str]:
    """A sentence for each. device: "cpu" or "cuda", where the experiment trains."""
    options, none = experiment.options, Options()
    found = []
    if options.cohort is not none.cohort and (device == "cpu" or options.executor != "local"):
        found.append("--cohort has no effect here: it is for trainings that share a GPU of this machine")
    if options.workers is not none.workers and options.executor != "local":
        found.append(f"--workers has no effect with --executor {options.executor.partition('//')[0]}")
    without = [model.label for model in experiment.models if "dropout" in model.ignores]
    if options.dropout and set(options.layers or ()) == {1}:
        found.append("--dropout has no effect on a single layer: it acts between layers; give --layers 2")
    elif without and (options.dropout or "dropout" in experiment.searched):
        found.append(f"dropout has no effect on {', '.join(without)}: it has none between its layers")
    if options.optimizer == "adamw" and not options.weight_decay and "weight_decay" not in experiment.searched:
        found.append("--optimizer adamw does the same as adam without weight decay: give --weight-decay 0.01, say")
    fitted = [model.label for model in experiment.models if not model.optimizers]
    given = [("--optimizer", options.optimizer != none.optimizer), ("--warmup", options.warmup > 0)]
    given += [("--schedule", bool(options.schedule or options.plateau_patience))]
    found += [
        f"{name} has no effect on {', '.join(fitted)}, which is fitted and makes no optimiser steps"
        for name, is_given in given
        if is_given and fitted
    ]
    named = zip(experiment.models, experiment.own_schemes, strict=True) if experiment.own_schemes else ()
    own = [f"{model.name}[init={scheme}]" for model, scheme in named if scheme]
    if options.init != none.init and own:
        found.append(f"--init {','.join(options.init)} does not apply to {', '.join(own)}")
    return found
