"""The calibration's resampling, on made-up trainings: pairs stay pairs, and a swap takes the change away."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from synthetic import baseline, cell

from bench.gate.baseline import Baseline, cells_of
from bench.gate.replicates import CellName, CellTraining

from ..by_path import load_script

HERE = Path(__file__).parent
SINE = CellName("sine", "gru")


@pytest.fixture(scope="module")
def gate() -> ModuleType:
    """The module gate.py, whose folder is not on the import path."""
    return load_script(HERE / "gate.py")


def pairs(
    gate: ModuleType, before: Baseline, **changes: float
) -> dict[CellName, list[tuple[CellTraining, CellTraining]]]:
    (new,) = cells_of(cell(draw=1, **changes)).values()  # type: ignore[arg-type]
    found = gate.pairs_of({SINE: before.cells[SINE].replicates}, {SINE: dict(new.replicates)})
    assert isinstance(found, dict)
    return found


def share(gate: ModuleType, before: Baseline, known: object, **settings: bool) -> float:
    rng = np.random.default_rng(0)
    return float(np.mean([gate.resampled_check(before, known, rng, **settings) == ["regressed"] for _ in range(100)]))


def test_a_real_slow_down_is_found_and_a_swap_takes_it_away(gate: ModuleType) -> None:
    before = baseline([cell()])
    known = pairs(gate, before, slower=1.15, jitter=0.1)
    assert share(gate, before, known) > 0.5
    assert share(gate, before, known, swapped=True) <= 0.01


def test_nothing_changed_is_no_alarm(gate: ModuleType) -> None:
    before = baseline([cell()])
    assert share(gate, before, pairs(gate, before, jitter=0.1)) <= 0.01


def test_trainings_read_back(gate: ModuleType) -> None:
    recorded = baseline([cell()]).cells[SINE].replicates
    trained = sys.modules["trained"]
    assert trained.from_json(trained.as_json({SINE: recorded})) == {SINE: dict(recorded)}


def test_the_power_of_a_change_is_told_with_its_size(gate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "CHECKS", 20)
    before = baseline([cell()])
    (new,) = cells_of(cell(slower=1.3, jitter=0.05, draw=1)).values()
    (_, _, line) = gate.power_table(before, {"a fault": {SINE: dict(new.replicates)}}, np.random.default_rng(0))
    parts = [part.strip() for part in line.strip("|").split("|")]
    assert parts[:2] == ["a fault", "sine × gru"]
    assert 25 < float(parts[2].split(" ")[0]) < 35
    assert parts[-1] == "100 %"


def test_the_changes_are_faults_of_the_catalogue(gate: ModuleType) -> None:
    text = "".join((HERE.parent / "mutants" / name).read_text() for name in ("catalogue.py", "second.py"))
    assert all(f'@mutant("{name}"' in text for name in gate.CHANGES)
