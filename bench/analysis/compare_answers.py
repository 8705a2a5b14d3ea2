"""What two experiments answer on one task: whether a second run comes to the same conclusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.analysis.results import Results
from bench.analysis.verdict import Verdict

Agreement = Literal["same", "no contradiction", "contradiction", "other models"]


@dataclass(frozen=True)
class Answers:
    """The answers on one task under one rule of fairness: of the first experiment, then of each other one.

    None: that experiment has no result there. `agreements`: of each other one with the first.
    """

    match: str
    task: str
    verdicts: tuple[Verdict | None, ...]

    @property
    def agreements(self) -> tuple[Agreement | None, ...]:
        first, *others = self.verdicts
        return tuple(agreement(first, other) if first and other else None for other in others)


def agreement(first: Verdict, second: Verdict) -> Agreement:
    """Whether two answers about the same cells can both be true.

    They contradict each other where one needs a net and the other needs none, or where each says that everything that
    the other recommends is worse. "gru" and "gru or lstm" do not: one of them is the more certain.
    """
    if {name for name, _ in first.ranking} != {name for name, _ in second.ranking}:
        return "other models"
    if first.answer == second.answer:
        return "same"
    needs = {first.need.state, second.need.state}
    if {"yes", "no"} <= needs or ("no" not in needs and not set(first.unbeaten) & set(second.unbeaten)):
        return "contradiction"
    return "no contradiction"


def answers_of(experiments: Sequence[Results]) -> list[Answers]:
    """One for each rule and task that the first experiment and another one have results of."""
    found = [
        {(verdict.match, verdict.task): verdict for verdict in results.conclusions.bare_verdicts if verdict.ranking}
        for results in experiments
    ]
    first, *others = found
    return [
        Answers(match, task, tuple(of.get((match, task)) for of in found))
        for match, task in first
        if any((match, task) in other for other in others)
    ]
