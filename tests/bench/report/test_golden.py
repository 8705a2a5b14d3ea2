"""The Markdown of a small experiment, word for word. After a change that is meant, write the files again:

python tests/bench/report/test_golden.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import ModuleType

from bench.report import render

GOLDEN = Path(__file__).with_name("golden")
FILES = ("report.md", "summary.md")


def rendered(synthetic: ModuleType, folder: Path) -> Path:
    """The folder with the report of an experiment with two comparisons, a failed seed and an alarm."""
    records = synthetic.experiment(("sine", "copy"), seeds=5, trials=9, matches=("tuned", "hidden"))
    records.append(synthetic.training("sine", "lstm", 6, status="diverged"))
    for record in records:
        if record["stage"] == "time" and record["model"]["name"] == "lstm":
            record["timing"]["has_warnings"] = True
    synthetic.write(folder / "results", "golden", records)
    render("golden", folder / "results", folder / "reports", ("markdown",))
    return folder / "reports" / "golden"


def test_the_markdown_is_word_for_word_what_it_was(synthetic: ModuleType, tmp_path: Path) -> None:
    found = rendered(synthetic, tmp_path)
    for name in FILES:
        assert (found / name).read_text(encoding="utf-8") == (GOLDEN / name).read_text(encoding="utf-8"), name


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import synthetic_records

    with tempfile.TemporaryDirectory() as folder:
        home = rendered(synthetic_records, Path(folder))
        for name in FILES:
            (GOLDEN / name).write_bytes((home / name).read_bytes())
