"""The error for users: a mistake in their input, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What is wrong, what was expected, and what to do next. The command line prints it alone and exits with code 2."""


def unknown(kind: str, given: str, valid: Iterable[str], means: str | None = None) -> UserError:
    """The error for a name that does not exist. It names the nearest valid name (or `means`), and all of them.

    >>> str(unknown("model", "gur", ["gru", "lstm"]))
    "unknown model 'gur': did you mean 'gru'? Valid: gru, lstm"
    """
    names = sorted(valid)
    near = means or next(iter(difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.6)), None)
    hint = f"did you mean '{near}'? " if near else ""
    return UserError(f"unknown {kind} '{given}': {hint}Valid: {', '.join(names) or 'none'}")
