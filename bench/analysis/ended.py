"""How many trainings and measurements of an experiment did not end well, in words that are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable

from bench.analysis.formatting import counted, listed
from bench.records.schema import TRAININGS, Record, unique


def did_not_end_well(records: Iterable[Record]) -> str:
    """The beginning of a sentence: "2 of 40 trainings and 1 of 17 measurements did not end well"; empty if all did.

    Measurements are examinations and timings.
    """
    done = [record for record in unique(records) if record["stage"] != "reference"]
    groups = {
        "training": [record for record in done if record["stage"] in TRAININGS],
        "measurement": [record for record in done if record["stage"] not in TRAININGS],
    }
    said = []
    for word, group in groups.items():
        if failed := sum(record.get("status", "ok") != "ok" for record in group):
            said.append(f"{failed:,} of {counted(len(group), word)}")
    return f"{listed(said)} did not end well" if said else ""
