"""What each task of an experiment asks a model to predict."""

from __future__ import annotations

from bench.analysis.results import Results


def task_lines(results: Results) -> list[str]:
    """A line for all tasks of which the same is said; none where an earlier bench ran them, which did not record it."""
    tasks: dict[str, list[str]] = {}
    for label, text in (results.manifest.get("asks") or {}).items():
        tasks.setdefault(text, []).append(label)
    return [f"{', '.join(labels)}: {text}" for text, labels in tasks.items()]
