"""The report of a search with `--prune`: what was stopped early is no result, and counts as no trial."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from bench.report.content import document
from bench.report.markdown import markdown

FEWER_STOPS = ((118,), (118, 354))


def test_a_task_whose_searches_were_interrupted_has_no_results(
    synthetic: ModuleType, results_of: Callable[..., Any]
) -> None:
    for stops in FEWER_STOPS:
        interrupted = [
            record for model in ("gru", "lstm") for record in synthetic.pruned("copy", model, 1, stops=stops)
        ]
        finished = synthetic.experiment(("sine",), ("gru", "lstm"), seeds=3, trials=2, protocol=2)
        for records in (interrupted, [*finished, *interrupted]):
            results = results_of(records, status="interrupted")
            assert "copy" not in set(results.summary["task"])
            text = markdown(document(results))
            assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE)
