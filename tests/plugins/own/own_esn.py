"""A fitted model: bench's echo state network with a reservoir that is a shift register."""

from dataclasses import dataclass

import numpy as np

from bench.models.esn import Esn, EsnLearner


class ShiftLearner(EsnLearner):
    def __init__(self, model, problem, settings, rng) -> None:
        super().__init__(model, problem, settings, rng)
        for layer in range(settings.num_layers):
            shift = np.eye(settings.hidden_size, k=-1)
            self._weights[f"weight_hh_l{layer}"] = model.spectral_radius * shift


@dataclass(frozen=True)
class OwnESN(Esn):
    name = "own_esn"
    summary = "echo state network whose units pass their values on"
    cell = "own_esn"

    def build(self, problem, settings, weights, dropout):
        return ShiftLearner(self, problem, settings, weights)
