"""The probe against central differences, against closed forms, against its twin, and against published figures."""

import functools

import numpy as np
import pytest

from bench.measure.gradient_flow import (
    EXPANDING,
    GAIN,
    LONGEST_LAG,
    SEQUENCES,
    expanded,
    factor,
    gradient_flow,
    prepare_schemes,
)
from bench.models.contract import Problem, Settings
from bench.models.initialisation import SCHEMES, draw_weights
from bench.models.registry import MODELS
from tasks.contract import Split
from tasks.registry import TASKS

CELLS = ("rnn", "gru", "lstm")
COPY = TASKS.create("copy[delay=50,length=10]")
DATA = COPY.generate(0).valid
PROBLEM = Problem.of(COPY, DATA)


def weights_of(cell, scheme="default", hidden=128, layers=1, problem=PROBLEM, seed=1):
    sizes = {"input_size": problem.input_size, "hidden_size": hidden, "num_layers": layers}
    rng = np.random.default_rng(seed)
    return draw_weights(
        scheme, cell, **sizes, output_size=problem.output_size, sequence_length=problem.sequence_length, rng=rng
    )


def flow_of(cell, scheme="default", prefix="", **changes):
    weights = weights_of(cell, scheme, **changes)
    settings = Settings(changes.get("hidden", 128), changes.get("layers", 1), init=scheme)
    return gradient_flow(MODELS.create(prefix + cell), changes.get("problem", PROBLEM), settings, weights, DATA)


@pytest.mark.parametrize(
    ("cell", "scheme", "expected"),
    [
        ("rnn", "default", 0.59),
        ("gru", "default", 0.63),
        ("lstm", "default", 0.63),
        ("lstm", "forget_bias", 0.86),
        ("rnn", "orthogonal", 0.94),
        ("gru", "chrono", 0.98),
    ],
)
def test_how_much_of_the_gradient_a_step_keeps(cell, scheme, expected):
    factors = [flow_of(cell, scheme, seed=seed).hidden_factor for seed in range(3)]
    assert np.mean(factors) == pytest.approx(expected, abs=0.025)


def test_a_chrono_lstm_keeps_it_in_its_cell():
    flow = flow_of("lstm", "chrono")
    assert flow.cell_factor == pytest.approx(0.98, abs=0.01)
    assert flow.cell[0] == 0  # no answer reads the last cell itself


def by_autograd(core, problem, weights, split):
    """`(states, lags)` mean norms in the last layer's states, by torch: the core is called for a step at a time."""
    import torch

    sequences, steps = split.inputs[:SEQUENCES], split.inputs.shape[1]
    core = core.double()
    core.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items() if "head" not in k})
    x = torch.tensor(sequences)
    x = torch.nn.functional.one_hot(x.long(), problem.input_size).double() if problem.tokens else x.double()
    zero = torch.zeros(core.num_layers, len(x), core.hidden_size, dtype=torch.float64)
    lstm = isinstance(core, torch.nn.LSTM)
    handed = [(zero.requires_grad_(), zero.clone().requires_grad_()) if lstm else (zero.requires_grad_(),)]
    for t in range(steps):
        _, state = core(x[:, t : t + 1], handed[-1] if lstm else handed[-1][0])
        handed.append(state if lstm else (state,))
    answers = handed[-1][0][-1] @ torch.tensor(weights["head.weight"]).T + torch.tensor(weights["head.bias"])
    targets = torch.tensor(split.targets[:SEQUENCES])
    if problem.loss == "cross_entropy":
        loss = torch.nn.functional.cross_entropy(answers, targets[:, -1].long(), reduction="sum")
    else:
        loss = (answers - targets).square().mean(dim=1).sum()
    gradients = torch.autograd.grad(loss, [part for state in handed for part in state], allow_unused=True)
    norms = [0.0 if g is None else float(g[-1].norm(dim=1).mean()) for g in gradients]
    return np.reshape(norms, (steps + 1, -1)).T[:, ::-1][:, : min(steps, LONGEST_LAG + 1)]


