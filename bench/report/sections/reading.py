"""How to read the report."""

from __future__ import annotations

from bench.analysis.levels import ENOUGH, MARGIN
from bench.analysis.results import Results
from bench.report.document import BulletList, Section

_PROTOCOLS = {
    1: "Protocol 1: one search on data of its own chose each model's configuration, which was then trained once a "
    "replicate. Intervals cover replicates and not the luck of that search.",
    2: "Protocol 2: a replicate is the whole procedure: data of its own, a search of its own, and the test loss of the "
    "trial that was best on validation data. Intervals cover the search.",
}


def reading_section(results: Results) -> Section:
    points = (
        _PROTOCOLS[results.protocol],
        "All models of a replicate see the same data in the same order, so differences are taken within replicates. "
        "An error that is so much lower is a ratio of geometric mean test losses; its 95 % interval is a t interval of "
        "the paired differences of log loss. A failed training counts as the worst result.",
        f"A winner has the lowest loss of all models over at least {ENOUGH} replicates: the largest p of its pairs "
        "with every rival is below 5 % after Benjamini and Hochberg's correction over tasks and rules. Whom else a "
        "model beats is corrected over all pairs. So of all such statements at most one in twenty is expected to be "
        "chance; where nothing differs, the chance that there is any is 5 %. “Practically equal” means that the losses "
        f"differ by less than {100 * MARGIN:g} % (two one-sided tests); “no clear winner” does not mean “equal”.",
        "The best predictor without a recurrent net is a contender too. It is chosen on validation data where records "
        "hold its validation loss, else on test data. A net is needed if the one of lowest test loss beats it: p is "
        "multiplied by the number of nets and corrected over tasks. None is needed if it beats all nets: the largest p "
        "counts. Another predictor without a net, which was not tried, may do better than those that were.",
        "A floor is the naive predictor, with skill 0. A baseline is any other predictor without a recurrent net. A "
        "limit is the best that the noise allows: a model below it has seen the test data.",
        "Losses are means over test data in the task's own loss (squared error or nats). A dash is a value that was "
        "not measured or cannot be estimated; it is never zero.",
        "All of it can be derived again from records.jsonl; the same numbers are in trainings.csv, curves.csv, "
        "timings.csv and summary.csv beside it.",
    )
    return Section("reading", "How to read the numbers", [BulletList(points)])
