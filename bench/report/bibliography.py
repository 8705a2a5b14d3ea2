"""What a report must cite: the sources that its tasks and models declare, and those of the methods that it used.

`references.bib` beside this file has every entry, by the keys that tasks and models name in `cites`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bench.analysis.results import Results
from bench.records.schema import trainings as trainings_of

_METHODS: dict[str, Callable[[Results], bool]] = {
    "kingma2015": lambda results: len(results.trainings) > 0,
    "bouthillier2021": lambda results: results.protocol == 2,
    "akiba2019": lambda results: bool((results.trainings["trial"] > 0).any()),
    "benjamini1995": lambda results: len(results.conclusions.pairs) > 0,
    "holm1979": lambda results: len(results.conclusions.claims) > 0,
    "schuirmann1987": lambda results: len(results.conclusions.pairs) > 0,
    "hall1992": lambda results: any(pair.skewed for pair in results.conclusions.pairs),
    "hedges1981": lambda results: len(results.conclusions.pairs) > 0,
    "wilson1927": lambda results: len(results.selected) > 0,
    "kaplan1958": lambda results: bool(results.selected["steps_to_target"].notna().any()),
    "agarwal2021": lambda results: results.selected["task"].nunique() > 1,
    "nadeau2003": lambda results: bool(results.shared_rows),
    "hyndman2021": lambda results: "seasonal_naive" in set(results.references["model"]),
    "gauthier2021": lambda results: "polynomial_ar" in set(results.references["model"]),
    "saunders1998": lambda results: "kernel_ridge" in set(results.references["model"]),
    "friedman2001": lambda results: "boosting" in set(results.references["model"]),
    "pedregosa2011": lambda results: "boosting" in set(results.references["model"]),
}
"""Methods that a report may use, by the key of their source, and whether it does."""


def cited(results: Results) -> list[str]:
    """The keys of all sources, sorted; of tasks and models those that their records name."""
    parts = [record.get(part) or {} for record in trainings_of(results.records) for part in ("task", "model")]
    declared = {str(key) for part in parts for key in part.get("cites") or ()}
    return sorted(declared | {key for key, used in _METHODS.items() if used(results)})


def bibliography(results: Results) -> str:
    """The BibTeX file of a report. A key without an entry, as a plug-in may name one, is left to its author."""
    known = entries()
    return "\n".join(known.get(key, f"% {key}: add the entry of this source\n") for key in cited(results))


def entries() -> dict[str, str]:
    """The entries by key, as BibTeX."""
    text = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
    return {match[1]: f"{match[0].strip()}\n" for match in re.finditer(r"^@\w+\{(\w+),.*?^\}", text, re.M | re.S)}
