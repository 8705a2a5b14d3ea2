"""A change of baseline, explained."""

from __future__ import annotations

from synthetic import baseline, cell

from bench.gate.baseline import Reason
from bench.gate.changes import changes, write_changes


def test_a_change_is_told_in_full() -> None:
    before = baseline()
    after = baseline(
        [cell(slower=1.2), cell("sine", "lstm", hidden_size=64), cell("sine", "rnn")],
        environment={**before.environment, "cpu": "Other CPU"},
        fingerprint="e2",
        history=(*before.history, Reason("2026-02-03", "fedcba98765432", "a wider LSTM")),
    )
    lines = write_changes(changes(before, after)).splitlines()
    assert lines[0].split() == ["added", "sine", "×", "rnn"]
    assert lines[1].split() == ["removed", "copy", "×", "gru"]
    assert "sine × lstm: hidden_size is 64, in the baseline 32" in lines[2]
    assert "sine × gru: steps to the same loss +20.0 %" in lines[3]
    assert lines[-2].endswith("cpu: Example CPU → Other CPU")
    assert lines[-1].endswith("2026-02-03 (fedcba987654): a wider LSTM")


def test_nothing_changed() -> None:
    found = changes(baseline(), baseline())
    assert (found.added, found.removed, found.reconfigured, found.environment, found.reasons) == ((), (), (), (), ())
    assert all("+0.0 %" in part.why for part in found.cells)
