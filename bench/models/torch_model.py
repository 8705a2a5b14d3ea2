'''The base class of torch cells. A new cell is one small file:

    """Try it: python -m bench run --plugin leaky.py --models gru,leaky"""

    from dataclasses import dataclass

    import torch

    from bench.models.torch_model import TorchModel


    class Average(torch.nn.Module):
        def __init__(self, rnn, leak):
            super().__init__()
            self.rnn, self.leak = rnn, leak

        def forward(self, x):  # (N, T, I) -> (N, T, H)
            now = self.rnn(x)[0]
            before = torch.nn.functional.pad(now, (0, 0, 1, 0))[:, :-1]
            return self.leak * now + (1 - self.leak) * before


    @dataclass(frozen=True)
    class Leaky(TorchModel):
        name = "leaky"
        summary = "plain RNN whose output is averaged over two steps"
        leak: float = 0.5  # a field is a parameter: leaky[leak=0.2]

        def core(self, input_size, hidden_size, num_layers, dropout):
            rnn = torch.nn.RNN(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)
            return Average(rnn, self.leak)

The linear head, losses, optimisers, seeds and counting are added to it. This file does not import torch, so that
listing models stays fast; `core` imports it.
'''

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np

from bench.models.contract import Learner, Model, OptimizerName, ParameterCount, Problem, Settings
from bench.models.parameter_group import ParameterGroup as ParameterGroup
from tasks.errors import UserError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TorchModel(Model):
    """The base of every torch cell. Define `name`, `summary` and `core`; `cell` is the name unless you set it.

    Initial weights: a core that is `nn.GRU`, `nn.LSTM` or `nn.RNN`, or that has `cell = "gru"` (lstm, rnn) and the
    same parameter names and shapes, starts from `initialisation.draw_weights`, in every scheme. Any other core keeps
    the weights that its constructor draws, with a torch seed drawn from the model's generator, and supports only the
    scheme "default".
    """

    precisions: ClassVar[tuple[str, ...]] = ("float32", "tf32", "bfloat16")
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64")  # ("float32",): of a core that has no float64
    optimizers: ClassVar[tuple[str, ...]] = get_args(OptimizerName)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in vars(cls) and not hasattr(cls, "cell"):
            cls.cell = cls.name

    @abstractmethod
    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        """Build the recurrent part: a module that maps `(N, T, input_size)` to `(N, T, hidden_size)`.

        The module may return a tuple whose first item is the output, as `nn.GRU(…, batch_first=True)` does. Step
        t may depend on steps up to t only. `dropout` acts between layers and is 0 for a single layer.

        Where it takes a parameter `sequence_length`, it is told that of the task. Where the module's `forward` takes
        `lengths`, it is told the lengths `(N,)` of padded sequences, else None.
        """

    def parameter_groups(self, core: torch.nn.Module) -> Sequence[ParameterGroup]:
        """Which of the core's parameters have a learning rate or a weight decay of their own; by default none.

        The rest, and the head, have the configuration's.
        """
        return ()

    def core_for(self, problem: Problem, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        """`core`, told the sequence length where it asks for it. UserError where it cannot be called so."""
        more, signature = {}, inspect.signature(self.core)
        if "sequence_length" in signature.parameters:
            more["sequence_length"] = problem.sequence_length
        try:
            signature.bind(problem.input_size, hidden_size, num_layers, dropout, **more)
        except TypeError as error:
            given = ", ".join(["self", *map(str, signature.parameters.values())])
            raise UserError(
                f"model {self.name}: core({given}) cannot be called by bench ({error}): expected core(self, "
                "input_size, hidden_size, num_layers, dropout), and sequence_length after them where it is wanted"
            ) from error
        return self.core(problem.input_size, hidden_size, num_layers, dropout, **more)

    def build(self, problem: Problem, settings: Settings, weights: np.random.Generator, dropout: int) -> Learner:
        from bench.models.torch_learner.learner import TorchLearner
        from bench.models.torch_learner.network import initialised_network

        def core(hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
            return self.core_for(problem, hidden_size, num_layers, dropout)

        network = initialised_network(core, self.name, self.cell, problem, settings, weights)
        groups = self.parameter_groups(network.core)
        return TorchLearner(network, problem, settings, dropout_seed=dropout, model_name=self.name, groups=groups)

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        """Count the parameters of a core that is built for this purpose, without changing torch's global generator."""
        import torch

        with torch.random.fork_rng(devices=[]):
            core = self.core_for(problem, hidden_size, num_layers, 0.0)
        recurrent = sum(parameter.numel() for parameter in core.parameters())
        return ParameterCount(recurrent, (hidden_size + 1) * problem.output_size)
