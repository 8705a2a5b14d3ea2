"""Load NumPy only if something uses it: `bench list` reads names and summaries of classes, and computes nothing.

The modules of tasks and models import NumPy, which takes longer than all the rest of the command. CPU seconds of `list
tasks`, medians of 15: 0.18 with this module, 0.28 without. Other ways are no better:

- `importlib.util.LazyLoader` loads NumPy at once: with Python 3.11 an `import` statement looks at `__spec__`, and the
  loader takes that for a use.
- Reading the source instead (`ast.parse` of the 40 files) takes 0.05 s, half of what it would save, and would have to
  know inheritance, plug-ins and entry points as the registry does.
- A list kept in a file would not have the tasks and models that a user adds.
- Importing NumPy inside the functions of 30 modules would be in the way of everybody who reads or writes a task.
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
