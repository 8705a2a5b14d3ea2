"""Everything that is concluded from an experiment's results, each computed once and read by all who show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from bench.analysis import alarms as alarms_of
from bench.analysis import claims as claims_of
from bench.analysis import pair_table, stats
from bench.analysis import verdicts as verdicts_of
from bench.analysis.contenders import Contender, contenders
from bench.analysis.levels import ENOUGH
from bench.analysis.model_pairs import PairComparison, comparisons, twin_pairs
from bench.analysis.recorded import Recorded
from bench.analysis.standing import Standing, standings
from bench.analysis.steps import StepsComparison, StepsOfTask
from bench.analysis.verdict import Verdict
from bench.analysis.verdict_notes import notes
from bench.analysis.verdict_words import decision

if TYPE_CHECKING:
    import pandas as pd


DECISIONS = [
    *("match", "task", "answer", "net_needed", "reference", "net_needed_p_adjusted", "state", "winner", "letters", "n"),
    *("loss_ratio", "loss_ratio_low", "loss_ratio_high", "p_adjusted", "sentence"),
]


class Conclusions:
    """Cells, pairs, verdicts, alarms and claims of some results; `results.conclusions` holds them."""

    def __init__(self, results: Recorded) -> None:
        self.results = results

    @cached_property
    def contenders(self) -> tuple[Contender, ...]:
        """The cells, each with its implementations."""
        return contenders(self.results)

    @cached_property
    def bare_pairs(self) -> tuple[PairComparison, ...]:
        """All pairs of cells on all tasks, corrected as one family."""
        return comparisons(self.results, self.contenders)

    @cached_property
    def pairs(self) -> tuple[PairComparison, ...]:
        """As `bare_pairs`; where a verdict tells other pairs apart, with the p of the verdict."""
        return verdicts_of.as_told(self.bare_pairs, self.bare_verdicts)

    @cached_property
    def twins(self) -> tuple[PairComparison, ...]:
        """Implementations of one cell against each other."""
        return twin_pairs(self.results, self.contenders)

    @cached_property
    def steps(self) -> Mapping[tuple[str, str], tuple[StepsComparison, float]]:
        """For each (match, task) with two cells the leader's steps to target against its nearest rival's, and its p
        corrected over tasks and rules."""
        found = {
            (v.match, v.task): StepsOfTask(self.results, v.match, v.task).compare(v.nearest.first, v.nearest.second)
            for v in self.bare_verdicts
            if v.nearest is not None
        }
        adjusted = stats.benjamini_hochberg([each.p if each.n >= ENOUGH else float("nan") for each in found.values()])
        return {place: (each, float(p)) for (place, each), p in zip(found.items(), adjusted, strict=True)}

    @cached_property
    def bare_verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts without their sentences."""
        return verdicts_of.verdicts(self.results, self.contenders, self.bare_pairs)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict for each comparison and task, with its sentences."""
        found = []
        for verdict in self.bare_verdicts:
            place = verdict.match, verdict.task
            steps, p = self.steps.get(place, (None, float("nan")))
            twins = [pair for pair in self.twins if (pair.match, pair.task) == place]
            headline, *more = decision(self.results, verdict)
            facts = notes(self.results, verdict, steps, p, twins)
            found.append(replace(verdict, headline=headline, notes=(*more, *facts)))
        return tuple(found)

    def verdict(self, match: str, task: str) -> Verdict | None:
        """The verdict on one task; None where it has no results."""
        return next((v for v in self.verdicts if (v.match, v.task) == (match, task)), None)

    def letters(self, match: str, task: str) -> Mapping[str, str]:
        """The letters of each model's cell; {} where there are no two cells to tell apart."""
        verdict = self.verdict(match, task)
        if verdict is None or len(verdict.letters) < 2:
            return {}
        cells = {label: each.name for each in self.contenders for label in each.implementations}
        return {label: verdict.letters[cell] for label, cell in cells.items() if cell in verdict.letters}

    @cached_property
    def standings(self) -> Mapping[tuple[str, str], tuple[Standing, ...]]:
        """Where every model and reference stands, for each comparison and task."""
        return {
            (match, task): standings(self.results, match, task, self.letters(match, task))
            for match in self.results.matches
            for task in self.results.tasks
        }

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """The verdicts as a table, `verdicts.csv`: what to use on each task (`answer`), and what that rests on."""
        import pandas as pd

        rows = [
            {
                "match": verdict.match,
                "task": verdict.task,
                "answer": verdict.answer,
                "net_needed": verdict.need.state,
                "reference": verdict.need.reference.name if verdict.need.reference else None,
                "net_needed_p_adjusted": verdict.need.p_adjusted,
                "state": verdict.state,
                "winner": verdict.winner,
                "letters": ", ".join(f"{name} {letters}" for name, letters in verdict.letters.items()),
                "n": verdict.n,
                "loss_ratio": verdict.effect,
                "loss_ratio_low": verdict.low,
                "loss_ratio_high": verdict.high,
                "p_adjusted": verdict.p_adjusted,
                "sentence": verdict.sentence,
            }
            for verdict in self.verdicts
        ]
        return pd.DataFrame(rows, columns=DECISIONS)

    @cached_property
    def alarms(self) -> tuple[str, ...]:
        """What must be looked at before anything else is believed, a sentence each."""
        return alarms_of.alarms(self.results)

    @cached_property
    def claims(self) -> tuple[claims_of.Judgement, ...]:
        """What these results say of each textbook claim."""
        return claims_of.claims(self.results)

    @cached_property
    def pair_table(self) -> pd.DataFrame:
        """Every pair in numbers: `pairs.csv`."""
        return pair_table.pair_table(self.results, (*self.pairs, *self.twins))
