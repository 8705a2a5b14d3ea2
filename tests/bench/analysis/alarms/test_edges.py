"""The best net's choice on the edge of what was searched raises an alarm if chance and the target do not excuse it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.alarms.edges import edges
from bench.analysis.results import Results

Build = Callable[..., Results]


def chosen(
    synthetic: ModuleType, sizes: Sequence[int], *, rates: Sequence[float] = (), layers: int = 1, quality: float = 0.9
) -> list[dict[str, Any]]:
    """Replicates with a chosen size and rate each. quality 0.9 of the floor is far from the target."""
    rates = rates or [3e-3] * len(sizes)
    return [
        synthetic.training(
            "sine",
            "gru",
            i,
            stage="trial",
            trial=0,
            hidden_size=size,
            num_layers=layers,
            learning_rate=rate,
            quality=quality,
        )
        for i, (size, rate) in enumerate(zip(sizes, rates, strict=True), start=1)
    ]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (
            [64] * 6 + [32],
            "chose the largest hidden size that was searched (64) in 6 of 7 replicates: give --hidden-sizes "
            "16,32,64,128.",
        ),
        (
            [16] * 7,
            "chose the smallest hidden size that was searched (16) in 7 of 7 replicates: give --hidden-sizes "
            "8,16,32,64.",
        ),
    ],
)
def test_a_size_on_the_edge_names_the_direction(
    synthetic: ModuleType, results_of: Build, sizes: list[int], said: str
) -> None:
    (alarm,) = edges(results_of(chosen(synthetic, sizes)))
    assert alarm.text == f"On sine, gru, the best net, {said}"


@pytest.mark.parametrize(
    ("rate", "said"), [(3.1e-4, "edge 0.0003 of the range in 4 of 7"), (2.9e-2, "edge 0.03 of the range in 4 of 7")]
)
def test_a_rate_on_the_edge_names_the_direction(
    synthetic: ModuleType, results_of: Build, rate: float, said: str
) -> None:
    (alarm,) = edges(results_of(chosen(synthetic, [32] * 7, rates=[rate] * 4 + [3e-3] * 3)))
    assert said in alarm.text
    assert alarm.text.endswith("give --lr-range 0.0001,0.03." if rate < 1e-3 else "give --lr-range 0.0003,0.09.")


@pytest.mark.parametrize(
    ("sizes", "quality"),
    [
        ([64] * 5 + [32, 16], 0.9),  # 5 of 7 at one of three sizes: one experiment in 22 by chance
        ([64] * 3, 0.9),  # too few to tell
        ([64] * 7, 0.01),  # good enough as it is
    ],
)
def test_chance_and_a_reached_target_raise_none(
    synthetic: ModuleType, results_of: Build, sizes: list[int], quality: float
) -> None:
    assert edges(results_of(chosen(synthetic, sizes, quality=quality))) == []


def test_a_comparison_at_equal_sizes_has_no_edge(synthetic: ModuleType, results_of: Build) -> None:
    records = chosen(synthetic, [64] * 7)
    for record in records:
        record["match"] = "hidden"
    assert edges(results_of(records)) == []
