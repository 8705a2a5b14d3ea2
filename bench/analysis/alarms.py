"""Alarms: what in the results should not be, and must be looked at before anything else is believed."""

from __future__ import annotations

import numpy as np

from bench.analysis import stats
from bench.analysis.equal_amounts import model_amounts
from bench.analysis.formatting import listed, number
from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.recorded import Recorded
from bench.records.schema import label

NAMED = 4
LIMIT_LEVEL = 0.01  # an alarm stops the reader: rarer by chance than a verdict may be wrong


def alarms(results: Recorded) -> tuple[str, ...]:
    """One sentence each; empty where all is well."""
    found = (
        *_without_result(results),
        *_not_matched(results),
        *_beyond_the_limit(results),
        *_noisy_timings(results),
        *_mixed_machines(results),
    )
    changed = [f"{text}: see `python -m bench doctor {results.name}`." for text in results.changed]
    return (*_damaged_records(results), *changed, *found)


def _damaged_records(results: Recorded) -> list[str]:
    if not results.damaged:
        return []
    several = len(results.damaged) > 1
    lines = listed([str(number) for number in results.damaged[:5]]) + (" …" if len(results.damaged) > 5 else "")
    return [
        f"Line{'s' * several} {lines} of records.jsonl {'are' if several else 'is'} damaged and left out: see "
        f"python -m bench doctor {results.name}."
    ]


def _without_result(results: Recorded) -> list[str]:
    """Models that no table shows, because none of their trials ended well."""
    found: list[str] = []
    if results.manifest.get("status", "complete") != "complete":  # what is missing may still come
        return found
    for (match, task, model), rows in results.trainings.groupby(["match", "task", "model"], sort=False):
        statuses = rows["status"].value_counts()
        if "ok" not in statuses and not (rows["stage"] == "confirm").any():
            how = listed([f"{count} {status}" for status, count in statuses.items()])
            found.append(f"On {task} ({match}), {model} has no result: none of its trials ended well ({how}).")
    return found


def _not_matched(results: Recorded) -> list[str]:
    """Models that no hidden size brings near enough to the budget of a comparison."""
    return [
        f"On {one.task} ({one.match}), {one.model} has {number(one.amount)} {one.quantity} at hidden size "
        f"{one.hidden_size}, {abs(one.away):.0%} {'more' if one.away > 0 else 'fewer'} than the {number(one.budget)} "
        f"that all are to have ({one.tolerance:.0%} is allowed): no size comes nearer, so this is no comparison of "
        "equals for it."
        for one in model_amounts(results)
        if abs(one.away) > one.tolerance
    ]


def _beyond_the_limit(results: Recorded) -> list[str]:
    """Models whose test losses are together below what the noise allows, by more than chance.

    A limit is an expected loss, and on some test sets luck passes it: so one-sided t-tests on the log ratios of loss to
    limit over replicates (at least 3), Holm-adjusted over all of them, at 1 %.
    """
    tested = []
    ok = results.selected[results.selected["status"] == "ok"]
    limits = results.references[results.references["kind"] == "limit"]
    for (task, limit), bounds in limits.groupby(["task", "model"], sort=False):
        bound = bounds.groupby("replicate")["test_loss"].mean()
        for (match, model), rows in ok[ok["task"] == task].groupby(["match", "model"], sort=False):
            pairs = rows.set_index("replicate")["test_loss"].to_frame("model").join(bound.rename("limit"), how="inner")
            means = np.exp(np.log(pairs.clip(lower=SMALLEST_LOSS)).mean())
            text = (
                f"On {task} ({match}), {model} has a test loss of {number(means['model'])}, below the limit {limit} of "
                f"{number(means['limit'])}, over {len(pairs)} replicates: nothing can predict noise, so look for "
                "test data in the training."
            )
            tested.append((stats.below_limit(pairs["model"], pairs["limit"]), text))
    adjusted = stats.holm([p for p, _ in tested])
    return [text for p, (_, text) in zip(adjusted, tested, strict=True) if p < LIMIT_LEVEL]


def _noisy_timings(results: Recorded) -> list[str]:
    """One sentence, which names what was timed where that is short enough to read."""
    noisy = results.timings[results.timings["has_warnings"].fillna(False).astype(bool)]
    names = list(dict.fromkeys(f"{row.model} on {row.task}" for row in noisy.itertuples()))
    if not names:
        return []
    said = listed(names) if len(names) <= NAMED else f"{len(noisy)} of {len(results.timings)} configurations"
    return [f"The machine was not quiet while timing {said}: read these times with care."]


def _mixed_machines(results: Recorded) -> list[str]:
    """Compared times must come from one environment."""
    timed = {r.get("environment") for r in results.records if r.get("stage") == "time"} - {None}
    trained = {r.get("environment") for r in results.records if r.get("stage") in ("trial", "confirm")} - {None}
    if len(timed) > 1:
        return [f"The times come from {len(timed)} environments and must not be compared with each other."]
    if len(trained) > 1:
        models = {r["environment"]: label(r.get("model")) for r in results.records if r.get("environment") in trained}
        return [f"The trainings come from {len(models)} environments: losses may differ by rounding alone."]
    return []
