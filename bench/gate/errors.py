"""The error of a check that cannot give a result."""

from __future__ import annotations

from tasks.errors import UserError


class NotComparable(UserError):  # noqa: N818 - named after the outcome that it leads to
    """The baseline cannot be compared with this code. The message says why and what to do. Exit code 3."""
