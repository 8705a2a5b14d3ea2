"""What `--prune` costs in test loss: the search replayed on trials that were all trained to the end.

    python -m bench run --config FILE.toml --name whole      # a search without --prune
    python tests/calibration/pruning.py whole

Of every search the learning curves say what each trial would have had at a stop, so the trial that a pruned search
would have selected is known. Prints, for each model on each task, its test loss as a multiple of that of the trial
which the whole search selected (geometric means over replicates).
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from typing import Any

import numpy as np

from bench.analysis.results import load
from bench.experiment.pruning import PrunedSearch
from bench.experiment.search import Trial


class Replay:
    """A study whose trials are known; it stands in for an Optuna study."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records, self.left, self.told = records, list(range(len(records))), list[int]()
        self.best = None

    def ask(self, most: int) -> list[Trial]:
        asked, self.left = self.left[:most], self.left[most:]
        return [Trial(number, None, None) for number in asked]  # type: ignore[arg-type]

    def tell(self, trial: Trial, _: Any) -> None:
        self.told.append(trial.number)

    def prune(self, *_: Any) -> None:
        """Told of a trial that was stopped."""

    fail = prune


def lowest(record: dict[str, Any], stop: int | None = None) -> float:
    """The lowest validation loss of a training, or of its beginning."""
    curve = record["curve"]
    return min(
        loss
        for step, loss in zip(curve["step"], curve["valid_loss"], strict=True)
        if loss is not None and (stop is None or step <= stop)
    )


def selected(records: list[dict[str, Any]]) -> tuple[float, int]:
    """The test loss of the trial that a pruned search selects, and how many were trained to the end."""
    study, steps = Replay(records), records[0]["curve"]["step"]
    search = PrunedSearch(study, steps[-1], steps[1] - steps[0])  # type: ignore[arg-type]
    while trials := search.next_trials():
        losses = [lowest(records[trial.number], trial.steps) for trial in trials]
        search.tell([{"status": "ok", "curve": {"valid_loss": [loss]}} for loss in losses])
    best = min(study.told, key=lambda number: lowest(records[number]))
    return float(records[best]["test"]["loss"]), len(study.told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of an experiment without --prune")
    parser.add_argument("--results", default="results")
    arguments = parser.parse_args()
    searches: dict[tuple[str, str, str], dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for record in load(arguments.name, arguments.results).records:
        if record["stage"] == "trial" and record.get("status") == "ok":
            key = (record["match"], record["task"]["label"], record["model"]["label"])
            searches[key][record["replicate"]].append(record)
    for (match, task, model), replicates in searches.items():
        ratios, whole = [], 0
        for records in replicates.values():
            records.sort(key=lambda record: record["trial"])
            loss, count = selected(records)
            ratios.append(loss / min(records, key=lowest)["test"]["loss"])
            whole += count
        mean = math.exp(np.mean(np.log(ratios)))
        of = sum(map(len, replicates.values()))
        print(f"{match} {task:28} {model:6} {mean:5.2f} times, {whole} of {of} trials trained to the end")


if __name__ == "__main__":
    main()
