"""The report's section on gradient flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.analysis import stats
from bench.analysis.formatting import MISSING, listed, number
from bench.analysis.gradient_tables import factor_table, flow_table
from bench.analysis.labels import brief
from bench.analysis.results import Results
from bench.report.document import Block, Gallery, Row, Section, Table, TableCell
from bench.report.figures.gradient import gradient_flow

if TYPE_CHECKING:
    import pandas as pd

CAPTION = (
    "How much of the gradient of the last answer's loss is left so many steps back (norm of dL/dh, as a share of its "
    "value at lag 1; a mean over 16 sequences). A line that falls vanishes: what lies there cannot be learnt from. One "
    "above the dotted line explodes. First each cell at its default initial weights, then after training, then the "
    "initial weights of each cell under each scheme; “orthogonal × 2” is the orthogonal one with recurrent matrices of "
    "spectral radius 2, which is probed and not trained. One replicate."
)
FACTORS = (
    "What one step further back multiplies the norm by: below 1 it vanishes, above 1 it explodes. Geometric means over "
    "lags and replicates, with a 95 % t-interval of their logarithm over replicates (with two, their range); for an "
    "LSTM also of its cell state."
)


def gradients_section(results: Results) -> Section:
    """Figures and factors of the first comparison of each task; empty where nothing was probed."""
    table, factors = flow_table(results.records), factor_table(results.records)
    pictures, rows = [], []
    for t, task in enumerate(results.tasks):
        of_task = table[table["task"] == task]
        if not len(of_task):
            continue
        of_task = of_task[of_task["match"] == of_task["match"].iloc[0]]
        initial, trained = (of_task[of_task["state"] == state] for state in ("initial", "trained"))
        order = {model: place for place, model in enumerate(results.models)}  # so that colours are the models' own
        cells = sorted(dict.fromkeys(initial["cell"]), key=lambda cell: order.get(cell, len(order)))
        default = initial[initial["init"] == "default"]
        pictures.append(gradient_flow(f"flow-{t + 1}", f"{brief(task)}, before training", default, cells, "cell"))
        models = [model for model in results.models if (trained["model"] == model).any()]
        if models:  # none where all trained weights overflow
            pictures.append(gradient_flow(f"flow-{t + 1}-trained", f"{brief(task)}, trained", trained, models, "model"))
        for alike in _alike(initial, cells):
            schemes = initial[initial["cell"] == alike[0]]
            names = list(dict.fromkeys(schemes["init"]))
            if len(names) > 1:
                name = f"flow-{t + 1}-{cells.index(alike[0]) + 1}"
                title = f"{listed(alike)} on {brief(task)}, by initial weights"
                pictures.append(gradient_flow(name, title, schemes, names, "init"))
        match = of_task["match"].iloc[0]
        own = factors[(factors["task"] == task) & (factors["match"] == match)]
        rows += [_row(group) for _, group in own.groupby(["model", "init", "state"], sort=False)]
    if not pictures:
        return Section("gradients", "Gradient flow", [])
    header = ("Task", "Model", "Weights", "Hidden state", "Cell state")
    table_of_factors = Table("Gradient a step", header, rows, FACTORS, texts=3, folded=len(rows) > 12)
    blocks: list[Block] = [Gallery(pictures, CAPTION), table_of_factors]
    return Section("gradients", "Gradient flow", blocks)


def _alike(initial: pd.DataFrame, cells: Sequence[str]) -> list[list[str]]:
    """The cells, those together whose gradients are the same under every scheme: implementations of one cell."""
    found: dict[tuple[tuple[str, int, float, float], ...], list[str]] = {}
    for cell in cells:
        rows = initial[initial["cell"] == cell][["init", "lag", "hidden_norm", "cell_norm"]]
        rows = rows.fillna(-1.0)  # missing numbers are alike
        found.setdefault(tuple(rows.itertuples(index=False, name=None)), []).append(cell)
    return list(found.values())


def _row(group: pd.DataFrame) -> Row:
    """One model's weights of one kind: geometric means over replicates, with their interval."""
    first = group.iloc[0]
    weights = str(first["init"]) if first["state"] == "initial" else "trained"
    texts = [
        TableCell(str(first["task"])),
        TableCell(str(first["model"]), f"hidden {first['hidden_size']}"),
        TableCell(weights),
    ]
    return Row([*texts, *(_factor(group[key].dropna().to_numpy(float)) for key in ("hidden_factor", "cell_factor"))])


def _factor(values: NDArray[np.float64]) -> TableCell:
    found = stats.mean_interval(np.log(values))
    if not found.n:
        return TableCell(MISSING)
    low, high = (found.low, found.high) if found.n > 2 else (np.log(values).min(), np.log(values).max())
    spread = f"{number(np.exp(low))} to {number(np.exp(high))}, {found.n} replicates" if found.n > 1 else ""
    mean = float(np.exp(found.value))
    return TableCell(number(mean), spread, mean)
