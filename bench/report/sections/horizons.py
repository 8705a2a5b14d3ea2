"""How errors grow with the distance of what is forecast."""

from __future__ import annotations

from bench.analysis.formatting import number
from bench.analysis.horizons import horizon_errors
from bench.analysis.results import Results
from bench.report.document import Block, Row, Section, Table, TableCell
from bench.report.sections.layout import by_match

_NAMES = {"rmse": "root mean squared error", "mae": "mean absolute error"}
_CAPTION = (
    "{} on test data in the column's own units, for each distance of the forecast row from the last known row: the "
    "mean over replicates. The references stand beside the models."
)


def horizons_section(results: Results) -> Section:
    """For each target of each task that forecasts several horizons a table of each kind of error; the first is open."""

    def make(match: str) -> list[Block]:
        blocks: list[Block] = []
        for task in results.tasks:
            for (target, error), errors in horizon_errors(results, match, task).items():
                rows = [
                    Row([TableCell(str(ahead)), *(TableCell(number(value), value=float(value)) for value in values)])
                    for ahead, values in zip(errors.index, errors.to_numpy(), strict=True)
                ]
                name = _NAMES[error]
                title = f"{task}: {name} of {target} by rows ahead"
                caption = _CAPTION.format(name.capitalize())
                blocks.append(Table(title, ["rows ahead", *errors.columns], rows, caption, folded=error != "rmse"))
        return blocks

    return Section("horizons", "Error by horizon", by_match(results, make))
