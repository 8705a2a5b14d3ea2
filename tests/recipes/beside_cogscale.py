"""Write what bench measures beside the scores that the authors of cogscale publish, into docs/study_literature.md.

    python -m bench run --recipe cogscale --models gru,lstm --lr-range 0.01,0.01 --trials 1 --replicates 10 \\
        --clip-norm none --name cogscale-published
    python tests/recipes/with_patience.py results/cogscale-patience.csv
    python tests/recipes/beside_cogscale.py --write     # without --write the text is printed

Their setting with this project's code: the same tasks, numbers of parameters, learning rate, batches and epochs, other
seeds; once with their rule for the weights that are kept, once with bench's. Their means and standard deviations stand
in cogscale_published.csv. Each pair of means is compared by Welch's test; Holm's correction is over all pairs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
from scipy import stats as scipy_stats

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
from page import ROOT, table, write_section

from bench.analysis.levels import LEVEL
from bench.analysis.results import Results, load
from bench.analysis.stats import holm
from tasks.cogscale import Cogscale

PUBLISHED = Path(__file__).with_name("cogscale_published.csv")
PAGE = ROOT / "docs" / "study_literature.md"
SECTION = "cogscale"
NAME = "cogscale-published"
PATIENCE = "cogscale-patience.csv"
CELL = ["task", "target_params", "model"]


def published() -> pd.DataFrame:
    """Their scores: one row a task, number of parameters and model."""
    return pd.read_csv(PUBLISHED, comment="#")


def measured(results: Results) -> pd.DataFrame:
    """Our scores in the same columns; a failed training has none."""
    rows = results.selected[results.selected["status"] == "ok"]
    rows = rows.assign(
        task=rows["task"]
        .str.extract(r"task=(\w+)", expand=False)
        .fillna(Cogscale().task),  # a default is not in labels
        target_params=rows["match"].str.extract(r"(\d+)", expand=False).astype(int),
    )
    return moments(rows)


def moments(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation of the scores of each task, number of parameters and model. rows: one a training."""
    return (
        rows.groupby(CELL)
        .agg(
            parameter_count=("parameter_count", "first"),
            score_mean=("score", "mean"),
            score_std=("score", "std"),
            n=("score", "size"),
        )
        .reset_index()
    )


def side_by_side(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Both, with the p-value of each pair of means. Two that are equal without any spread have 1."""
    both = theirs.merge(ours, on=CELL, suffixes=("_theirs", "_ours"), validate="one_to_one")
    if len(both) < len(theirs):
        raise SystemExit(f"{len(theirs) - len(both)} of {len(theirs)} published scores have none of ours beside them")
    numbers = [
        both[f"{name}_{whose}"].to_numpy(float)
        for whose in ("theirs", "ours")
        for name in ("score_mean", "score_std", "n")
    ]
    p = scipy_stats.ttest_ind_from_stats(*numbers, equal_var=False).pvalue
    return both.assign(p=pd.Series(p, index=both.index).fillna(1.0))


def section(both: pd.DataFrame) -> str:
    """A row a task, and how many pairs differ, as Markdown."""
    adjusted = pd.Series(holm(both["p"].tolist()), index=both.index)
    rows = []
    for task, of_task in both.groupby("task", sort=True):
        cells = [
            "; ".join(
                f"{mean:.2g} ± {deviation:.1g}"
                for mean, deviation in (
                    (row.score_mean_theirs, row.score_std_theirs),
                    (row.score_mean_ours, row.score_std_ours),
                )
            )
            + (" \\*" if adjusted[row.Index] < LEVEL else "")
            for row in of_task.sort_values(["target_params", "model"]).itertuples()
        ]
        rows.append([str(task), *cells])
    header = ["theirs; ours", "gru, 1,000", "lstm, 1,000", "gru, 10,000", "lstm, 10,000"]
    differ, clearly = int((both["p"] < LEVEL).sum()), int((adjusted < LEVEL).sum())
    inside = int(((both["score_mean_ours"] - both["score_mean_theirs"]).abs() <= both["score_std_theirs"]).sum())
    lower = int((both["score_mean_ours"] < both["score_mean_theirs"]).sum())
    counts = (
        f"Mean ± standard deviation of the score (lower is better), over their 10 seeds and our "
        f"{both['n_ours'].min()} replicates. Of our {len(both)} means {inside} lie within their mean ± standard "
        f"deviation, and {lower} are lower. By Welch's test {differ} of the pairs differ with p < {LEVEL:g}, where "
        f"{LEVEL * len(both):.1f} would by chance alone; after Holm's correction {clearly} differ (\\*)."
    )
    return f"{table(header, rows)}\n\n{counts}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", default="results", help=f"where {NAME}/records.jsonl and {PATIENCE} are")
    parser.add_argument("--write", action="store_true", help=f"put the text into {PAGE.name}")
    asked = parser.parse_args()
    results = load(NAME, asked.results)
    if (status := results.manifest.get("status")) != "complete":
        raise SystemExit(f"{asked.results}/{NAME} is {status}: run it to its end first; nothing written")
    with_their_rule = moments(pd.read_csv(Path(asked.results) / PATIENCE))
    text = "\n\n".join(
        f"{heading}\n\n{section(side_by_side(ours, published()))}"
        for heading, ours in (
            ("With their stopping rule:", with_their_rule),
            (
                "With the weights of the lowest validation loss of all 50 epochs, as bench keeps them:",
                measured(results),
            ),
        )
    )
    if asked.write:
        write_section(SECTION, text, PAGE)
    else:
        print(text)


if __name__ == "__main__":
    main()
