"""How long a report takes to render: `make perf`, or this file with `--write`.

A smoke run of the default run's models, tasks, replicates and trials makes the records (a quarter of a minute); then
`bench report` is timed as a user types it, from the start of Python to its end. Elapsed time is what a user waits for;
it also contains the disk and other load on the machine. Processor time is that of both processes that draw. A profile,
by function:

    python -m cProfile -s cumtime -m bench report smoke --results FOLDER/results --reports FOLDER/reports
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from page import NOT_MEASURED, busy, judged, origin, table, wants_writing, write_section

RUNS, LIMIT_SECONDS = 5, 3.0
EXPERIMENT = ["--models", "gru,lstm", "--budget", "smoke", "--replicates", "7", "--trials", "6"]
IMPORTS = "import bench.cli, bench.analysis.results, bench.report.content, bench.report.page, bench.report.latex"


def main() -> int:
    writing, was_busy = wants_writing(__doc__ or ""), busy()
    with tempfile.TemporaryDirectory() as folder:
        places = ["--results", f"{folder}/results", "--reports", f"{folder}/reports"]
        _seconds(["-m", "bench", "run", *EXPERIMENT, *places, "--name", "smoke"])
        report = [_seconds(["-m", "bench", "report", "smoke", *places]) for _ in range(RUNS)]
        imports = [_seconds(["-c", IMPORTS]) for _ in range(RUNS)]
        figures = len(list(Path(folder, "reports", "smoke", "figures").glob("*.svg")))
    found = {
        "elapsed": [elapsed for elapsed, _ in report],
        "processor time": [processor for _, processor in report],
        "of it, Python and imports": [processor for _, processor in imports],
    }
    elapsed = statistics.median(found["elapsed"])
    rows = [
        [what, f"**{statistics.median(times):.2f} s**", f"{min(times):.2f} to {max(times):.2f} s", ""]
        for what, times in found.items()
    ]
    if was_busy:  # what others leave of the processors says nothing of the program
        rows[0][1:] = [NOT_MEASURED, "", f"≤ {LIMIT_SECONDS:g}"]
    else:
        rows[0][-1] = judged(elapsed, LIMIT_SECONDS, at_most=True)
    header = [f"a report with {figures} figures", "median", f"of {RUNS} runs", "bar, s"]
    text = table(header, rows) + "\n\n" + origin(__file__, was_busy=was_busy)
    print(text)
    if writing:
        write_section("render", text)
    return 0 if was_busy or elapsed <= LIMIT_SECONDS else 1


def _seconds(arguments: Sequence[str]) -> tuple[float, float]:
    """Elapsed and processor seconds of Python with these arguments, and of the processes that it starts."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    began, before = time.perf_counter(), spent()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began, spent() - before


if __name__ == "__main__":
    sys.exit(main())
