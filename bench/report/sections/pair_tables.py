"""The tables of models in pairs: test losses with their effect sizes, and steps to target under censoring."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bench.analysis.formatting import MISSING, is_missing, number, trimmed, whole
from bench.analysis.pair_table import pair_table
from bench.analysis.results import Results
from bench.report.document import Block, Cell, Row, Table, Text

if TYPE_CHECKING:
    import pandas as pd

MOST = 8  # models: of more, a table of all pairs is a file and nothing to read
TOO_MANY = f"Of more than {MOST} models the pairs are in numbers in pairs.csv (report --format csv)."

LOSSES = (
    "Test loss of the first model as a multiple of the second's, seed by seed, with a 95 % t-interval; p after Holm's "
    "correction over all pairs of the experiment, which is what verdicts use. Effect size: the mean difference of the "
    "logarithms in units of its own spread over seeds, corrected for small numbers (Hedges 1981); below 0 the first is "
    "better, and 0.8 in size is commonly called large."
)
STEPS = (
    "Restricted mean: the steps that a run spends unsolved on average, where one that never gets there counts with the "
    "whole budget. Difference: first less second, over pairs of seeds, with a 95 % bootstrap interval; below 0 the "
    "first gets there sooner. Log-rank: Mantel's test of the two curves above, unpaired, by permutation. Both p after "
    "Holm's correction over all pairs of the experiment, each test a family of its own; no verdict rests on them. A "
    "dash: too few seeds, or neither model ever got there."
)


def loss_pairs(results: Results, match: str) -> list[Block]:
    """The paired comparisons of test losses of one comparison, folded; empty for a single model."""
    return _table(results, match, "Pairs in numbers", ("Seeds", "Loss ratio", "p", "Effect size"), LOSSES, _loss)


def step_pairs(results: Results, match: str) -> list[Block]:
    """The paired comparisons of steps to target of one comparison, folded; empty where nobody solved anything."""
    columns = ("Solved", "Mean, first", "Mean, second", "Difference", "p", "Log-rank p")
    found = _table(results, match, "Steps to target in pairs", columns, STEPS, _steps)
    own = _pairs(results)
    own = own[own["match"] == match]
    return found if (own["solved_first"] + own["solved_second"]).sum() else []


@lru_cache(maxsize=1)  # asked for by both tables of every comparison
def _pairs(results: Results) -> pd.DataFrame:
    return pair_table(results)


def _table(results: Results, match: str, title: str, columns: tuple[str, ...], caption: str, cells: Any) -> list[Block]:
    table = results.confirmed
    models = table[table["match"] == match]["model"].nunique()
    if models < 2:
        return []
    if models > MOST:
        return [Text(TOO_MANY)]
    found = _pairs(results)
    rows = [
        Row([Cell(row["task"]), Cell(f"{row['first']} against {row['second']}"), *cells(row)], "model")
        for row in found[found["match"] == match].to_dict("records")
    ]
    return [Table(title, ("Task", "Models", *columns), rows, caption, texts=2, folded=True)] if rows else []


def _loss(row: dict[Any, Any]) -> list[Cell]:
    return [
        Cell(whole(row["n"]), "", int(row["n"])),
        _estimate(row, "loss_ratio"),
        _probability(row["loss_p_holm"]),
        Cell(number(row["effect_size"]), "", _exact(row["effect_size"])),
    ]


def _steps(row: dict[Any, Any]) -> list[Cell]:
    solved = [f"{row[f'solved_{side}']} of {row[f'runs_{side}']}" for side in ("first", "second")]
    means = [row[f"restricted_mean_steps_{side}"] for side in ("first", "second")]
    return [
        Cell(" against ".join(solved)),
        *(Cell(whole(mean), "", _exact(mean)) for mean in means),
        _estimate(row, "steps_difference"),
        _probability(row["steps_p_holm"]),
        _probability(row["log_rank_p_holm"]),
    ]


def _estimate(row: dict[Any, Any], name: str) -> Cell:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    bounds = "" if is_missing(low) else f"{number(low)} to {number(high)}"
    return Cell(number(row[name]), bounds, _exact(row[name]))


def _probability(p: float) -> Cell:
    return Cell(MISSING if is_missing(p) else "below 0.001" if p < 0.001 else trimmed(p), "", _exact(p))


def _exact(value: float) -> float | None:
    return None if is_missing(value) else float(value)
