"""Predictors without a net that are compared with on request (`--references`): which tasks they fit, what they need."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from tasks.contract import Task
from tasks.errors import UserError


def predicts_numbers(task: Task) -> bool:
    """Whether a regression on the values of the window can take a task: numbers, one prediction for each sequence."""
    return task.loss == "mse" and not task.per_step


def require_references(names: Sequence[str], tasks: Sequence[Task]) -> None:
    """Raise UserError where what was asked for is not installed, or fits none of the tasks."""
    if "boosting" not in names:
        return
    if importlib.util.find_spec("sklearn") is None:
        raise UserError("--references boosting needs scikit-learn, which is not installed: pip install 'bench[data]'")
    if not any(map(predicts_numbers, tasks)):
        raise UserError(
            f"--references boosting fits none of {', '.join(task.label for task in tasks)}: expected a task that "
            "predicts numbers, once for each sequence. Leave out --references"
        )