@pytest.mark.parametrize("prefix", ["", "numpy_"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("task", ["copy[delay=5,length=3]", "regression[window=6,outputs=2]"])
@pytest.mark.parametrize("cell", [*CELLS, "rnn[nonlinearity=relu]"])
def test_it_agrees_with_torch_s_autograd(cell, task, layers, prefix):
    made = TASKS.create(task)
    split = made.generate(0).valid
    problem, name = Problem.of(made, split), cell.partition("[")[0]
    weights = weights_of(name, hidden=7, layers=layers, problem=problem)
    core = MODELS.create(cell).core(problem.input_size, 7, layers, 0.0)
    expected = by_autograd(core, problem, weights, split)
    flow = gradient_flow(MODELS.create(prefix + cell), problem, Settings(7, layers), weights, split)
    np.testing.assert_allclose(flow.hidden, expected[0], rtol=1e-9)
    assert (flow.cell is None) == (name != "lstm")
    if flow.cell:
        np.testing.assert_allclose(flow.cell, expected[1], rtol=1e-9)


TASKS_OF_EVERY_FORM = ["sine[window=6]", "regression[window=6,outputs=2]", "copy[delay=3,length=2]", "adding[length=7]"]
TASKS_OF_EVERY_FORM += ["parity[longest=6,test_longest=8]", "counting[longest=3,test_longest=5]", "sine[per_step=true]"]


@pytest.mark.parametrize("name", TASKS_OF_EVERY_FORM)
@pytest.mark.parametrize("cell", CELLS)
def test_every_kind_of_task_can_be_probed_alike_by_both(cell, name):
    task = TASKS.create(name)
    split = task.generate(0).valid
    problem = Problem.of(task, split)
    weights = weights_of(cell, hidden=5, problem=problem)
    found = [gradient_flow(MODELS.create(n), problem, Settings(5), weights, split) for n in (cell, f"numpy_{cell}")]
    np.testing.assert_allclose(found[0].hidden, found[1].hidden, rtol=1e-8)
    assert found[0].hidden[0] > 0


def test_the_norms_of_a_linear_net_are_the_powers_of_its_weight():
    """With one positive relu unit h_t = w·h_{t-1} + 1 and answer h_T: dL/dh_{T-k} = dL/dy · w^k, above 1 as below."""
    problem, steps = Problem(1, 1, "mse", sequence_length=8), 8
    split = Split(np.ones((3, steps, 1), np.float32), np.zeros((3, 1), np.float32))
    model = MODELS.create("rnn[nonlinearity=relu]")
    for w in (0.5, 1.25):
        weights = {
            "weight_ih_l0": [[1.0]],
            "weight_hh_l0": [[w]],
            "bias_ih_l0": [0.0],
            "bias_hh_l0": [0.0],
            "head.weight": [[1.0]],
            "head.bias": [0.0],
        }
        flow = gradient_flow(model, problem, Settings(1), {k: np.array(v) for k, v in weights.items()}, split)
        answer = sum(w**k for k in range(steps))
        np.testing.assert_allclose(flow.hidden, [2 * answer * w**k for k in range(steps)])
        assert flow.hidden_factor == pytest.approx(w)


@pytest.mark.parametrize("prefix", ["", "numpy_"])
def test_expanded_orthogonal_weights_explode_by_just_their_spectral_radius_where_a_net_is_linear(prefix):
    """Without inputs a tanh RNN without biases stays at 0, where its slope is 1: norms are powers of GAIN."""
    weights = expanded(weights_of("rnn", "orthogonal", hidden=16))
    assert max(abs(np.linalg.eigvals(weights["weight_hh_l0"]))) == pytest.approx(GAIN)
    problem = Problem(PROBLEM.input_size, PROBLEM.output_size, "mse", sequence_length=30)
    silent = np.zeros((2, 30, problem.input_size), np.float32)
    split = Split(silent, np.ones((2, problem.output_size), np.float32))
    flow = gradient_flow(MODELS.create(f"{prefix}rnn"), problem, Settings(16), weights, split)
    np.testing.assert_allclose(flow.hidden, flow.hidden[0] * GAIN ** np.arange(30), rtol=1e-12)
    assert flow.hidden_factor == pytest.approx(GAIN, rel=1e-12)


def test_expanded_weights_explode_on_data_too_though_less():
    """Units that inputs saturate pass less on; gates that close let a GRU and an LSTM of such weights vanish still."""
    found = {}
    for cell in CELLS:
        weights = expanded(weights_of(cell, "orthogonal"))
        found[cell] = gradient_flow(MODELS.create(f"numpy_{cell}"), PROBLEM, Settings(128), weights, DATA).hidden_factor
    assert 1.1 < found["rnn"] < GAIN
    assert found["gru"] < 1 > found["lstm"]


def test_a_norm_is_the_slope_of_the_loss_along_the_state():
    """Central differences: start the last 3 steps from a nudged state."""
    import torch

    hidden, problem = 4, Problem(2, 1, "mse", sequence_length=6)
    rng = np.random.default_rng(0)
    split = Split(rng.normal(size=(1, 6, 2)).astype(np.float32), rng.normal(size=(1, 1)).astype(np.float32))
    weights = weights_of("gru", hidden=hidden, problem=problem)
    flow = gradient_flow(MODELS.create("numpy_gru"), problem, Settings(hidden), weights, split)
    core = torch.nn.GRU(2, hidden, batch_first=True, dtype=torch.float64)
    core.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items() if "head" not in k})
    inputs = torch.tensor(split.inputs, dtype=torch.float64)
    _, state = core(inputs[:, :3])

    def loss(nudge):
        out = core(inputs[:, 3:], state + nudge)[0][0, -1].detach().numpy()
        return ((weights["head.weight"] @ out + weights["head.bias"] - split.targets[0].astype(float)) ** 2).item()

    step = 1e-6 * np.eye(hidden)
    slopes = [(loss(torch.tensor(e)) - loss(torch.tensor(-e))) / 2e-6 for e in step]
    assert flow.hidden[3] == pytest.approx(np.linalg.norm(slopes), rel=1e-6)


