"""`bench list` reads names and summaries from classes whose modules import numpy, and computes nothing.

Numpy takes longer to load than all the rest of such a command, so it is loaded when something asks for a part of it.
(`importlib.util.LazyLoader` does not help: an `import` statement already looks at `__spec__`, and so loads it.)
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from typing import Any


class _OnDemand(types.ModuleType):
    """Stands for a module until an attribute is asked for; then the real one takes its place."""

    def __getattr__(self, attribute: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)


def defer_numpy() -> None:
    """From now on `import numpy` costs nothing until an attribute of it is used. No effect where it is loaded."""
    if "numpy" in sys.modules:
        return
    module = _OnDemand("numpy")
    module.__spec__ = importlib.util.find_spec("numpy")
    sys.modules["numpy"] = module
