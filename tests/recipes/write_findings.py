"""Write the tables of docs/findings_in_detail.md, study_tables.md and study_literature.md from the published studies.

python -m bench publish my-study --to results/study        # likewise study-times
python -m bench publish my-study-init --to results/study-init
python -m bench publish my-study-contenders --to results/study-contenders
python tests/recipes/write_findings.py --write     # without --write the text is printed
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
sys.path.insert(0, str(Path(__file__).parent))
from page import ROOT, wants_writing, write_section
from study_tables import (
    contenders_table,
    counts_table,
    equal_parameters_table,
    lengths_table,
    schemes_table,
    steps_table,
    targets_table,
    tasks_table,
)

from bench.analysis.results import load

NAMES = ("study", "study-init", "study-contenders", "study-times")
STUDY, INIT, CONTENDERS, TIMES = (ROOT / "results" / name for name in NAMES)
PAGES = ("findings_in_detail.md", "study_tables.md", "study_literature.md")
DETAIL, TABLES, LITERATURE = (ROOT / "docs" / name for name in PAGES)

SECTIONS = {  # by the name in the page: which page, of which study, and how
    "study-steps": (DETAIL, TIMES, steps_table),
    "study-targets": (DETAIL, STUDY, targets_table),
    "study": (TABLES, STUDY, tasks_table),
    "study-counts": (TABLES, STUDY, counts_table),
    "study-equal-parameters": (TABLES, STUDY, equal_parameters_table),
    "study-lengths": (LITERATURE, STUDY, lengths_table),
    "study-init": (TABLES, INIT, schemes_table),
    "study-contenders": (TABLES, CONTENDERS, contenders_table),
}


def main() -> int:
    written = wants_writing(__doc__ or "", DETAIL)
    for section, (page, folder, tabulate) in SECTIONS.items():
        text = tabulate(load(folder.name, folder.parent))
        if written:
            write_section(section, text, page)
        else:
            print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
