"""Why a check ends without a verdict."""

from __future__ import annotations

from tasks.errors import UserError


class CantCompare(UserError):  # noqa: N818 - it reads as what it says
    """The baseline can't be compared with this code; the text says why, and what to do. Exit code 3."""
