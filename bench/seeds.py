"""Random generators by name: the same role and parts give the same generator on every machine.

The model is not among the parts for data and batch order, so that every model of a replicate sees the same data in the
same order and comparisons are paired by replicate.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np


def generator(role: str, *parts: object) -> np.random.Generator:
    """Return a NumPy generator for `role` ("data", "batches", "init", "dropout", …) and parts that JSON can hold.

    The parts are hashed with SHA-256 as canonical JSON, so ("a", 1) and ("a1",) differ, and the order
    of a dict has no effect.
    """
    text = json.dumps([role, *parts], sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest[:16], "little")))
