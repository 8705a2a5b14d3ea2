"""How the experiments on the page of `bench compare` were made: machines and software side by side, and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.analysis.added_tasks import environments_of
from bench.analysis.compare_experiments import ExperimentComparison
from bench.analysis.formatting import MISSING, whole
from bench.report.document import Block, Facts, Row, Table, TableCell, Text
from bench.report.sections.made import flat


def made(comparison: ExperimentComparison) -> list[Block]:
    """The environments side by side, and what differs between commands, settings and amounts."""
    described = []
    for results in comparison.experiments:
        manifest = results.manifest
        pairs = flat({"settings": results.settings})
        pairs += [("command", str(manifest.get("command") or MISSING)), ("trainings", whole(len(results.trainings)))]
        described.append(dict(pairs))
    keys = dict.fromkeys(key for pairs in described for key in pairs)
    differing = [key for key in keys if len({pairs.get(key) for pairs in described}) > 1]
    same = [(key, described[0][key]) for key in keys if key not in differing and described[0][key] != MISSING]
    rows = [
        Row([TableCell(key), *(TableCell(pairs.get(key, MISSING)) for pairs in described)], "model")
        for key in differing
    ]
    table = Table("What differs", ("Setting", *comparison.names), rows, texts=1 + len(described))
    settings = [table] if rows else [Text("No setting differs.")]
    return [*_environments(comparison), *settings, Text("Equal:"), Facts(same)]


def _described(environments: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What environments say, as one: where they differ, one after the other."""
    found: dict[str, list[str]] = {}
    for environment in environments:
        for key, value in flat(environment):
            found.setdefault(key, []).append(value)
    return {key: "; ".join(dict.fromkeys(values)) for key, values in found.items()}


def _environments(comparison: ExperimentComparison) -> list[Block]:
    """The machine and the software of each, a column an experiment."""
    tasks = {difference.cell[1] for difference in comparison.differences}
    described = [_described(environments_of(results, tasks)) for results in comparison.experiments]
    keys = dict.fromkeys(key for pairs in described for key in pairs if key)
    rows = [Row([TableCell(key), *(TableCell(pairs.get(key, MISSING)) for pairs in described)]) for key in keys]
    caption = "The machine and the software that each experiment ran these tasks with."
    header = ("Environment", *comparison.names)
    return [Table("Environments", header, rows, caption, texts=1 + len(described))] if rows else []
