"""`--until-settled`: look at the results, and say which tasks get more replicates.

The test (`bench.analysis.sequential`) may be looked at as often as one likes. It is looked at each time there are about
a seventh more replicates: rarely enough that workers seldom wait for it, often enough that few are trained in vain.
"""

from __future__ import annotations

from bench.analysis.results import load
from bench.config.budgets import FIRST_LOOK
from bench.experiment.plan import Part, Plan

OPEN = "open"


def look(plan: Plan) -> dict[Part, str]:
    """The state of each comparison and task: "settled", "equal", "futile" or "open"."""
    experiment = plan.experiment
    results = load(experiment.name, experiment.options.results)
    from bench.analysis.sequential import states  # heavy, and only needed here

    return states(results, experiment.options.max_replicates)


def more_replicates(plan: Plan, states: dict[Part, str]) -> dict[Part, int]:
    """How many replicates the tasks that are still open are to have next; none where all have ended."""
    cap = plan.experiment.options.max_replicates
    return {
        part: min(cap, count + max(1, count // FIRST_LOOK))
        for part, count in plan.replicates.items()
        if states.get(part) == OPEN and count < cap and part[1] not in plan.left_alone
    }
