"""A plug-in whose code, run by the parent too, does what $UNRULY says: "WHERE WHAT", such as "references exit"."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

spec = importlib.util.spec_from_file_location("bench_plugin_toy", Path(__file__).with_name("toy.py"))
assert spec is not None
assert spec.loader is not None
toy = importlib.util.module_from_spec(spec)
sys.modules["bench_plugin_toy"] = toy
spec.loader.exec_module(toy)


def misbehave(where: str) -> None:
    place, _, what = os.environ.get("UNRULY", "").partition(" ")
    if place != where:
        return
    if what == "exit":
        sys.exit(0)
    if what == "leave":
        os._exit(0)
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "sleep" or (what == "sleep-once-recorded" and Path("results/e/records.jsonl").exists()):
        time.sleep(3600)
    if what == "thread":
        threading.Thread(target=time.sleep, args=(3600,)).start()


misbehave("import")


@dataclass(frozen=True)
class Unruly(toy.Toy):  # type: ignore[name-defined, misc]
    """The toy task, with a will of its own."""

    name = "unruly"

    def generate(self, seed: Any) -> Any:
        misbehave("generate")
        return super().generate(seed)

    def references(self, dataset: Any) -> Any:
        misbehave("references")
        return super().references(dataset)


@dataclass(frozen=True)
class UnrulyLinear(toy.Linear):  # type: ignore[name-defined, misc]
    """The linear model, likewise."""

    name = "unruly_linear"

    def build(self, *arguments: Any) -> Any:
        misbehave("build")
        return super().build(*arguments)
