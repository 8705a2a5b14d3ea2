"""The tables of models in pairs: test losses with their effect sizes, and steps to target under censoring."""

from __future__ import annotations

from typing import Any

from bench.analysis.formatting import MISSING, estimated, is_missing, number, trimmed, whole
from bench.analysis.results import Results
from bench.report.document import Block, Row, Table, TableCell, Text

MOST = 8  # models: of more, a table of all pairs is a file and nothing to read
TOO_MANY = f"Of more than {MOST} models the pairs are in numbers in pairs.csv (report --format csv)."

LOSSES = (
    "Test loss of the first model as a multiple of the second's, a geometric mean over paired replicates with a 95 % "
    "interval; p corrected over all pairs of the experiment, with a failure as the worst result. Effect "
    "size: the mean difference of the logarithms in units of its own spread over replicates, corrected for small "
    "numbers (Hedges 1981); below 0 the first is better, and 0.8 in size is commonly called large. Whether the best "
    "model of a task wins is one question a task, corrected over tasks and not over pairs; where its answer differs "
    "from that of the pair, the pair has its p here."
)
STEPS = (
    "Mean: the steps that a run spends unsolved on average; one that never reaches the target counts with the whole "
    "budget. Ratio: steps of the first as a multiple of the second's, a geometric mean over paired replicates with a "
    "95 % t interval; its p is that of the t-test, or of an exact sign-flip test where a run never reached the target "
    "or two differences are the same. Solved p: McNemar's exact test of the solve rates. Log-rank: Mantel's test of "
    "the two curves above, unpaired, by permutation. Each p is corrected over all pairs of the experiment, "
    "each test a family of its own. A dash: too few replicates, or neither model ever reached the target."
)


def loss_pairs(results: Results, match: str) -> list[Block]:
    """The paired comparisons of test losses of one comparison, folded; empty for a single model."""
    return _table(results, match, "Pairs in numbers", ("Replicates", "Loss ratio", "p", "Effect size"), LOSSES, _loss)


def step_pairs(results: Results, match: str) -> list[Block]:
    """The paired comparisons of steps to target of one comparison, folded; empty where nobody solved anything."""
    columns = ("Solved", "Solved p", "Mean, first", "Mean, second", "Ratio", "p", "Log-rank p")
    found = _table(results, match, "Steps to target in pairs", columns, STEPS, _steps)
    own = results.conclusions.pair_table
    own = own[own["match"] == match]
    return found if (own["solved_first"] + own["solved_second"]).sum() else []


def _table(results: Results, match: str, title: str, columns: tuple[str, ...], caption: str, cells: Any) -> list[Block]:
    table = results.selected
    models = table[table["match"] == match]["model"].nunique()
    if models < 2:
        return []
    if models > MOST:
        return [Text(TOO_MANY)]
    found = results.conclusions.pair_table
    rows = [
        Row([TableCell(row["task"]), TableCell(f"{row['first']} against {row['second']}"), *cells(row)], "model")
        for row in found[found["match"] == match].to_dict("records")
    ]
    return [Table(title, ("Task", "Models", *columns), rows, caption, texts=2, folded=True)] if rows else []


def _loss(row: dict[Any, Any]) -> list[TableCell]:
    return [
        TableCell(whole(row["n"]), "", int(row["n"])),
        _estimate(row, "loss_ratio"),
        _probability(row["loss_p_adjusted"]),
        TableCell(number(row["effect_size"]), "", _exact(row["effect_size"])),
    ]


def _steps(row: dict[Any, Any]) -> list[TableCell]:
    solved = [f"{row[f'solved_{side}']} of {row['steps_n']}" for side in ("first", "second")]
    means = [row[f"restricted_mean_steps_{side}"] for side in ("first", "second")]
    return [
        TableCell(" against ".join(solved)),
        _probability(row["solved_p_adjusted"]),
        *(TableCell(whole(mean), "", _exact(mean)) for mean in means),
        _estimate(row, "steps_ratio"),
        _probability(row["steps_p_adjusted"]),
        _probability(row["log_rank_p_adjusted"]),
    ]


def _estimate(row: dict[Any, Any], name: str) -> TableCell:
    return TableCell(*estimated(row[name], row[f"{name}_low"], row[f"{name}_high"]), _exact(row[name]))


def _probability(p: float) -> TableCell:
    return TableCell(MISSING if is_missing(p) else "below 0.001" if p < 0.001 else trimmed(p), "", _exact(p))


def _exact(value: float) -> float | None:
    return None if is_missing(value) else float(value)
