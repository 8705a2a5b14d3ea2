"""How long a report takes to render: `make perf`, or this file with `--write`.

A smoke run of four models on the three default tasks, with as many replicates and trials as the default run has, makes
the records (a minute); then its report is rendered in processes of their own, imports included. Processor time is what
the program decides; the elapsed time also contains the disk and other load on the machine. A profile, by function:

    python -m cProfile -s cumtime -m bench report smoke --results FOLDER/results --reports FOLDER/reports
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from page import busy, judged, origin, table, wants_writing, write_section

RUNS, LIMIT_SECONDS = 5, 3.0
EXPERIMENT = ["--models", "gru,lstm,rnn,numpy_gru", "--budget", "smoke", "--replicates", "7", "--trials", "6"]
PROGRAM = """
import sys, time
elapsed = time.perf_counter()
from bench.report import render
imported = time.process_time()
import bench.analysis.results, bench.report.content, bench.report.page, bench.report.latex
imported = time.process_time() - imported
render("smoke", sys.argv[1] + "/results", sys.argv[1] + "/reports")
print(time.process_time(), imported, time.perf_counter() - elapsed)
"""


def main() -> int:
    writing, was_busy = wants_writing(__doc__ or ""), busy()
    with tempfile.TemporaryDirectory() as folder:
        places = ["--results", f"{folder}/results", "--reports", f"{folder}/reports", "--name", "smoke"]
        run = [sys.executable, "-m", "bench", "run", *EXPERIMENT, *places]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        report = [sys.executable, "-c", PROGRAM, folder]
        runs = [subprocess.run(report, check=True, capture_output=True, text=True).stdout.split() for _ in range(RUNS)]
        figures = len(list(Path(folder, "reports", "smoke", "figures").glob("*.svg")))
    processor, imports, elapsed = (sorted(float(each[i]) for each in runs) for i in range(3))
    named = [("processor time", processor), ("of it, imports", imports), ("elapsed", elapsed)]
    bars = [judged(statistics.median(processor), LIMIT_SECONDS, at_most=True), "", ""]
    rows = [
        [what, f"**{statistics.median(found):.2f} s**", f"{found[0]:.2f} to {found[-1]:.2f} s", bar]
        for (what, found), bar in zip(named, bars, strict=True)
    ]
    header = [f"a report with {figures} figures", "median", f"of {RUNS} runs", "bar, s"]
    text = table(header, rows) + "\n\n" + origin(__file__, was_busy=was_busy)
    print(text)
    if writing:
        write_section("render", text)
    return 0 if statistics.median(processor) <= LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
