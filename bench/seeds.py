"""Seeds by name: the same role and parts give the same generator on every machine.

Data and batch order leave the model out of their parts, so that every model of a replicate sees the same data in the
same order: comparisons are paired by replicate.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np


def generator(role: str, *parts: object) -> np.random.Generator:
    """A NumPy generator for `role` ("data", "batches", "init", "dropout", …) and JSON-able `parts`.

    The parts are hashed with SHA-256 as canonical JSON, so ("a", 1) and ("a1",) differ and dict order does not matter.
    """
    text = json.dumps([role, *parts], sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest[:16], "little")))
