"""The decision on step times, on timings that are made up."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from synthetic import CELLS, baseline

from bench.analysis.stats import holm
from bench.gate.exceptions import Exemption
from bench.gate.outcome import CheckOutcome
from bench.gate.replicates import CellName
from bench.gate.rule import ALPHA, ROUNDS, Rule
from bench.gate.speed import Times, check_speed, compare_times

NAMES = [CellName(*name) for name in CELLS]


class Stopwatch:
    """A step takes 1 ms; now, with a GRU, times the ratio of the look (the last one goes on). asked: cells of each."""

    commit = "0123456789ab"

    def __init__(self, *ratios: float, spread: float = 0.02, seed: int = 0) -> None:
        self.ratios, self.spread, self.rng = ratios, spread, np.random.default_rng(seed)
        self.asked: list[list[CellName]] = []

    def time(self, cells: Sequence[CellName], rounds: int) -> dict[CellName, Times]:
        self.asked.append(list(cells))
        ratio = self.ratios[min(len(self.asked), len(self.ratios)) - 1]

        def times(factor: float) -> list[float]:
            return list(1e-3 * factor * np.exp(self.rng.normal(0, self.spread, rounds)))

        return {cell: Times(times(1), times(ratio if cell.model == "gru" else 1)) for cell in cells}


def states(outcome: CheckOutcome) -> list[str]:
    return [cell.state for cell in outcome.cells]


def test_the_comparison_is_of_geometric_means() -> None:
    found = compare_times(Times([1e-3, 2e-3, 4e-3], [2e-3, 4e-3, 8e-3]))
    assert (found.measure, found.pairing, found.n) == ("time", "paired", 3)
    assert (found.before, found.now) == (pytest.approx(2e-3), pytest.approx(4e-3))
    assert found.change == pytest.approx(2)
    assert found.shift.low < 1 < found.shift.high
    assert not found.misses_too_often


def test_the_test_is_students_on_log_ratios() -> None:
    from scipy import stats

    times = Stopwatch(1.15, spread=0.05).time(NAMES[:1], ROUNDS)[NAMES[0]]
    differences = np.log2(times.now) - np.log2(times.before)
    expected = stats.ttest_1samp(differences, math.log2(1.10), alternative="greater").pvalue
    assert compare_times(times).shift.p_worse == pytest.approx(expected)


def test_slower_blocks_once_it_is_confirmed_in_new_processes() -> None:
    watch, notes = Stopwatch(1.3), list[str]()
    found = check_speed(baseline(), watch, note=notes.append)
    assert states(found) == ["regressed", "regressed", "as_good"]
    assert watch.asked == [NAMES, NAMES[:2]]
    assert found.exit_code == 1
    assert found.subject == "step_time"
    assert found.sentence == "3 cells against commit 0123456789ab: 2 regressed, 1 as good"
    assert "time of a training step +3" in found.cells[0].why
    assert "confirmed: time of a training step +" in found.cells[0].why
    assert notes == ["timing again in new processes what looks slower: 2 cells"]


def test_what_new_processes_do_not_show_does_not_block() -> None:
    watch = Stopwatch(1.3, 1.0)
    found = check_speed(baseline(), watch)
    assert states(found) == ["as_good"] * 3
    assert "which new processes did not confirm" in found.cells[0].why
    assert found.exit_code == 0


@pytest.mark.parametrize(("ratio", "state"), [(1.0, "as_good"), (1.05, "as_good"), (0.95, "as_good"), (0.8, "better")])
def test_within_the_margin_or_faster_never_blocks(ratio: float, state: str) -> None:
    watch = Stopwatch(ratio)
    found = check_speed(baseline(), watch)
    assert states(found) == [state, state, "as_good"]
    assert len(watch.asked) == 1
    assert found.exit_code == 0


def test_p_values_are_adjusted_for_all_cells() -> None:
    found = check_speed(baseline(), Stopwatch(1.12, spread=0.05, seed=3))
    raw = [cell.first.shift.p_worse for cell in found.cells if cell.first is not None]
    assert [cell.p for cell in found.cells] == pytest.approx(list(holm(raw)))
    assert min(raw) < min(cell.p for cell in found.cells)


def test_codes_of_equal_speed_rarely_look_slower() -> None:
    """At the margin itself, the first look of 2 cells rejects in at most about α of checks, and the second in few."""
    first = blocked = 0
    made = baseline()
    for seed in range(400):
        watch = Stopwatch(1.10, spread=0.05, seed=seed)
        found = check_speed(made, watch)
        first += len(watch.asked) > 1
        blocked += found.exit_code
    assert first <= 400 * ALPHA * 2.5  # a binomial count's chance to be above is below 1 in 100
    assert blocked <= 1


def test_only_the_cells_that_were_chosen_and_are_not_let_off_are_timed() -> None:
    watch = Stopwatch(1.0)
    exempt = {NAMES[1]: Exemption(Rule(), True, "it changes")}
    found = check_speed(baseline(exceptions=exempt), watch, only=NAMES[:2])
    assert [(cell.name, cell.state) for cell in found.cells] == [(NAMES[0], "as_good"), (NAMES[1], "skipped")]
    assert watch.asked == [NAMES[:1]]
    assert found.cells[1].why == "it changes"


def test_nothing_to_time() -> None:
    watch = Stopwatch(1.0)
    exempt = {name: Exemption(Rule(), True, "it changes") for name in NAMES}
    found = check_speed(baseline(exceptions=exempt), watch)
    assert states(found) == ["skipped"] * 3
    assert watch.asked == []
