"""An alarm for losses below what the noise allows."""

from __future__ import annotations

import numpy as np

from bench.analysis import stats
from bench.analysis.alarms.alarm import Alarm
from bench.analysis.formatting import number
from bench.analysis.labels import brief
from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.recorded import Recorded

LIMIT_LEVEL = 0.01  # an alarm stops the reader: rarer by chance than a verdict may be wrong


def beyond_the_limit(results: Recorded) -> list[Alarm]:
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
                f"On {brief(str(task))} ({match}), {model} has a test loss of {number(means['model'])}, below the "
                f"limit {limit} of {number(means['limit'])}, over {len(pairs)} replicates: nothing can predict noise, "
                "so look for test data in the training."
            )
            tested.append((stats.below_limit(pairs["model"], pairs["limit"]), Alarm(text, str(task))))
    adjusted = stats.holm([p for p, _ in tested])
    return [alarm for p, (_, alarm) in zip(adjusted, tested, strict=True) if p < LIMIT_LEVEL]
