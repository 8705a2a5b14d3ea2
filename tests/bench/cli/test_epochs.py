"""`run -v`: a line an epoch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from bench.cli.epochs import epoch_lines

Bench = Callable[..., Result]
TOY = str(Path(__file__).parents[2] / "plugins" / "toy.py")
RECORD = {
    "training": {"batch_size": 8},
    "train_sequences": 20,
    "curve": {
        "step": [0, 3, 4],
        "train_loss": [None, 0.5, 0.25],
        "valid_loss": [1.0, 0.75, 0.5],
        "learning_rate": [0.01, 0.01, 0.005],
    },
    "evaluation_seconds": [0.0, 1.25, 2.5],
}


def test_each_evaluation_has_epoch_losses_rate_and_seconds() -> None:
    lines = [line.split() for line in epoch_lines(RECORD)]
    assert lines[0] == ["epoch", "step", "train", "loss", "valid", "loss", "learning", "rate", "seconds"]
    assert lines[1] == ["0", "0", "–", "1.00", "0.0100", "0.00"]
    assert lines[2] == ["1", "3", "0.500", "0.750", "0.0100", "1.25"]  # 20 sequences in batches of 8: 3 steps
    assert lines[3] == ["1.33", "4", "0.250", "0.500", "0.00500", "2.50"]


def test_what_has_no_curve_has_no_lines() -> None:
    assert list(epoch_lines({"curve": None})) == []


def test_verbose_shows_every_epoch_of_every_training(bench: Bench) -> None:
    result = bench(
        *("run", "--plugin", TOY, "--tasks", "toy", "--models", "linear", "--budget", "smoke", "--executor", "inline"),
        *("--epochs", "3", "--seeds", "2", "--lr-range", "0.1,0.1", "--hidden-sizes", "4", "--layers", "1", "-v"),
    )
    assert result.exit_code == 0
    rows = [line.split() for line in result.stderr.splitlines() if line.startswith("   ")]
    assert [row[:2] for row in rows if row[0] != "epoch"] == [["0", "0"], ["1", "8"], ["2", "16"], ["3", "24"]] * 2
    assert len([row for row in rows if row[0] == "epoch"]) == 2
