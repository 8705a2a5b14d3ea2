"""A recurrent core with a linear head, its initial weights, and which kernel runs it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.models.contract import Problem, Settings
from bench.models.initialisation import GATES, draw_weights
from tasks.contract import Array
from tasks.errors import UserError

CoreOf = Callable[[int, int, float], nn.Module]  # hidden_size, num_layers, dropout

CELL_OF_MODE = {"GRU": "gru", "LSTM": "lstm", "RNN_TANH": "rnn", "RNN_RELU": "rnn"}
KERNEL_OF_NODE = {"CudnnRnnBackward": "cudnn", "MkldnnRnnLayerBackward": "onednn"}
PROBED_STEPS = 16  # of a task's own, of a core that torch does not bring: enough to see what it looks at


def builtin_rnn(core: nn.Module) -> nn.RNNBase | None:
    """The core where it is an `nn.RNN`, `nn.GRU` or `nn.LSTM` that runs forward, batch first; else None.

    A class derived from these is none of them: it may compute and return anything.
    """
    if type(core) not in (nn.RNN, nn.GRU, nn.LSTM):
        return None
    assert isinstance(core, nn.RNNBase)
    return core if core.batch_first and not core.bidirectional else None


def flatten_bfloat16_weights(core: nn.Module) -> None:
    """Lay the weights of an `nn.RNNBase` on a GPU out in one piece, where cuDNN runs it in bfloat16.

    `flatten_parameters` does this for the other types. It leaves bfloat16 out (torch 2.13's list `CUDNN_TENSOR_DTYPES`
    lacks it), while the layer itself takes cuDNN's kernel: each call would then warn, and copy all weights together.
    """
    if not isinstance(core, nn.RNNBase) or not torch.cudnn_is_acceptable(next(core.parameters())):
        return
    mode = torch.backends.cudnn.rnn.get_cudnn_mode(core.mode)  # type: ignore[no-untyped-call]
    weights_of_a_layer = (4 if core.bias else 2) + (1 if core.proj_size else 0)
    with torch.no_grad():
        torch._cudnn_rnn_flatten_weight(
            core._flat_weights,  # type: ignore[arg-type]
            weights_of_a_layer,
            core.input_size,
            mode,
            core.hidden_size,
            core.proj_size,
            core.num_layers,
            core.batch_first,
            bool(core.bidirectional),
        )


class Network(nn.Module):
    """`core` (N, T, I) -> (N, T, H), then `head` H -> O at every step, or at the last real one."""

    def __init__(self, core: nn.Module, head: nn.Linear, per_step: bool) -> None:
        super().__init__()
        self.core, self.head, self.per_step = core, head, per_step
        self.is_builtin_rnn = builtin_rnn(core) is not None
        self._takes_lengths = "lengths" in inspect.signature(core.forward).parameters
        self._zero_states: dict[tuple[int, torch.dtype], Any] = {}  # by number and type of sequences

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """inputs: `(N, T, I)`; lengths: `(N,)` int64 or None. Returns `(N, T, O)` per step, else `(N, O)`."""
        found = self.core(inputs, self._zero_state(inputs)) if self._keeps_zeros else self._run(inputs, lengths)
        hidden = _outputs(found)
        if not self.per_step:
            if lengths is not None:
                last = (lengths - 1).view(-1, 1, 1).expand(-1, 1, hidden.shape[2])
                hidden = hidden.gather(1, last).squeeze(1)
            elif self.is_builtin_rnn:
                # The same numbers as hidden[:, -1], whose gradient would be one of all outputs, zero but for the last,
                # added up at every step: 1 to 6 % of a training step.
                final = found[1][0] if isinstance(found[1], tuple) else found[1]  # of an LSTM's (h, c), h: (L, N, H)
                hidden = final.squeeze(0) if len(final) == 1 else final[-1]  # whose gradient takes two kernels
            else:
                hidden = hidden[:, -1]
        outputs: Tensor = self.head(hidden)
        return outputs

    def hidden(self, inputs: Tensor) -> Any:
        """What the core returns for sequences that are not padded, without what may stand beside its outputs."""
        return _outputs(self._run(inputs, None))

    def _run(self, inputs: Tensor, lengths: Tensor | None) -> Any:
        return self.core(inputs, lengths=lengths) if self._takes_lengths else self.core(inputs)

    @property
    def _keeps_zeros(self) -> bool:
        """In training alone: its batches have two sizes at most, so what is kept stays small."""
        return self.is_builtin_rnn and torch.is_grad_enabled() and not torch.is_inference_mode_enabled()

    def _zero_state(self, inputs: Tensor) -> Any:
        """The state before the first step, which a layer that is given none would fill with zeros at each call."""
        core, count = self.core, inputs.shape[0]
        assert isinstance(core, nn.RNNBase)
        key = (count, inputs.dtype)
        if key not in self._zero_states:
            hidden = inputs.new_zeros(core.num_layers, count, core.proj_size or core.hidden_size)
            cell = inputs.new_zeros(core.num_layers, count, core.hidden_size)
            self._zero_states[key] = (hidden, cell) if core.mode == "LSTM" else hidden
        return self._zero_states[key]

    def named_weights(self) -> dict[str, Tensor]:
        """Parameters and persistent buffers by the contract's names: the core's own, and `head.…`."""
        return {name.removeprefix("core."): tensor for name, tensor in self.state_dict(keep_vars=True).items()}


def initialised_network(
    core_of: CoreOf, name: str, cell: str, problem: Problem, settings: Settings, rng: np.random.Generator
) -> Network:
    """A network on the settings' device, its weights drawn from `rng` in float64 and cast.

    core_of: makes the recurrent part (`TorchModel.core_for`). name: of the model, for messages. cell: whose initial
    weights the core has, where its parameters are exactly that cell's.
    """
    sizes = (settings.hidden_size, settings.num_layers)
    dropout = settings.dropout if settings.num_layers > 1 else 0.0
    # the constructors draw from torch's global generator: leave that one as it was
    with torch.random.fork_rng(devices=[]):
        core = core_of(*sizes, dropout)
        if not isinstance(core, nn.Module):
            raise UserError(f"model {name}: core() returned {core!r}, expected a torch.nn.Module")
        known = known_cell(cell, core, problem.input_size, *sizes)
        if known is None:
            if settings.init != "default":
                raise UserError(
                    f"model {name} draws its own initial weights, so init must be 'default', not "
                    f"'{settings.init}': leave init out for this model, or compare the schemes on gru, lstm and rnn"
                )
            torch.manual_seed(int(rng.integers(2**63)))
            core = core_of(*sizes, dropout)
        head = nn.Linear(settings.hidden_size, problem.output_size)
    if any(name.startswith("head.") for name in core.state_dict()):
        raise UserError(f"model {name}: its core has a submodule 'head', the name of the linear head: rename it")
    network = Network(core, head, problem.per_step).to(settings.device, getattr(torch, settings.dtype))
    if known is None:
        bound = 1 / np.sqrt(settings.hidden_size)
        drawn = {
            "head.weight": rng.uniform(-bound, bound, tuple(head.weight.shape)),
            "head.bias": rng.uniform(-bound, bound, tuple(head.bias.shape)),
        }
    else:
        drawn = draw_weights(
            settings.init,
            known,
            input_size=problem.input_size,
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            output_size=problem.output_size,
            sequence_length=problem.sequence_length,
            rng=rng,
        )
    weights = network.named_weights()
    with torch.no_grad():
        for weight, values in drawn.items():
            weights[weight].copy_(torch.from_numpy(values))
    return network


def probe(network: Network, model_name: str, problem: Problem, settings: Settings) -> str:
    """Run the core on a few short sequences: check what it returns, and tell which kernel ran ("cudnn", "onednn",
    "aten").

    The kernel is read from the autograd graph of that very run, so it is what runs, not what should run. UserError for
    outputs of another shape, for sequences that see each other, and, where every step is predicted, for a step that
    sees a later one.
    """
    parameter = next(network.parameters())
    steps = 2 if network.is_builtin_rnn else max(2, min(problem.sequence_length, PROBED_STEPS))
    values = torch.linspace(-1, 1, 3 * steps * problem.input_size, dtype=parameter.dtype, device=parameter.device)
    inputs = values.reshape(3, steps, problem.input_size)
    network.eval()  # no dropout drawn, no running statistics touched
    hidden = network.hidden(inputs)
    expected = (3, steps, settings.hidden_size)
    if not isinstance(hidden, Tensor) or tuple(hidden.shape) != expected:
        found = tuple(hidden.shape) if isinstance(hidden, Tensor) else type(hidden).__name__
        raise UserError(
            f"model {model_name}: its core maps (N, T, input_size) = {tuple(inputs.shape)} to {found}, expected "
            f"(N, T, hidden_size) = {expected}, or a tuple that begins with it"
        )
    if not network.is_builtin_rnn:
        _check_independence(network, model_name, inputs)
    network.train()
    pending, seen = [hidden.grad_fn], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for name, kernel in KERNEL_OF_NODE.items():
            if node.name().startswith(name):
                return kernel
        pending.extend(parent for parent, _ in node.next_functions)
    return "aten"


@torch.no_grad()
def _check_independence(network: Network, model_name: str, inputs: Tensor) -> None:
    """UserError where the later half of the second sequence matters to others, or to its own earlier half.

    A core that does not repeat itself (it draws random numbers, or remembers) passes: there is nothing to compare.
    """
    middle = inputs.shape[1] // 2
    changed = inputs.clone()
    changed[1, middle:] += 1
    first, again, other = (network.hidden(given) for given in (inputs, inputs, changed))
    if not torch.equal(first.nan_to_num(), again.nan_to_num()):
        return
    same = torch.isclose(other, first, rtol=1e-4, atol=1e-5, equal_nan=True)
    if not (same[0].all() and same[2].all()):
        raise UserError(
            f"model {model_name}: its core mixes sequences, as what one holds changes the outputs of another: torch's "
            "recurrent layers need batch_first=True"
        )
    if network.per_step and not same[1, :middle].all():
        raise UserError(
            f"model {model_name}: its core looks ahead, as what a step holds changes the outputs of earlier ones: on a "
            "task that predicts every step, step t may depend on steps up to t only"
        )


def known_cell(named: str, core: nn.Module, input_size: int, hidden_size: int, num_layers: int) -> str | None:
    """ "gru", "lstm" or "rnn" where `draw_weights` has weights for exactly the parameters of this core, else None."""
    cell = CELL_OF_MODE.get(core.mode) if isinstance(core, nn.RNNBase) else named
    if cell not in GATES:
        return None
    rows = GATES[cell] * hidden_size
    expected: dict[str, tuple[int, ...]] = {}
    for layer in range(num_layers):
        expected[f"weight_ih_l{layer}"] = (rows, hidden_size if layer else input_size)
        expected[f"weight_hh_l{layer}"] = (rows, hidden_size)
        expected[f"bias_ih_l{layer}"] = expected[f"bias_hh_l{layer}"] = (rows,)
    return cell if {name: tuple(tensor.shape) for name, tensor in core.state_dict().items()} == expected else None


def _outputs(found: Any) -> Any:
    """What a core returns, without what may stand beside its outputs."""
    return found[0] if isinstance(found, tuple) else found


def as_array(tensor: Tensor) -> Array:
    """A copy on the host; NumPy has no bfloat16, so that becomes float32."""
    tensor = tensor.detach().cpu()
    return np.array((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())
