"""The exported script trains as bench does: from the same weights, with the same batches, to the same losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.models.contract import weights_of
from bench.models.initialisation import SCHEMES, differs_from_default, draw_weights
from bench.training.data import load_data, orders_of
from bench.training.train import build_learner

from .exports import Export, exported_from

CLOSE = 1e-5  # relative, of losses in float32 (found: 3e-7)
STEPS, INTERVAL = 60, 4
RATES = {"adam": 0.02, "adamw": 0.02, "sgd": 0.3, "rmsprop": 0.01}
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "warmup": {"warmup": 25},
    "one step of warmup": {"warmup": 1},
    "plateau": {"plateau_patience": 1},
    "plateau after warmup": {"plateau_patience": 1, "warmup": 10},
    "cosine": {"schedule": "cosine"},
    "cosine after warmup": {"schedule": "cosine", "warmup": 40},
}


def write_noise(path: Path) -> Path:
    """Of which nothing can be learnt, so that losses stop falling and a plateau is reached."""
    columns = np.random.default_rng(3).normal(50, 8, (300, 2)).round(4)
    path.write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in columns))
    return path


def exported(folder: Path, settings: dict[str, Any], model: str = "gru", **plan: Any) -> Export:
    table = write_noise(folder / "table.csv")
    options = {"data": str(table), "target": "a", "features": "b", "window": 6, "models": model, "horizon": 2}
    return exported_from(options, folder, settings, **{"steps": STEPS, "evaluation_interval": INTERVAL, **plan})


def trained_by_the_script(export: Export, monkeypatch: pytest.MonkeyPatch) -> tuple[list[float], list[float]]:
    """(Losses of the steps, losses of the evaluations) from bench's initial weights, with bench's batches."""
    plain, training = export.script, export.training
    dataset = load_data(training.task, training.seed, training.replicate)
    weights = weights_of(build_learner(training, dataset).state())
    orders = orders_of(training, len(dataset.train))
    losses: dict[bool, list[float]] = {True: [], False: []}
    own_loss = plain.Model.loss

    def loss(model: torch.nn.Module, *batch: torch.Tensor) -> torch.Tensor:
        if not losses[False]:  # before the first step
            own = {name if name.startswith("head.") else f"core.{name}": value for name, value in weights.items()}
            assert {name for name, _ in model.named_parameters()} == own.keys()
            for name, parameter in model.named_parameters():
                parameter.data.copy_(torch.from_numpy(own[name]))
        found: torch.Tensor = own_loss(model, *batch)
        losses[found.requires_grad].append(found.item())
        return found

    def next_order(count: int) -> torch.Tensor:
        order = next(orders)
        assert len(order) == count
        return torch.from_numpy(order)

    monkeypatch.setattr(plain.Model, "loss", loss)
    monkeypatch.setattr(torch, "randperm", next_order)
    plain.train(*plain.read(export.table))
    return losses[True], losses[False]


def compare(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, evaluations = trained_by_the_script(export, monkeypatch)
    curve, first = export.record["curve"], export.record["first_losses"]
    assert first["step"][-1] == 50
    np.testing.assert_allclose([steps[step - 1] for step in first["step"]], first["train_loss"], rtol=CLOSE)
    np.testing.assert_allclose(evaluations, curve["valid_loss"], rtol=CLOSE)
    best, learner = torch.load(export.folder / "weights.pt"), export.model.learner
    for name, value in weights_of(learner.state()).items():
        found = best[name if name.startswith("head.") else f"core.{name}"]
        np.testing.assert_allclose(found, value, atol=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", RATES)
def test_every_optimiser_with_every_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str, schedule: str
) -> None:
    settings = {"optimizer": optimizer, "learning_rate": RATES[optimizer], "weight_decay": 0.05, "clip_norm": 0.4}
    export = exported(tmp_path, settings, **SCHEDULES[schedule])
    lines = (export.folder / "model.py").read_text().splitlines()
    assert len(lines) <= 100
    assert max(map(len, lines)) <= 120
    rates = export.record["curve"]["learning_rate"]
    assert (len(set(rates)) > 1) == (schedule not in ("constant", "one step of warmup"))
    compare(export, monkeypatch)


@pytest.mark.parametrize("more", [{}, {"transform": "growth"}, {"horizons": "1,3"}, {"transform": "log"}])
def test_what_is_filled_in_does_not_count_in_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    lines = write_noise(tmp_path / "table.csv").read_text().splitlines()
    for row in np.random.default_rng(4).permutation(np.arange(20, 296))[:100]:
        lines[row] = "," + lines[row].partition(",")[2]
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    options = {"data": str(tmp_path / "table.csv"), "target": "a", "features": "b", "window": 6, "models": "gru"}
    filled = {**options, "fill": "forward", **more}
    export = exported_from(filled, tmp_path, {}, steps=STEPS, evaluation_interval=INTERVAL)
    assert load_data(export.training.task, 0, 1).valid.measured is not None
    compare(export, monkeypatch)


@pytest.mark.parametrize("model", ["lstm", "rnn[nonlinearity=relu]", "numpy_gru"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_every_layer_without_clipping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, decay: float
) -> None:
    """And with evaluations at the default interval, the last of which is no multiple of it."""
    settings = {"num_layers": 2, "clip_norm": None, "weight_decay": decay, "optimizer": "adamw"}
    compare(exported(tmp_path, settings, model, steps=63, evaluation_interval=None), monkeypatch)


def test_the_search_of_a_step_that_learns_nothing_keeps_the_first_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a rate that is too large: the lowest validation loss is that of step 0."""
    export = exported(tmp_path, {"optimizer": "sgd", "learning_rate": 2.0}, model="lstm")
    assert np.argmin(export.record["curve"]["valid_loss"]) == 0
    compare(export, monkeypatch)


