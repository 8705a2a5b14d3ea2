"""Verdicts: one plain sentence for each task, no stronger than its data.

Only the test loss is tested (`bench.analysis.model_pairs`). Solved replicates, the target's metric and steps to
target are described beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis import stats
from bench.analysis.confirmed import confirmed, paired_losses, target_of
from bench.analysis.formatting import listed, number
from bench.analysis.model_pairs import ENOUGH, NEGLIGIBLE, Comparison, comparisons
from bench.analysis.results import Results

if TYPE_CHECKING:
    import pandas as pd


MATCHES = {"tuned": "with each model tuned", "hidden": "at equal hidden size", "params": "at equal parameter count"}


@dataclass(frozen=True)
class Verdict:
    """What can be said of one task. `winner` has the lowest test loss, for certain; None where that is not settled.

    `equal`: the models that share the lowest test loss to within rounding, where nothing else is open.
    `effect` is the winner's (or the leader's) test loss as a multiple of the nearest rival's, NaN for a single model.
    """

    match: str
    task: str
    headline: str
    notes: tuple[str, ...]
    winner: str | None
    settled: bool
    effect: float
    low: float
    high: float
    n: int
    p_holm: float
    equal: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Headline and notes as one text."""
        return " ".join((self.headline, *self.notes))


def verdicts(results: Results) -> tuple[Verdict, ...]:
    """One verdict for each comparison kind and task that has confirmed trainings."""
    pairs = comparisons(results)
    found = []
    for match in results.matches:
        for task in results.tasks:
            losses = paired_losses(results, match, task)
            if len(losses.columns):
                of_task = [pair for pair in pairs if pair.match == match and pair.task == task]
                found.append(_verdict(results, match, task, losses, of_task, len(pairs)))
    return tuple(found)


def _verdict(
    results: Results, match: str, task: str, losses: pd.DataFrame, pairs: list[Comparison], family: int
) -> Verdict:
    table = confirmed(results, match, task)
    place = f"On {task}" if len(results.matches) == 1 else f"On {task} {MATCHES.get(match, match)}"
    finished = losses.dropna(axis="columns", how="all")  # a model that failed on every seed is no rival
    shared = finished.dropna()
    means = (shared if len(shared) else finished).mean().sort_values(kind="stable")
    facts = [_solved(table, list(losses.columns)), *_failed(table, list(losses.columns))]
    missing = (math.nan, math.nan, math.nan, 0, math.nan)
    if means.empty:
        headline = f"{place}, every training failed: nothing can be compared."
        return Verdict(match, task, headline, (), None, False, *missing)
    notes = _against_references(results, match, task, {str(m): 10 ** float(v) for m, v in means.items()})
    leader = str(means.index[0])
    if len(means) == 1:
        loss = number(10 ** float(means.iloc[0]))
        trainings = results.trainings
        asked = trainings[(trainings["match"] == match) & (trainings["task"] == task)]["model"].nunique()
        alone = "was trained alone" if asked == 1 else "alone finished"
        headline = f"{place}, {leader} {alone}: test loss {loss}; {'; '.join(facts)}."
        return Verdict(match, task, headline, notes, None, False, *missing)
    pairs = [pair for pair in pairs if pair.first in means and pair.second in means]
    rivals = [pair.seen_from(leader) for pair in pairs if leader in (pair.first, pair.second)]
    equal = [pair for pair in rivals if pair.equal]
    open_pairs = [pair for pair in rivals if not pair.equal and not _won(pair, table)]
    nearest = max(open_pairs or equal or rivals, key=lambda pair: pair.effect if pair.n else -math.inf)
    facts += _described(table, leader, nearest.second, results)
    winner = None if open_pairs or equal else leader
    lead = _win(nearest, len(rivals)) if winner else _no_winner(rivals, equal, open_pairs, nearest, family, table)
    numbers = (nearest.effect, nearest.low, nearest.high, nearest.n, nearest.p_holm)
    alike = () if open_pairs or not equal else (leader, *(pair.second for pair in equal))
    headline = f"{place}, {'; '.join([lead, *facts])}."
    return Verdict(match, task, headline, notes, winner, bool(winner), *numbers, alike)


def _won(pair: Comparison, table: pd.DataFrame) -> bool:
    """Settled in favour of `pair.first`, and not by leaving out replicates on which only the favourite failed."""
    failed = table[table["status"] != "ok"].groupby("model").size()
    return pair.settled and pair.effect < 1 and failed.get(pair.first, 0) <= failed.get(pair.second, 0)


def _interval(pair: Comparison) -> str:
    return f"95 % interval {number(pair.low)} to {number(pair.high)}, {pair.n} seeds"


def _win(pair: Comparison, rivals: int) -> str:
    if rivals == 1:
        return f"{pair.first} has the lower test loss: {number(pair.effect)} times {pair.second}'s ({_interval(pair)})"
    return (
        f"{pair.first} has the lowest test loss of {rivals + 1} models: {number(pair.effect)} times that of "
        f"{pair.second}, the nearest ({_interval(pair)})"
    )


def _no_winner(
    rivals: list[Comparison],
    equal: list[Comparison],
    open_pairs: list[Comparison],
    nearest: Comparison,
    family: int,
    table: pd.DataFrame,
) -> str:
    """Who is not told apart from the leader and why, who is its equal, and whom it beats."""
    leader = nearest.first
    parts = []
    if open_pairs:
        tied = listed([leader, *(pair.second for pair in open_pairs)])
        parts.append(f"not settled between {tied}: {_why_open(nearest, family, table)}")
    if equal:
        names = listed([leader, *(pair.second for pair in equal)])
        seeds = min(pair.n for pair in equal)
        lowest = " and lowest" if not open_pairs and len(rivals) > len(equal) else ""
        parts.append(f"{names} have the same{lowest} test loss to within {100 * NEGLIGIBLE:g} % ({seeds} seeds)")
    beaten = [pair.second for pair in rivals if pair not in equal and pair not in open_pairs]
    return "; ".join([*parts, *([f"{leader} beats {listed(beaten)}"] if beaten else [])])


