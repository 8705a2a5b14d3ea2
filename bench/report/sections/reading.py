"""How to read the report."""

from __future__ import annotations

from bench.analysis.model_pairs import ENOUGH
from bench.report.document import Points, Section


def reading_section() -> Section:
    points = (
        "Every model of a comparison sees the same data in the same order for a given seed, so differences are taken "
        "seed by seed. An effect is a ratio of geometric mean test losses; its interval is a 95 % t-interval of the "
        "paired differences of log loss.",
        f"A verdict is settled when at least {ENOUGH} seeds are shared and the difference survives Holm's correction "
        "over all pairs of models on all tasks of this experiment, at 5 %. One outcome decides, the test loss; solved "
        "seeds, metrics and steps stand beside it. “Not settled” does not mean “equal”.",
        "Configurations were chosen on validation data of the search. Results come from fresh trainings on fresh "
        "seeds and from test data that the search never saw.",
        "A floor is the naive predictor, with skill 0. A baseline is any other predictor without a recurrent net. A "
        "limit is the best that the noise allows: a model below it has seen the test data.",
        "Losses are means over test data in the task's own loss (squared error or nats). A dash is a value that was "
        "not measured or cannot be estimated; it is never zero.",
        "All of it can be derived again from records.jsonl; the same numbers are in trainings.csv, curves.csv, "
        "timings.csv and summary.csv beside it.",
    )
    return Section("reading", "How to read the numbers", [Points(points)])
