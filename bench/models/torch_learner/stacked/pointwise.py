"""The point-wise part of a GRU's and an LSTM's step, and its backward pass: one kernel each on a GPU.

There they are the kernels of torch's own `nn.GRUCell` and `nn.LSTMCell` (`aten/src/ATen/native/cuda/RNN.cu`), which
exist on CUDA alone; elsewhere the same arithmetic in operations of torch's, with the same arguments and the same
workspace. R rows are independent of one another.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gru_step(input_gates: Tensor, hidden_gates: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """The new hidden state `(R, H)`, and a workspace `(R, 5H)` for the backward pass.

    input_gates, hidden_gates: `(R, 3H)`, the products with the input and with the hidden state, biases included, in the
    order reset, update, new. hidden: `(R, H)`.
    """
    if hidden.is_cuda:
        found: tuple[Tensor, Tensor] = torch.ops.aten._thnn_fused_gru_cell(input_gates, hidden_gates, hidden)
        return found
    size = hidden.shape[1]
    both = input_gates[:, : 2 * size] + hidden_gates[:, : 2 * size]
    reset, update = torch.sigmoid(both).chunk(2, 1)
    from_hidden = hidden_gates[:, 2 * size :]
    new = torch.tanh(input_gates[:, 2 * size :] + reset * from_hidden)
    return new + update * (hidden - new), torch.cat([reset, update, new, hidden, from_hidden], 1)


def gru_step_backward(gradient: Tensor, workspace: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the input gates, the hidden gates `(R, 3H)` each, and of the hidden state `(R, H)`.

    The last is what reaches it directly, without what reaches it through the gates. gradient: of the new state.
    """
    if gradient.is_cuda:
        found = torch.ops.aten._thnn_fused_gru_cell_backward(gradient, workspace, False)
        return found[0], found[1], found[2]
    reset, update, new, hidden, from_hidden = workspace.chunk(5, 1)
    to_update = gradient * (hidden - new) * (1 - update) * update
    to_new = gradient * (1 - update) * (1 - new * new)
    to_reset = to_new * from_hidden * (1 - reset) * reset
    to_input = torch.cat([to_reset, to_update, to_new], 1)
    return to_input, torch.cat([to_reset, to_update, to_new * reset], 1), gradient * update


def lstm_step(input_gates: Tensor, hidden_gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The new hidden state and the new cell state, `(R, H)` each, and a workspace `(R, 4H)` for the backward pass.

    input_gates, hidden_gates: `(R, 4H)`, in the order input, forget, cell, output. cell: `(R, H)`.
    """
    if cell.is_cuda:
        found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten._thnn_fused_lstm_cell(input_gates, hidden_gates, cell)
        return found
    gates = input_gates + hidden_gates
    take, forget, new, give = gates.chunk(4, 1)
    take, forget, new, give = torch.sigmoid(take), torch.sigmoid(forget), torch.tanh(new), torch.sigmoid(give)
    after = forget * cell + take * new
    return give * torch.tanh(after), after, torch.cat([take, forget, new, give], 1)


def lstm_step_backward(
    gradient: Tensor, cell_gradient: Tensor | None, before: Tensor, after: Tensor, workspace: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the gates `(R, 4H)` and of the cell state before the step `(R, H)`.

    gradient, cell_gradient: of the new hidden and cell states. before, after: the cell states.
    """
    if gradient.is_cuda:
        fused = torch.ops.aten._thnn_fused_lstm_cell_backward_impl
        found = fused(gradient, cell_gradient, before, after, workspace, False)
        return found[0], found[1]
    take, forget, new, give = workspace.chunk(4, 1)
    squashed = torch.tanh(after)
    to_cell = gradient * give * (1 - squashed * squashed)
    if cell_gradient is not None:
        to_cell = to_cell + cell_gradient
    to_gates = [
        to_cell * new * take * (1 - take),
        to_cell * before * forget * (1 - forget),
        to_cell * take * (1 - new * new),
        gradient * squashed * give * (1 - give),
    ]
    return torch.cat(to_gates, 1), to_cell * forget
