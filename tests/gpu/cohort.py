"""tests/performance/gpu_cohort.py with the rounds and sizes of the environment: a session has ten minutes a command."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
import gpu_cohort

gpu_cohort.ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))
if os.environ.get("BENCH_COHORTS"):
    gpu_cohort.COHORTS = tuple(int(size) for size in os.environ["BENCH_COHORTS"].split(","))
gpu_cohort.main()
