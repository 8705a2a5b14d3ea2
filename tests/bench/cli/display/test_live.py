"""The live display in a real (pseudo-)terminal, and what a pipe gets instead."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

fcntl = pytest.importorskip("fcntl")

SCRIPT = """
import sys
from bench.cli.display.observing import observing

record = {"stage": "confirm", "task": {"label": "copy[delay=5]"}, "model": {"label": "gru"}, "status": "ok",
          "test": {"loss": 0.5}, "replicate": 1}
failed = {**record, "status": "failed", "error": "ValueError: [red]broken[/red]", "test": None}
with observing(False) as observer:
    observer.note("device cpu: [no] markup")
    observer.planned(7)
    observer.started(0, "copy[delay=5] gru hidden 16 lr 1e-3 and so on, longer than eighty columns are wide", 250)
    observer.started(1, "sine lstm", 100)
    observer.progress(0, 125, 0.4321)
    observer.progress(1, 10, float("nan"))
    if hasattr(observer, "_live"):
        observer._live.refresh()  # not left to the thread that refreshes
    observer.finished(1, failed, False)
    observer.finished(None, record, True)
    observer.finished(0, record, False)
print("the result")
"""
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(**changes: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "TERM": "xterm-256color", **changes}


def in_terminal(columns: int = 80, **changes: str) -> tuple[str, str]:
    """stderr, drawn on a terminal of that width, and stdout, a pipe."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=inner, env=environment(**changes)
    )
    os.close(inner)
    drawn = b""
    while True:
        try:
            part = os.read(outer, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not part:
            break
        drawn += part
    os.close(outer)
    printed = process.communicate()[0]
    assert process.returncode == 0
    return drawn.decode(), printed.decode()


def test_a_terminal_shows_the_bar_and_what_each_worker_trains() -> None:
    drawn, printed = in_terminal()
    text = ESCAPE.sub("", drawn)
    assert "0/7" in text
    assert re.search(r"1 copy\[delay=5\] gru .*…\s+125/250\s+loss 0\.4321", text)
    assert re.search(r"2 sine lstm\s+10/100", text)
    assert "nan" not in text
    assert printed == "the result\n"


def test_what_matters_stays_above_the_display() -> None:
    text = ESCAPE.sub("", in_terminal()[0])
    assert "device cpu: [no] markup" in text
    assert "copy[delay=5] gru replicate 1: failed: ValueError: [red]broken[/red]" in text
    assert re.search(r"3 trainings \(1 found in the records\) in 0:0\d", text)


def test_the_cursor_is_shown_again() -> None:
    drawn = in_terminal()[0]
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")


def test_no_line_is_wider_than_the_terminal() -> None:
    text = ESCAPE.sub("", in_terminal(columns=60)[0])
    drawn = [line for line in re.split(r"[\r\n]+", text) if "125/250" in line]
    assert drawn
    assert max(map(len, drawn)) <= 60


def test_no_color_is_respected() -> None:
    drawn = in_terminal(NO_COLOR="1")[0]
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7]|38;[0-9;]+)m", drawn)


@pytest.mark.parametrize("changes", [{"CI": "true"}, {"TERM": "dumb"}])
def test_ci_and_dumb_terminals_get_plain_lines(changes: dict[str, str]) -> None:
    drawn = in_terminal(**changes)[0]
    assert "\x1b" not in drawn
    assert "[1/7]" in drawn


def test_a_pipe_gets_no_escape_codes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=environment(FORCE_COLOR="1")
    )
    assert "\x1b" not in done.stderr + done.stdout
    assert done.stderr.splitlines() == [
        "device cpu: [no] markup",
        "[1/7] confirm copy[delay=5] gru replicate 1: failed: ValueError: [red]broken[/red]",
        "[3/7] confirm copy[delay=5] gru replicate 1: test loss 0.5",
        "3 trainings (1 found in the records) in 0:00",
    ]
