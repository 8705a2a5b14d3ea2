"""A cell whose initial weights or data are rounded otherwise stays paired; where they really differ, it is said."""

from __future__ import annotations

import re

import pytest
from synthetic import Code, baseline, cell, sketches

from bench.gate.baseline import Baseline, cells_of
from bench.gate.check import check
from bench.gate.formats import FORMATS, write
from bench.gate.outcome import CheckOutcome
from bench.gate.replicates import CellName

SINE = CellName("sine", "gru")
CHANGED = {"weights": {"weights": "w2"}, "data": {"data": "d2", "first_batch": "b2"}}


def checked(before: Baseline, *, apart: float | None, **changes: str) -> tuple[CheckOutcome, Code]:
    """Check trainings whose hashes changed. apart: relative distance of the values; None: other values."""
    records = [cell(**changes, jitter=0.1, draw=3)]  # type: ignore[arg-type]
    (recorded,), (changed,) = before.cells.values(), cells_of(records[0]).values()
    source = changed if apart is None else recorded
    scale = 1.0 if apart is None else 1 + apart
    found = {SINE: {number: sketches(source, number, scale) for number in changed.replicates}}
    code = Code(records, fingerprint="another machine", sketches=found)
    return check(before, code, folder="b"), code


@pytest.mark.parametrize("changes", CHANGED.values(), ids=CHANGED)
def test_values_that_differ_by_rounding_alone_stay_paired(changes: dict[str, str]) -> None:
    outcome, code = checked(baseline([cell()]), apart=1.5e-8, **changes)
    (found,) = outcome.cells
    assert found.first is not None
    assert (found.first.pairing, found.problems) == ("paired", ())
    assert code.asked == [((SINE,), tuple(range(1, 13)))]


@pytest.mark.parametrize("apart", [2e-6, 1e-3, None])
def test_values_that_really_differ_are_not_paired_and_every_format_says_so(apart: float | None) -> None:
    outcome, code = checked(baseline([cell()]), apart=apart, weights="w2")
    (found,) = outcome.cells
    assert found.first is not None
    assert (found.first.pairing, found.state, outcome.exit_code) == ("unpaired", "as_good", 0)
    assert code.asked[1] == ((SINE,), tuple(range(13, 25)))
    percent = round(100 * (found.detectable - 1))
    assert 20 < percent < 60
    for style in FORMATS:
        assert f"not paired: a change below about {percent} % would not be seen" in re.sub(
            "%25", "%", write(outcome, style)
        )


def test_a_baseline_of_hashes_alone_cannot_tell_and_is_told_what_it_lacks() -> None:
    made = baseline([cell()])
    (recorded,) = made.cells.values()
    old = baseline([cell()], cells={SINE: recorded.__class__(SINE, recorded.configuration, recorded.replicates)})
    outcome, _ = checked(old.__class__(**{**vars(old), "schema": 2}), apart=1.5e-8, weights="w2")
    (found,) = outcome.cells
    assert found.first is not None
    assert found.first.pairing == "unpaired"
    (note,) = [note for note in outcome.notes if "no values of initial weights" in note]
    assert note.endswith('record it again with python -m bench baseline record b --accept "why"')


def test_only_what_has_another_hash_is_sketched() -> None:
    asked: list[object] = []

    class Watched(Code):
        def sketches(self, wanted: object) -> object:  # type: ignore[override]
            asked.append(wanted)
            return super().sketches(wanted)  # type: ignore[arg-type]

    check(baseline([cell()]), Watched([cell()]), folder="b")
    assert asked == []
