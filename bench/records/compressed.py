"""Files that are kept compressed in a published folder: the same content gives the same bytes, and none is a bomb."""

from __future__ import annotations

import io
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tasks.errors import UserError

LARGEST = 1 << 30  # bytes of the content: far more than the records of any experiment that is published


class _Bounded(io.RawIOBase):
    """At most `LARGEST` bytes of another stream; ValueError beyond."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner, self._left = inner, LARGEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        part = self._inner.read(len(buffer))
        self._left -= len(part)
        if self._left < 0:
            raise ValueError(f"it holds more than {LARGEST:,} bytes")
        buffer[: len(part)] = part
        return len(part)


def packed(content: bytes) -> bytes:
    """The content compressed (xz)."""
    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)


@contextmanager
def unpacked(path: Path) -> Iterator[io.BufferedReader[Any]]:
    """The content of a file that `packed` made; UserError where it is damaged, or far too large."""
    try:
        with lzma.open(path) as file, io.BufferedReader(_Bounded(file)) as lines:
            yield lines
    except (lzma.LZMAError, EOFError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}): fetch the folder again from where it was published") from error