def test_lags_are_counted_from_each_sequences_own_end():
    """Padding, whatever it holds, has no part in it."""
    task = TASKS.create("counting[longest=8,test_longest=10]")
    split = task.generate(0).valid
    problem = Problem.of(task, split)
    weights = weights_of("lstm", hidden=5, problem=problem)
    flow = gradient_flow(MODELS.create("lstm"), problem, Settings(5), weights, split)
    longest = np.argsort(-split.lengths, kind="stable")[:SEQUENCES]
    alone = []
    for row in longest:
        end = split.lengths[row]
        one = Split(split.inputs[[row], :end], split.targets[[row]])
        norms = gradient_flow(MODELS.create("lstm"), problem, Settings(5), weights, one).hidden
        alone.append(norms[: len(flow.hidden)])
    np.testing.assert_allclose(flow.hidden, np.mean(alone, axis=0), rtol=1e-9)


def test_it_repeats_to_the_last_bit_and_has_a_longest_lag():
    assert flow_of("gru") == flow_of("gru")
    long = TASKS.create("adding[length=150]")
    split = long.generate(0).valid
    problem = Problem.of(long, split)
    weights = weights_of("gru", hidden=4, problem=problem)
    flow = gradient_flow(MODELS.create("gru"), problem, Settings(4), weights, split)
    assert len(flow.hidden) == LONGEST_LAG + 1


def test_the_factor_by_hand():
    assert factor([9.0, 8.0, 4.0, 2.0]) == pytest.approx(0.5)
    assert factor([1.0, 2.0]) is None
    assert factor([1.0, 2.0, 0.0]) is None


def test_every_scheme_that_changes_something_is_measured_and_the_trained_weights():
    settings = Settings(6, init="chrono")
    model = MODELS.create("gru")
    found = prepare_schemes(
        model, PROBLEM, settings, lambda scheme: weights_of("gru", scheme, hidden=6), weights_of("gru", hidden=6), DATA
    )()
    cases = [(each["init"], each["state"]) for each in found]
    schemes = [s for s in SCHEMES if s != "forget_bias"]
    assert cases == [*((s, "initial") for s in (*schemes, EXPANDING)), ("chrono", "trained")]
    assert found[0]["hidden"] == found[-1]["hidden"]  # the "trained" ones were the default's


def test_a_model_whose_states_are_not_known_is_left_out():
    import torch

    from bench.models.torch_model import TorchModel

    class Derived(torch.nn.GRU):
        """May compute anything."""

    class Odd(TorchModel):
        name = "odd"
        cell = "odd"

        def core(self, input_size, hidden_size, num_layers, dropout):
            return made[0](input_size, hidden_size)

    made = []
    two_ways = functools.partial(torch.nn.GRU, bidirectional=True)
    projected = functools.partial(torch.nn.LSTM, proj_size=2)
    for core in (torch.nn.Linear, Derived, two_ways, projected, functools.partial(torch.nn.RNN, bias=False)):
        made[:] = [core]
        assert gradient_flow(Odd(), PROBLEM, Settings(4), {}, DATA) is None
        assert prepare_schemes(Odd(), PROBLEM, Settings(4), dict, {}, DATA)() is None
