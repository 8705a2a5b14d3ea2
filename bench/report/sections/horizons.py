"""How errors grow with the distance of what is forecast."""

from __future__ import annotations

from bench.analysis.formatting import number
from bench.analysis.horizons import horizon_errors
from bench.analysis.results import Results
from bench.report.document import Block, Row, Section, Table, TableCell
from bench.report.sections.layout import by_match

_CAPTION = (
    "Root mean squared error on test data in the column's own units, for each distance of the forecast row from the "
    "last known row: the mean over replicates. The references stand beside the models."
)


def horizons_section(results: Results) -> Section:
    """A table for each target of each task that forecasts several horizons."""

    def make(match: str) -> list[Block]:
        blocks: list[Block] = []
        for task in results.tasks:
            for target, errors in horizon_errors(results, match, task).items():
                rows = [
                    Row([TableCell(str(ahead)), *(TableCell(number(value), value=float(value)) for value in values)])
                    for ahead, values in zip(errors.index, errors.to_numpy(), strict=True)
                ]
                title = f"{task}: {target} by rows ahead"
                blocks.append(Table(title, ["rows ahead", *errors.columns], rows, _CAPTION))
        return blocks

    return Section("horizons", "Error by horizon", by_match(results, make))