def _why_open(pair: Comparison, family: int, table: pd.DataFrame) -> str:
    subject = f"{pair.first}'s test loss is {number(pair.effect)} times {pair.second}'s"
    if pair.n == 0:
        return f"{pair.first} and {pair.second} finished no seed in common"
    if pair.n < ENOUGH:
        seeds = f"{pair.n} seed{'s' if pair.n > 1 else ''}"
        return f"{seeds} in common cannot decide ({ENOUGH} are needed); so far {subject}"
    if pair.settled and pair.effect < 1:
        failures = int((table[table["model"] == pair.first]["status"] != "ok").sum())
        return f"{subject} ({_interval(pair)}), but {pair.first} failed on {failures} more that are left out"
    if pair.settled:
        return f"{subject} on the seeds that both finished ({_interval(pair)}), yet lower on those common to all"
    if pair.low <= 1 <= pair.high:
        return f"{subject}, and the interval covers no difference ({_interval(pair)})"
    return f"{subject} ({_interval(pair)}), which does not survive Holm's correction for {family} comparisons"


def _solved(table: pd.DataFrame, models: list[str]) -> str:
    def count(model: str) -> tuple[int, int]:
        rows = table[table["model"] == model]
        return int((rows["steps_to_target"].notna() & (rows["status"] == "ok")).sum()), len(rows)

    counts = {model: count(model) for model in models}
    totals = {n for _, n in counts.values()}
    if len(models) > 1 and len(totals) == 1 and len(solved := {s for s, _ in counts.values()}) == 1:
        share, n = solved.pop(), totals.pop()
        who = "both" if len(models) == 2 else f"all {len(models)}"
        return (
            f"{who} solved {share} of {n} seeds"
            if share
            else f"{'neither' if len(models) == 2 else 'none'} solved a seed"
        )
    first, *rest = [f"{model} solved {s} of {n}" for model, (s, n) in counts.items()]
    return ", ".join(
        [f"{first} seed{'s' if counts[models[0]][1] != 1 else ''}", *(text.replace(" solved", "") for text in rest)]
    )


def _failed(table: pd.DataFrame, models: list[str]) -> list[str]:
    counts = table[table["status"] != "ok"].groupby("model").size()
    failed = [f"{model} failed on {counts[model]}" for model in models if model in counts]
    return [", ".join(failed)] if failed else []


def _described(table: pd.DataFrame, first: str, second: str, results: Results) -> list[str]:
    """The target's metric (where it is not the loss) and steps to target, of the leader against its nearest rival."""
    ok = table[table["status"] == "ok"]
    found = []
    metric = target_of(results, str(table["task"].iloc[0])).get("metric")
    if metric not in (None, "loss") and metric in ok.columns:
        mean = ok.groupby("model")[metric].mean()
        if first in mean and second in mean and mean[[first, second]].notna().all():
            found.append(f"{metric} {number(mean[first])} against {number(mean[second])}")
    if to_target := _steps_ratio(ok, first, second):
        found.append(to_target)
    return found


def _steps_ratio(ok: pd.DataFrame, first: str, second: str) -> str:
    """Steps to target of one model over another's, pair by pair; a seed that never got there counts as its budget.

    Leaving such seeds out would favour the model that solves the easy ones alone. Empty where too few are shared, or
    where neither ever got there.
    """
    cut = ok.assign(cut=ok["steps_to_target"].fillna(ok["steps"].astype(float)).clip(lower=1))
    wide = cut.pivot_table(index="replicate", columns="model", values="cut", aggfunc="last")
    solved = ok[ok["model"].isin((first, second))]["steps_to_target"].notna()
    if first not in wide or second not in wide or not solved.any():
        return ""
    ratio = stats.paired_difference(*(np.log10(wide[model].to_numpy(float)) for model in (first, second)))
    if ratio.n < ENOUGH:
        return ""
    bounds = f"95 % interval {number(10**ratio.low)} to {number(10**ratio.high)}, {ratio.n} seeds"
    unsolved = "" if solved.all() else ", unsolved ones counted as their budget"
    return f"{first} gets there in {number(10**ratio.value)} times {second}'s steps ({bounds}{unsolved})"


def _against_references(results: Results, match: str, task: str, losses: dict[str, float]) -> tuple[str, ...]:
    """What the predictors without a recurrent net say about the models, given as test losses (geometric means)."""
    table = results.references
    table = table[(table["task"] == task) & (table["match"].isna() | (table["match"] == match))]
    reference = table.groupby(["kind", "model"], sort=False)["test_loss"].mean()
    best, loss = min(losses.items(), key=lambda item: item[1])
    notes = []
    floors = reference.get("floor")
    if floors is not None and len(floors) and floors.min() <= loss:
        name = floors.idxmin()
        subject = "No model beats" if len(losses) > 1 else f"{best} does not beat"
        notes.append(f"{subject} the naive floor: {name} reaches {number(floors.min())}, {best} {number(loss)}.")
    baselines = reference.get("baseline")
    if baselines is not None and len(baselines) and baselines.min() < loss:
        name = baselines.idxmin()
        how = next((text for text in table[table["model"] == name]["how"] if isinstance(text, str) and text), "")
        described = f"{name} ({how.rstrip('.')})" if how else str(name)
        notes.append(f"But {described} reaches {number(baselines.min())}: at this budget no recurrent net does better.")
    return tuple(notes)
