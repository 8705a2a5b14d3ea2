"""`Choice` and `Range`, for the fields of a model: `kernel_size: int = Choice(3, 5, 7)`."""

from tasks.ranges import Choice, Range

__all__ = ["Choice", "Range"]
