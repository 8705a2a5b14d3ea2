"""Alarms about the recording."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from bench.analysis.alarms.recording import noisy_timings
from bench.analysis.recorded import Recorded


@pytest.mark.parametrize(
    ("timed", "said"),
    [
        ([("gru", "sine"), ("gru", "sine"), ("rnn", "sine")], "gru and rnn on sine"),
        ([("gru", "sine"), ("gru", "copy")], "gru on sine and gru on copy"),
    ],
)
def test_noisy_timings_name_a_single_task_once(timed: list[tuple[str, str]], said: str) -> None:
    timings = pd.DataFrame(timed, columns=["model", "task"]).assign(has_warnings=True)
    (alarm,) = noisy_timings(cast(Recorded, SimpleNamespace(timings=timings)))
    assert alarm.text.startswith(f"The machine was not quiet while timing {said}, so these times are rough: ")
    assert alarm.text.endswith("run it again on a quiet machine with another --name.")
