"""Alarms about comparisons at equal amounts that are none."""

from __future__ import annotations

from bench.analysis.alarms.alarm import Alarm
from bench.analysis.equal_amounts import model_amounts
from bench.analysis.formatting import number
from bench.analysis.labels import brief
from bench.analysis.recorded import Recorded

_OPTIONS = {"parameters": "--parameter-budgets"}  # what sets the budget of a quantity; of others the middle hidden size


def not_matched(results: Recorded) -> list[Alarm]:
    """Models that no hidden size brings near enough to the budget of a comparison."""
    return [
        Alarm(
            f"On {brief(one.task)} ({one.match}), {one.model} has {number(one.amount)} {one.quantity} at hidden size "
            f"{one.hidden_size}, {100 * abs(one.away):.3g} % {'more' if one.away > 0 else 'fewer'} than the "
            f"{number(one.budget)} that all are to have ({100 * one.tolerance:.3g} % is allowed): no size comes "
            f"nearer, so give other {_OPTIONS.get(one.quantity, '--hidden-sizes')}, or leave it out of this "
            "comparison.",
            one.task,
        )
        for one in model_amounts(results)
        if abs(one.away) > one.tolerance
    ]
