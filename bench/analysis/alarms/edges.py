"""An alarm where the best net's size or learning rate lies on the edge of what was searched."""

from __future__ import annotations

from bench.analysis.alarms.alarm import Alarm
from bench.analysis.alarms.places import results_by_task
from bench.analysis.formatting import counted
from bench.analysis.recorded import Recorded
from bench.analysis.selected import selected_rows, target_of
from bench.analysis.tuned import range_edges

BY_CHANCE = 0.01  # a choice at random lies on an edge that often in as many replicates


def edges(results: Recorded) -> list[Alarm]:
    """Tasks whose best net might be better beyond the edge of what was searched.

    It chose the edge in more replicates than choices at random would (binomial test), and has not reached the target in
    half of them: what is good enough inside the range needs no wider one.
    """
    from scipy import special

    found = []
    for on_task in results_by_task(results):
        rows = selected_rows(results, on_task.match, on_task.task)
        known = rows[["hidden_size", "num_layers", "learning_rate"]].notna().all(axis=1)
        rows = rows[(rows["model"] == on_task.best) & known]
        if rows.empty or (target_of(results, on_task.task) and 2 * rows["steps_to_target"].notna().sum() >= len(rows)):
            continue
        found += [
            on_task.alarm(
                f"{on_task.best}, the best net, chose {edge.what} in {edge.times} of {counted(edge.n, 'replicate')}: "
                f"give {edge.wider}"
            )
            for edge in range_edges(results, on_task.match, on_task.task, rows)
            if 2 * edge.times > edge.n and special.bdtrc(edge.times - 1, edge.n, edge.chance) < BY_CHANCE
        ]
    return found
