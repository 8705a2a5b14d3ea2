"""How long, and how much memory, it takes to read a large table.

    python tests/performance/reading.py [ROWS]        # 1,000,000: a minute, most of which writes the file

A time column of ISO minutes and three columns of numbers with all their digits are written to a temporary file, and
read in a process of its own: sorted into order, checked and prepared for a task.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

_READ = """
import resource, sys, time
from tasks.prepared_series import prepare
from tasks.reading import Reading, Selection
wall, cpu = time.perf_counter(), time.process_time()
series = prepare(sys.argv[1], Reading(time="t"), Selection(("a",), ("b", "c")), "none")
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"{len(series.values):,} rows: {wall:.1f} s ({cpu:.1f} s of one core), {peak:.2f} GB at most")
"""


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    times = (np.datetime64("2000-01-01T00:00") + np.arange(rows)).astype(str)
    values = np.random.default_rng(0).standard_normal((rows, 3)).cumsum(axis=0).tolist()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        with path.open("w") as file:
            file.write("t,a,b,c\n")
            file.writelines(f"{time},{a!r},{b!r},{c!r}\n" for time, (a, b, c) in zip(times, values, strict=True))
        subprocess.run([sys.executable, "-c", _READ, str(path)], check=True)


if __name__ == "__main__":
    main()
