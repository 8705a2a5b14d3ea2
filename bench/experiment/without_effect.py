"""Options that a person gave and that change nothing in this experiment: said at its start, not swallowed."""

from __future__ import annotations

from bench.config.options import Options
from bench.config.resolve import Experiment


def without_effect(experiment: Experiment, device: str) -> list[str]:
    """A sentence for each. device: "cpu" or "cuda", where the experiment trains."""
    options, none = experiment.options, Options()
    found = []
    if options.cohort is not none.cohort and (device == "cpu" or options.executor != "local"):
        found.append("--cohort has no effect here: it is for trainings that share a GPU of this machine")
    if options.workers is not none.workers and options.executor != "local":
        found.append(f"--workers has no effect with --executor {options.executor.partition('//')[0]}")
    if options.dropout and set(options.layers or ()) == {1}:
        found.append("--dropout has no effect on a single layer: it acts between layers; give --layers 2")
    named = zip(experiment.models, experiment.own_schemes, strict=True) if experiment.own_schemes else ()
    own = [f"{model.name}[init={scheme}]" for model, scheme in named if scheme]
    if options.init != none.init and own:
        found.append(f"--init {','.join(options.init)} does not apply to {', '.join(own)}")
    return found
