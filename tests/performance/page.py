"""Shared parts of the benchmarks: tables, the line about machine and commit, and their place in a page."""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
PERFORMANCE = ROOT / "docs" / "performance.md"
NOT_MEASURED = "not measured"
BUSY_SHARE, LOOK_SECONDS = 0.05, 3.0  # share of the cores' time that others may use, and for how long it is observed


def wants_writing(description: str, page: Path = PERFORMANCE) -> bool:
    """Parse the command line of a benchmark whose only flag is `--write`."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"put the table into {page.name}")
    return bool(parser.parse_args().write)


def write_section(section: str, text: str, page: Path = PERFORMANCE) -> None:
    """Replace the text between the page's two marks `<!-- measured: SECTION -->`."""
    mark = f"<!-- measured: {section} -->"
    parts = page.read_text(encoding="utf-8").split(mark)
    if len(parts) != 3:
        raise SystemExit(f"{page} has the mark {mark} {len(parts) - 1} times, not twice: nothing written")
    page.write_text(f"{parts[0]}{mark}\n\n{text.strip()}\n\n{mark}{parts[2]}", encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def judged(value: float, bar: float, *, at_most: bool) -> str:
    """Write the bar and whether the value meets it."""
    met = value <= bar if at_most else value >= bar
    return f"{'≤' if at_most else '≥'} {bar:g}: {'met' if met else '**missed**'}"


def machine() -> str:
    """The processor and the two libraries' versions."""
    cpuinfo = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    name = match[1].strip() if match else platform.machine()
    return f"{name}, {os.cpu_count()} cores; NumPy {version('numpy')}, torch {version('torch').partition('+')[0]}"


def busy() -> bool:
    """Whether other programs load the machine. Call it before a benchmark begins."""
    return psutil.cpu_percent(LOOK_SECONDS) > 100 * BUSY_SHARE


def origin(script: str, *, was_busy: bool) -> str:
    """Write the line below a table: command, machine, commit, and whether the machine was busy."""
    command = f"`python tests/performance/{Path(script).name} --write`"
    loaded = "; other programs loaded the machine, so the ratios are reliable and the times are not" if was_busy else ""
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{command}; {machine()}, Python {python}; commit {_commit()}{loaded}."


def _commit() -> str:
    """The commit that was measured; `+` where bench, tasks or tests differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "bench", "tasks", "tests")
    return git("rev-parse", "--short=10", "HEAD") + ("+" if changed else "")
