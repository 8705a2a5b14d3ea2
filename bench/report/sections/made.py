"""How the experiment was made: settings, environment, limits and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.analysis.added_tasks import run_elsewhere
from bench.analysis.formatting import MISSING, listed
from bench.analysis.labels import brief
from bench.analysis.results import Results
from bench.records.manifest import ADDED
from bench.report.document import Block, BulletList, Code, Facts, Links, Section, Text

LIMITS = (
    "One machine, one software stack. Another one has other times, and its rounding makes single trainings end "
    "elsewhere; losses over all replicates should agree within their intervals.",
    "Verdicts hold for these tasks, sizes, budgets and search ranges. A larger budget may change them; a best on the "
    "edge of its range is a reason to widen it.",
    "Who wins rests on test losses alone. Steps to target and solve rates are tested beside them, in families of their "
    "own; metrics and times are described.",
)

LIMIT_OF_ADDED = "Not all tasks were run on one machine with one software stack: compare times on one task alone."


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as names with values: `versions.torch`, "2.13.0"."""
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, list):
        value = ", ".join(_shown(item) for item in value) or None
    return [(prefix, _shown(value))]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return MISSING if value is None else str(value)


def made_section(results: Results, tables: Mapping[str, str]) -> Section:
    manifest = results.manifest
    blocks: list[Block] = []
    if manifest.get("command"):
        blocks += [Text("The command that made these results:"), Code(str(manifest["command"]))]
    device = manifest.get("device") or {}
    if device.get("picked"):
        blocks.append(Text(f"Device: {device.get('reason') or device['picked']}"))  # the reason names the device
    if results.settings:
        blocks += [Text("Settings:"), Facts([pair for pair in flat(results.settings) if pair[1] != MISSING])]
    if manifest.get("environment"):
        blocks += [Text("Environment:"), Facts(flat(manifest["environment"]))]
    for part in manifest.get(ADDED) or ():
        tasks = [brief(task) for task in part.get("tasks") or ()]
        what = listed(tasks) if tasks else "predictors without a net"
        blocks += [Text(f"Added later, from '{part.get('name')}': {what}."), Code(str(part.get("command") or MISSING))]
        reason = (part.get("device") or {}).get("reason")
        blocks += [Text(f"Device: {reason}")] if reason else []
        blocks.append(Facts(flat(part.get("environment") or {})))
    if tables:
        blocks.append(Links("All numbers, as tables:", list(tables.items())))
    if blocks:
        blocks += [
            Text("Known limits:"),
            BulletList([LIMIT_OF_ADDED, *LIMITS[1:]] if run_elsewhere(results) else LIMITS),
        ]
    return Section("made", "How it was made", blocks)
