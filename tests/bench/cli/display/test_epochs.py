"""`run -v`: a line an epoch, as it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bench.cli.display.epochs import EpochLines

Bench = Callable[..., Result]
TOY = str(Path(__file__).parents[3] / "plugins" / "toy.py")
RECORD: dict[str, Any] = {
    "stage": "confirm",
    "task": {"label": "toy"},
    "model": {"label": "linear"},
    "status": "ok",
    "training": {"batch_size": 8, "learning_rate": 0.01},
    "train_sequences": 20,
    "curve": {
        "step": [0, 3, 4],
        "train_loss": [None, 0.5, 0.25],
        "valid_loss": [1.0, 0.75, 0.5],
        "learning_rate": [0.01, 0.01, 0.005],
    },
    "evaluation_seconds": [0.0, 1.25, 2.5],
}
TITLES = ["worker", "epoch", "step", "train", "loss", "valid", "loss", "learning", "rate", "seconds"]
ROWS = [
    ["2", "0", "0", "–", "1.00", "0.0100", "0.00"],
    ["2", "1", "3", "0.500", "0.750", "0.0100", "1.25"],  # 20 sequences in batches of 8: 3 steps an epoch
    ["2", "1.33", "4", "0.250", "0.500", "0.00500", "2.50"],
]


def lines_of(tell: Callable[[EpochLines], None]) -> list[list[str]]:
    written: list[str] = []
    tell(EpochLines(written.append))
    return [line.split() for line in written]


def evaluation(i: int) -> list[float | None]:
    curve = RECORD["curve"]
    values = [curve[key][i] for key in ("step", "train_loss", "valid_loss")]
    return [*values, None, curve["learning_rate"][i], RECORD["evaluation_seconds"][i]]


def test_each_evaluation_is_a_line_at_once() -> None:
    def tell(shown: EpochLines) -> None:
        shown.started(1, "toy linear", 4)
        shown.evaluated(1, evaluation(0), 3)
        shown.evaluated(1, evaluation(1), 3)

    assert lines_of(tell) == [["worker", "2:", "toy", "linear"], TITLES, *ROWS[:2]]


@pytest.mark.parametrize("told", [0, 1, 2, 3])
def test_what_was_not_told_before_the_end_is_told_then_and_nothing_twice(told: int) -> None:
    def tell(shown: EpochLines) -> None:
        shown.started(1, "toy linear", 4)
        for i in range(told):
            shown.evaluated(1, evaluation(i), 3)
        shown.finished(1, RECORD, reused=False)

    lines = lines_of(tell)
    assert lines[1:-1] == [TITLES, *ROWS]
    assert "linear" in lines[-1]


def test_what_was_ended_early_shows_the_curve_that_it_has() -> None:
    record = {key: value for key, value in RECORD.items() if key not in ("train_sequences", "evaluation_seconds")}

    def tell(shown: EpochLines) -> None:
        shown.started(1, "toy linear", 4)
        shown.finished(1, {**record, "status": "timeout", "error": "ended after 1 s"}, reused=False)

    lines = lines_of(tell)
    assert lines[2] == ["2", "–", "0", "–", "1.00", "0.0100", "–"]
    assert "timeout:" in lines[-1]


def test_what_was_found_in_the_records_has_no_lines() -> None:
    assert lines_of(lambda shown: shown.finished(None, RECORD, reused=True)) == []


@pytest.mark.parametrize("where", [("--executor", "inline"), ("--workers", "2")])
def test_verbose_shows_every_epoch_of_every_training(bench: Bench, where: tuple[str, str]) -> None:
    result = bench(
        *("run", "--plugin", TOY, "--tasks", "toy", "--models", "linear", "--budget", "smoke", *where),
        *("--epochs", "3", "--replicates", "2", "--lr-range", "0.1,0.1", "--hidden-sizes", "4", "--layers", "1", "-v"),
    )
    assert result.exit_code == 0
    lines = [line.split() for line in result.stderr.splitlines()]
    replicates: dict[str, list[list[str]]] = {}
    training = {}
    for line in lines:
        if line[0] == "worker" and line[1] != "epoch":
            training[line[1].rstrip(":")] = " ".join(line[-2:])
        elif line[0] in training:
            replicates.setdefault(training[line[0]], []).append(line[1:3])
    every = [["0", "0"], ["1", "8"], ["2", "16"], ["3", "24"]]
    assert replicates == {"replicate 1": every, "replicate 2": every}
