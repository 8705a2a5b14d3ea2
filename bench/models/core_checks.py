"""The checks of a torch core: what the rest of bench relies on and `Learner` does not show.

torch is imported inside them, as listing models must stay fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.models.memory_checks import check_memory
from bench.models.torch_model import TorchModel
from bench.models.tried_model import TriedModel
from tasks.checking import Check
from tasks.errors import listed

if TYPE_CHECKING:
    import torch


def core_checks(tried: TriedModel, sizes: Sequence[tuple[int, int]]) -> list[Check]:
    """What only a torch model promises; none for another."""
    model = tried.model
    if not isinstance(model, TorchModel):
        return []
    return [
        Check("the core has parameters to train", lambda: _check_parameters(tried, model), needed=True),
        Check("initial values that core() sets are kept", lambda: _check_initial_values(tried, model)),
        Check("nothing is carried from batch to batch", lambda: check_memory(tried), needed=True),
        Check("the core computes in float64", lambda: _check_float64(tried, model, sizes)),
    ]


def _check_parameters(tried: TriedModel, model: TorchModel) -> None:
    """Layers and tensors in a plain list are no parameters: they would neither be trained nor counted."""
    core = _core(tried, model)
    parameters = dict(core.named_parameters())
    if any(parameter.requires_grad for parameter in parameters.values()):
        if hidden := _hidden_weights(core):
            raise tried.error(
                f"its core has weights that are neither trained nor counted ({listed(hidden, 4)})",
                "expected them as nn.Parameter in an attribute or in nn.ParameterList, and layers in nn.ModuleList",
            )
        return
    if model.untrained and all(map(model.leaves_untrained, parameters)):
        return
    named = f"none of its core's parameters ({listed(parameters, 4)}) is trained"
    raise tried.error(
        named if parameters else "its core has no parameters, so that nothing of it is trained or counted",
        "expected layers as attributes or in nn.ModuleList (a plain list hides them) and weights as nn.Parameter; a "
        'reservoir declares untrained = ("*",), its weights nn.Parameter(…, requires_grad=False)',
    )


def _hidden_weights(core: torch.nn.Module) -> list[str]:
    """Attributes with tensors that want a gradient, themselves or in a list, tuple or dict, and are no parameters."""
    import torch

    known = {id(parameter) for parameter in core.parameters()}

    def hides(value: object) -> bool:
        if isinstance(value, torch.Tensor):
            return value.requires_grad and value.is_leaf and id(value) not in known
        if isinstance(value, torch.nn.Module):
            return any(map(hides, value.parameters()))
        if isinstance(value, dict):
            return any(map(hides, value.values()))
        return isinstance(value, list | tuple) and any(map(hides, value))

    return [
        f"{place}.{name}" if place else name
        for place, module in core.named_modules()
        for name, value in vars(module).items()
        if not name.startswith("_") and hides(value)
    ]


def _check_initial_values(tried: TriedModel, model: TorchModel) -> None:
    """The weights of an `nn.GRU` (LSTM, RNN) are drawn anew by the scheme of --init, so a constructor must not set any.

    A module of the class's own that declares `cell = "gru"` asks for just that.
    """
    import torch
    from torch import nn

    from bench.models.torch_learner.network import known_cell

    core, settings = _core(tried, model), tried.settings
    cell = known_cell(model.cell, core, tried.problem.input_size, settings.hidden_size, settings.num_layers)
    if cell is None or not isinstance(core, nn.RNNBase):
        return
    kind = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}[cell]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = dict(kind(core.input_size, core.hidden_size, core.num_layers).named_parameters())
    replaced = [name for name, value in core.named_parameters() if not torch.equal(value, drawn[name])]
    if replaced:
        raise tried.error(
            f"core() sets initial values of {listed(replaced, 4)} of an nn.{kind.__name__}, and bench replaces them by "
            "those of --init",
            "expected them as the layer draws them: put the layer into a module of your own (self.rnn = …), whose "
            "initial values are kept, or use --init, as in --init forget_bias",
        )


def _check_float64(tried: TriedModel, model: TorchModel, sizes: Sequence[tuple[int, int]]) -> str | None:
    """The gradient and the gate's traces are computed in it; what is not registered stays in float32."""
    if "float64" not in model.dtypes:
        return f"its class has dtypes = {model.dtypes}"
    if "cpu" not in model.devices:
        return "it does not run on a CPU"
    hidden_size, num_layers = min(sizes, key=lambda size: (-size[1], size[0]))  # where most is to be registered
    try:
        learner = tried.build(tried.double, hidden_size=hidden_size, num_layers=num_layers)
        learner.predict(learner.place(tried.split))
    except Exception as error:
        why = str(error).partition("\n")[0]
        raise tried.error(
            f"its core of {num_layers} layer(s) does not compute in float64 ({type(error).__name__}: {why})",
            "expected layers in nn.ModuleList (not in a plain list), weights as nn.Parameter, constants through "
            'register_buffer and x.new_zeros(…); a core for float32 alone declares dtypes = ("float32",)',
        ) from error
    return None


def _core(tried: TriedModel, model: TorchModel) -> torch.nn.Module:
    """The core as its constructor leaves it, always from the same seed of torch."""
    import torch

    settings = tried.settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model.core_for(tried.problem, settings.hidden_size, settings.num_layers, 0.0)
