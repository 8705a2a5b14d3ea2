"""Compute the predictors without a net of a published study again, on the same data, and compare their losses.

    python tests/recipes/references_again.py                          # results/study
    python tests/recipes/references_again.py results/study-init
    python tests/recipes/references_again.py results/study --add      # those that this code has and the study lacks

They are quick and follow from the seed, so anybody can check them without a training: among them those that were added
after the nets had been trained. The exit code is 1 where a loss differs, or where this code has a predictor that the
study lacks. `--add` publishes these, where all others agree: on the same data, which the others' scores show.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
from page import ROOT, table

from bench.analysis.publish import files_of, put
from bench.analysis.results import Results, load
from bench.config.references import predicts_numbers
from bench.experiment import boosting
from bench.experiment.references import MADE
from bench.measure.environment import describe, fingerprint
from bench.records import manifest
from bench.records.schema import Record, label
from bench.training.data import load_data, load_references
from bench.training.train import skill
from tasks.contract import Reference, Task
from tasks.registry import TASKS
from tasks.spec import Spec

STUDY = ROOT / "results" / "study"
RELATIVE, ABSOLUTE = 1e-4, 1e-9  # what another machine's rounding explains; below the second a predictor is exact


@dataclass(frozen=True)
class Agreement:
    """Of one task: scores of predictors by name and replicate that agree, that differ, and that are not published.

    new: records of the last.
    """

    task: str
    agree: tuple[str, ...]
    differ: tuple[str, ...]
    unpublished: tuple[str, ...]
    new: tuple[Record, ...]


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
    new = []
    trees = any(name == boosting.NAME for _, name in published)
    more = [name for name in MADE if predicts_numbers(task) and (trees or name != boosting.NAME)]
    for replicate in sorted({replicate for replicate, _ in published}):
        references = list(load_references(task, seed, replicate))
        references += [MADE[name](task.at(replicate), load_data(task, seed, replicate)) for name in more]
        for reference in references:
            record = published.get((replicate, reference.name))
            how = "unpublished" if record is None else "agree" if _is_same(reference, record) else "differ"
            found[how].append(f"{reference.name} {replicate}")
            if record is None:
                other = next(one for (at, _), one in published.items() if at == replicate)
                floor = next(one for one in references if one.kind == "floor")
                new.append(_record(reference, other, floor))
    return Agreement(task.label, **{how: tuple(names) for how, names in found.items()}, new=tuple(new))


def _record(reference: Reference, other: Record, floor: Reference) -> Record:
    """The record of a reference, from that of another one on the same data."""
    described = {name: getattr(reference, name) for name in ("name", "kind", "how")}
    return {
        **other,
        "model": {**described, "label": reference.name},
        "valid_loss": reference.valid_loss,
        "test": {"loss": reference.loss, "skill": skill(reference.loss, floor.loss), **reference.metrics},
    }


def add(results: Results, new: Sequence[Record]) -> None:
    """Write a publication again, with further references; the manifest says what was added, with which command."""
    folder, records = Path(results.folder or ""), (*results.records, *new)
    environment = describe(uses_torch=False)
    part = {
        "name": "references",
        "tasks": [],
        "references": sorted({record["model"]["label"] for record in new}),
        "command": f"python tests/recipes/references_again.py results/{folder.name} --add",
        "environment": environment,
        "environment_fingerprint": fingerprint(environment),
    }
    content = {
        **results.manifest,
        manifest.ADDED: [*(results.manifest.get(manifest.ADDED) or ()), part],
        manifest.PUBLISHED: {**results.manifest[manifest.PUBLISHED], "records": len(records)},
    }
    put(folder, files_of(results, content, records), content)


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
    parser.add_argument("--add", action="store_true", help="publish the predictors that the study lacks")
    given = parser.parse_args()
    results = load(given.folder.name, given.folder.parent)
    rows, differ, new = [], [], []
    for found in agreements(results):
        rows.append([f"`{found.task}`", len(found.agree), len(found.differ), len(found.unpublished)])
        differ += [f"{found.task}: {name} differs" for name in found.differ]
        new += found.new
        print(f"{found.task}: {len(found.agree)} agree", file=sys.stderr)
    print(table(["task", "agree", "differ", "not published"], rows))
    print("\n".join(differ))
    print(f"{sum(row[1] for row in rows)} scores agree, {len(differ)} differ, {len(new)} are not published")
    if given.add and new and not differ:
        add(results, new)
        print(f"added {len(new)} to {given.folder}")
        return 0
    return int(bool(differ or new))


if __name__ == "__main__":
    sys.exit(main())
