"""Compute the predictors without a net of a published study again, on the same data, and compare their losses.

    python tests/recipes/references_again.py                          # results/study
    python tests/recipes/references_again.py results/study-init

They are quick and follow from the seed, so anybody can check them without a training: among them those that were added
after the nets had been trained. The exit code is 1 where a loss differs, or where this code has a predictor that the
study lacks.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
from page import ROOT, table

from bench.analysis.results import Results, load
from bench.config.references import boosting_fits
from bench.experiment import boosting
from bench.records.schema import Record, label
from bench.training.data import load_data, load_references
from tasks.contract import Reference, Task
from tasks.registry import TASKS
from tasks.spec import Spec

STUDY = ROOT / "results" / "study"
RELATIVE, ABSOLUTE = 1e-4, 1e-9  # what another machine's rounding explains; below the second a predictor is exact


@dataclass(frozen=True)
class Agreement:
    """Of one task: scores of predictors by name and replicate that agree, that differ, and that are not published."""

    task: str
    agree: tuple[str, ...]
    differ: tuple[str, ...]
    unpublished: tuple[str, ...]


def agreements(results: Results) -> Iterator[Agreement]:
    """Task by task. Boosted trees are computed where the study has them."""
    published: dict[str, dict[tuple[int, str], Record]] = {}
    for record in results.records:
        if record["stage"] == "reference":
            published.setdefault(label(record["task"]), {})[record["replicate"], record["model"]["label"]] = record
    seed = int(results.settings["seed"])
    for text in results.settings["tasks"]:
        task: Task = TASKS.create(Spec.parse(text))
        yield _agreement(task, seed, published[task.label])


def _agreement(task: Task, seed: int, published: dict[tuple[int, str], Record]) -> Agreement:
    found: dict[str, list[str]] = {"agree": [], "differ": [], "unpublished": []}
    with_trees = any(name == boosting.NAME for _, name in published) and boosting_fits(task)
    for replicate in sorted({replicate for replicate, _ in published}):
        references = list(load_references(task, seed, replicate))
        if with_trees:
            references.append(boosting.boosting(task.at(replicate), load_data(task, seed, replicate)))
        for reference in references:
            record = published.get((replicate, reference.name))
            how = "unpublished" if record is None else "agree" if _is_same(reference, record) else "differ"
            found[how].append(f"{reference.name} {replicate}")
    return Agreement(task.label, **{how: tuple(names) for how, names in found.items()})


def _is_same(reference: Reference, record: Record) -> bool:
    pairs = [(reference.loss, record["test"]["loss"]), (reference.valid_loss, record["valid_loss"])]
    return all(
        here == there
        if here is None or there is None
        else math.isclose(here, there, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        for here, there in pairs
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=STUDY)
    folder = parser.parse_args().folder
    rows, wrong = [], []
    for found in agreements(load(folder.name, folder.parent)):
        rows.append([f"`{found.task}`", len(found.agree), len(found.differ), len(found.unpublished)])
        wrong += [f"{found.task}: {name}" for name in (*found.differ, *found.unpublished)]
        print(f"{found.task}: {len(found.agree)} agree", file=sys.stderr)
    print(table(["task", "agree", "differ", "not published"], rows))
    print("\n".join(wrong))
    print(f"{sum(row[1] for row in rows)} scores agree, {len(wrong)} do not")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