def gates_of(weights: list[dict[str, np.ndarray]], name: str, hidden: int) -> list[np.ndarray]:
    """Of a parameter in many draws, the entries of each gate: `(draws, entries…)`."""
    drawn = np.stack([each[name] for each in weights])
    return np.split(drawn, max(1, drawn.shape[1] // hidden), axis=1)


@pytest.mark.parametrize("model", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("init", SCHEMES)
def test_new_weights_are_drawn_as_the_scheme_says(tmp_path: Path, model: str, init: str) -> None:
    """Each gate's entries have the mean, the spread and the bounds of bench's own draws."""
    hidden, draws = 12, 300
    export = exported(tmp_path, {"init": init, "num_layers": 2, "hidden_size": hidden}, model, steps=1)
    plain, rng = export.script, np.random.default_rng(1)
    net = plain.Model()
    assert ("new_weights" in vars(plain)) == differs_from_default(init, model)
    torch.manual_seed(1)
    sizes = {"input_size": 2, "hidden_size": hidden, "num_layers": 2, "output_size": 1, "sequence_length": 6}
    expected, found = list[dict[str, np.ndarray]](), list[dict[str, np.ndarray]]()
    for _ in range(draws):
        expected.append(draw_weights(init, model, **sizes, rng=rng))  # type: ignore[arg-type]
        if "new_weights" in vars(plain):
            plain.new_weights(net)
        else:
            net.core.reset_parameters()
            net.head.reset_parameters()
        found.append({name.removeprefix("core."): p.detach().numpy().copy() for name, p in net.named_parameters()})
    for name in expected[0]:
        pairs = zip(gates_of(expected, name, hidden), gates_of(found, name, hidden), strict=True)
        for theirs, own in pairs:
            error = 5 / np.sqrt(own.size)
            np.testing.assert_allclose(own.mean(), theirs.mean(), atol=1e-6 + 1.5 * error * theirs.std())
            np.testing.assert_allclose(own.std(), theirs.std(), rtol=error, atol=1e-6)
            ends = [theirs.min(), theirs.max()]
            np.testing.assert_allclose([own.min(), own.max()], ends, atol=1e-6 + 0.4 * theirs.std())
            if init == "orthogonal" and name.startswith("weight_hh"):
                np.testing.assert_allclose(own[0] @ own[0].T, np.eye(hidden), atol=1e-5)
