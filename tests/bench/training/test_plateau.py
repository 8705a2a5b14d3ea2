import pytest
import torch

from bench.training.plateau import Plateau


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_reduces_when_torch_does(patience: int) -> None:
    losses = [1.0, 0.9, 0.95, 0.91, 0.90001, 0.8, 0.8, 0.8, 0.79995, 0.81, 0.82, 0.7, 0.71, 0.72, 0.73, 0.74, 0.75]
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=Plateau.factor, patience=patience)
    plateau, rate = Plateau(patience), 1.0
    for loss in losses:
        scheduler.step(loss)
        rate = plateau.next_rate(rate, loss)
        assert rate == optimizer.param_groups[0]["lr"]
    assert rate < 1
    for _ in range(60):  # until torch finds the steps too small to make
        scheduler.step(1.0)
        rate = plateau.next_rate(rate, 1.0)
        assert rate == optimizer.param_groups[0]["lr"]
    assert patience or 1e-8 < rate < 3e-8


def test_without_patience_it_never_reduces() -> None:
    assert not any(Plateau(None).reduce(1.0) for _ in range(100))
