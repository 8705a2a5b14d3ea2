"""Comparisons in words: what people read for "tuned", "hidden", "params", "params 1000" and "hidden 20×1"."""

from __future__ import annotations

from typing import NamedTuple

from bench.analysis.formatting import shortened

LONGEST = 60  # characters of a task's name in a sentence


class Words(NamedTuple):
    """A comparison in a heading or on a button, after "On TASK", and described."""

    heading: str
    place: str
    described: str


def place(task: str, match: str, several: bool) -> str:
    """The beginning of a sentence about a task: "On sine", and where there are several comparisons which of them."""
    name = brief(task)
    return f"On {name}, {words(match).place}" if several else f"On {name}"


def brief(task: str) -> str:
    """A task's name as sentences and lines of progress say it; tables and headings have the whole name.

    Of a long one the first two parameters and the last are kept: both ends tell names apart.

    >>> brief("series[load,MW,features=wind+sun+rain,categorical=holiday,calendar=hour+weekday,horizons=1-24]")
    'series[load,MW,…,horizons=1-24]'
    """
    if len(task) <= LONGEST:
        return task
    name, _, rest = task.partition("[")
    parameters = rest.split(",")
    if len(parameters) > 3:
        task = f"{name}[{','.join(parameters[:2])},…,{parameters[-1]}"
    return shortened(task, LONGEST)


_KINDS = {
    "tuned": Words("tuned", "with each model tuned", "each model at the configuration that its search chose"),
    "hidden": Words("equal hidden size", "at equal hidden size", "all models at the same hidden size and layers"),
    "params": Words("equal parameters", "at equal parameter counts", "all models at the same number of parameters"),
    "flops": Words("equal FLOPs", "at equal FLOPs", "all models at the same number of operations a step"),
    "state": Words("equal state", "at equal state", "all models with as many numbers carried from step to step"),
    "time": Words("equal time", "at equal step time", "all models at the same measured time of an optimiser step"),
}


def words(match: str) -> Words:
    """The words for a comparison as records name it (`match`)."""
    kind, _, rest = match.partition(" ")
    if kind == "params" and rest.isdigit():
        count = f"{int(rest):,} parameters"
        return Words(count, f"at {count}", f"all models at {count}")
    hidden_size, _, layers = rest.partition("×")
    if kind == "hidden" and hidden_size.isdigit() and layers.isdigit():
        size = f"hidden size {int(hidden_size):,} and {layers} layer{'' if layers == '1' else 's'}"
        return Words(size, f"at {size}", f"all models at {size}")
    return _KINDS.get(match, Words(match, f"in the comparison {match}", f"all models in the comparison {match}"))
