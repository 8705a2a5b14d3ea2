"""What every model promises, tried on every entry of the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Learner, Model, Problem, Settings
from bench.models.initialisation import GATES
from bench.models.registry import MODELS
from bench.seeds import generator
from tasks.contract import Array, Split
from tasks.errors import UserError
from tasks.losses import mean_loss

MakeSplit = Callable[..., Split]
PROBLEMS = {
    "value": Problem(input_size=2, output_size=1, loss="mse", sequence_length=6),
    "values at each step": Problem(input_size=3, output_size=2, loss="mse", per_step=True, sequence_length=5),
    "class": Problem(input_size=2, output_size=3, loss="cross_entropy", sequence_length=5),
    "class of tokens at each step": Problem(
        input_size=4, output_size=3, loss="cross_entropy", per_step=True, tokens=True, sequence_length=6
    ),
    "labels": Problem(input_size=2, output_size=3, loss="binary_cross_entropy", sequence_length=4),
    "labels at each step": Problem(
        input_size=2, output_size=3, loss="binary_cross_entropy", per_step=True, sequence_length=4
    ),
}
PER_STEP = {name: problem for name, problem in PROBLEMS.items() if problem.per_step}
SETTINGS = Settings(hidden_size=5, num_layers=2, learning_rate=0.01)


@pytest.fixture(params=[name for name in MODELS.entries() if name != "esn"])  # which is fitted, not stepped
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS.create("attention[heads=5]" if request.param == "attention" else request.param)  # of SETTINGS' size


def build(model: Model, problem: Problem, settings: Settings = SETTINGS, seed: int = 0, dropout: int = 0) -> Learner:
    return model.build(problem, settings, generator("init", model.cell, seed), dropout)


def train(learner: Learner, split: Split, epochs: int = 2, batch_size: int = 5) -> Array:
    placed, collected = learner.place(split), []
    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(len(split))
        collected += [learner.train_step(batch) for batch in learner.batches(placed, order, batch_size)]
    return learner.losses(collected)


def assert_same_state(one: dict[str, Array], other: dict[str, Array]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def gradient(learner: Learner, split: Split) -> dict[str, Array]:
    """Of the first step: a fresh Adam's first moment is a tenth of it."""
    learner.learning_rate = 0.0
    train(learner, split, epochs=1, batch_size=len(split))
    return {name[len("adam.m.") :]: 10 * value for name, value in learner.state().items() if name.startswith("adam.m.")}


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_parameter_count_is_the_number_of_weights(model: Model, problem: Problem, layers: int) -> None:
    learner = build(model, problem, replace(SETTINGS, num_layers=layers))
    sizes = {name: value.size for name, value in learner.state().items() if not name.startswith(("adam.", "fit."))}
    count = learner.parameter_count
    assert count == model.count_parameters(problem, SETTINGS.hidden_size, layers)
    assert count.head == sizes.pop("head.weight") + sizes.pop("head.bias")
    assert count.recurrent == sum(sizes.values())


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_training_lowers_the_loss(model: Model, problem: Problem, make_split: MakeSplit) -> None:
    learner = build(model, problem, replace(SETTINGS, learning_rate=0.03))
    losses = train(learner, make_split(problem), epochs=60, batch_size=12)
    assert losses.shape == (60,)
    assert losses.dtype == np.float64
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_predictions_have_shape_and_type(model: Model, problem: Problem, dtype: Any, make_split: MakeSplit) -> None:
    learner = build(model, problem, replace(SETTINGS, dtype=dtype))
    outputs = learner.predict(learner.place(make_split(problem, sequences=7)))
    assert outputs.shape == (
        (7, problem.sequence_length, problem.output_size) if problem.per_step else (7, problem.output_size)
    )
    assert outputs.dtype == np.dtype(dtype)
    assert all(weight.dtype == np.dtype(dtype) for name, weight in learner.state().items() if "weight" in name)


@pytest.mark.parametrize(
    ("problem", "mask"), [(problem, False) for problem in PROBLEMS.values()] + [(p, True) for p in PER_STEP.values()]
)
def test_loss_of_a_step_is_that_of_the_predictions_before_it(
    model: Model, problem: Problem, mask: bool, make_split: MakeSplit
) -> None:
    split = make_split(problem, mask=mask)
    learner = build(model, problem, replace(SETTINGS, dtype="float64"))
    expected = mean_loss(problem.loss, learner.predict(learner.place(split)), split.targets, split.mask)
    assert train(learner, split, epochs=1, batch_size=len(split)) == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_gradient_is_that_of_finite_differences(
    model: Model, problem: Problem, layers: int, make_split: MakeSplit
) -> None:
    split = make_split(problem, sequences=4, mask=problem.per_step, lengths=not problem.per_step)
    learner = build(model, problem, replace(SETTINGS, num_layers=layers, dtype="float64", clip_norm=None))
    placed, state, width = learner.place(split), learner.state(), 1e-5

    def loss_with(name: str, index: tuple[int, ...], change: float) -> float:
        changed = {**state, name: state[name].copy()}
        changed[name][index] += change
        learner.load_state(changed)
        return mean_loss(problem.loss, learner.predict(placed), split.targets, split.mask)

    rng, checks = np.random.default_rng(0), []
    for name in (name for name in state if not name.startswith("adam.")):
        for _ in range(3):
            index = tuple(int(rng.integers(size)) for size in state[name].shape)
            slope = (loss_with(name, index, width) - loss_with(name, index, -width)) / (2 * width)
            checks.append((name, index, slope))
    learner.load_state(state)
    computed = gradient(learner, split)
    for name, index, slope in checks:
        assert computed[name][index] == pytest.approx(slope, rel=1e-5, abs=1e-9), (name, index)


def test_the_same_seed_gives_the_same_training_and_another_seed_another(model: Model, make_split: MakeSplit) -> None:
    problem = PROBLEMS["value"]
    split = make_split(problem)
    first, second, other = (build(model, problem, seed=seed) for seed in (0, 0, 1))
    losses = [train(learner, split) for learner in (first, second, other)]
    np.testing.assert_array_equal(losses[0], losses[1])
    assert_same_state(first.state(), second.state())
    assert not np.array_equal(losses[0], losses[2])


def test_dropout_is_seeded_and_off_in_predictions(model: Model, make_split: MakeSplit) -> None:
    problem, settings = PROBLEMS["values at each step"], replace(SETTINGS, dropout=0.5)
    split = make_split(problem)
    for seed in (3, 4):
        learner = build(model, problem, settings, dropout=seed)
        placed = learner.place(split)
        before = learner.predict(placed)
        np.testing.assert_array_equal(before, learner.predict(placed))
        plain = build(model, problem)
        np.testing.assert_array_equal(before, plain.predict(plain.place(split)))
    runs = [train(build(model, problem, settings, dropout=seed), split) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert not np.array_equal(runs[0], train(build(model, problem), split))


def test_dropout_has_no_effect_on_one_layer(model: Model, make_split: MakeSplit) -> None:
    problem, one_layer = PROBLEMS["value"], replace(SETTINGS, num_layers=1)
    split = make_split(problem)
    dropped = train(build(model, problem, replace(one_layer, dropout=0.5)), split)
    np.testing.assert_array_equal(dropped, train(build(model, problem, one_layer), split))


def test_a_saved_state_continues_bit_for_bit(model: Model, make_split: MakeSplit) -> None:
    problem = PROBLEMS["class of tokens at each step"]
    split = make_split(problem)
    original, restored = build(model, problem), build(model, problem, seed=9)
    train(original, split)
    saved = original.state()
    kept = {name: value.copy() for name, value in saved.items()}
    continued = train(original, split)
    assert_same_state(saved, kept)  # a copy: training on does not change it
    restored.load_state(saved)
    assert_same_state(restored.state(), saved)
    np.testing.assert_array_equal(train(restored, split), continued)
    assert_same_state(restored.state(), original.state())


def test_a_fresh_state_has_every_entry(model: Model) -> None:
    state = build(model, PROBLEMS["value"]).state()
    weights = {name for name in state if not name.startswith("adam.")}
    assert {"head.weight", "head.bias"} < weights
    moments = {f"adam.{moment}.{name}" for moment in "mv" for name in weights}
    assert state.keys() == weights | moments | {"adam.step"}
    assert state["adam.step"] == 0
    assert not any(state[name].any() for name in moments)


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape"])
def test_a_wrong_state_is_refused_whole(model: Model, damage: str) -> None:
    learner = build(model, PROBLEMS["value"])
    before = learner.state()
    state = build(model, PROBLEMS["value"], seed=1).state()
    if damage == "missing":
        del state["head.bias"]
    elif damage == "unknown":
        state["head.scale"] = np.ones(1)
    else:
        state["head.bias"] = np.ones(7)
    with pytest.raises(ValueError, match=r"head\.(bias|scale)"):
        learner.load_state(state)
    assert_same_state(learner.state(), before)


@pytest.mark.parametrize("problem", PER_STEP.values(), ids=PER_STEP)
def test_steps_outside_the_mask_do_not_matter(model: Model, problem: Problem, make_split: MakeSplit) -> None:
    split = make_split(problem, mask=True)
    assert split.mask is not None
    targets = split.targets.copy()
    targets[~split.mask] = (targets[~split.mask] + 1) % problem.output_size if targets.ndim == 2 else np.nan
    one, other = build(model, problem), build(model, problem)
    losses = train(one, split)
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(losses, train(other, replace(split, targets=targets)))
    assert_same_state(one.state(), other.state())
    assert not np.array_equal(losses, train(build(model, problem), replace(split, mask=None)))


@pytest.mark.parametrize("name", ["value", "class", "labels"])
def test_a_padded_sequence_is_read_at_its_last_real_step(model: Model, name: str, make_split: MakeSplit) -> None:
    problem = PROBLEMS[name]
    split = make_split(problem, lengths=True)
    assert split.lengths is not None
    inputs = split.inputs.copy()
    for row, length in enumerate(split.lengths):
        inputs[row, length:] = 1e3
    one, other = build(model, problem), build(model, problem)
    outputs = one.predict(one.place(split))
    np.testing.assert_array_equal(outputs, other.predict(other.place(replace(split, inputs=inputs))))
    for row, length in enumerate(split.lengths):
        alone = one.place(Split(split.inputs[row : row + 1, :length], split.targets[row : row + 1]))
        np.testing.assert_allclose(outputs[row], one.predict(alone)[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(train(one, split), train(other, replace(split, inputs=inputs)))
    assert_same_state(one.state(), other.state())


def test_tokens_are_one_hot_inputs(model: Model, make_split: MakeSplit) -> None:
    problem = PROBLEMS["class of tokens at each step"]
    split = make_split(problem)
    hot = replace(split, inputs=np.eye(problem.input_size, dtype=np.float32)[split.inputs])
    tokens, values = build(model, problem), build(model, replace(problem, tokens=False))
    np.testing.assert_allclose(train(tokens, split), train(values, hot), rtol=1e-5)
    outputs = tokens.predict(tokens.place(split))
    np.testing.assert_allclose(outputs, values.predict(values.place(hot)), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_batches_follow_the_order(model: Model, problem: Problem, make_split: MakeSplit) -> None:
    split = make_split(problem, mask=problem.per_step, lengths=not problem.per_step)
    order = np.random.default_rng(5).permutation(len(split))
    parts = {field: None if (value := getattr(split, field)) is None else value[order] for field in vars(split)}
    one, other = build(model, problem), build(model, problem)
    placed, sorted_placed = one.place(split), other.place(Split(**parts))
    losses = one.losses([one.train_step(batch) for batch in one.batches(placed, order, 5)])
    straight = [other.train_step(batch) for batch in other.batches(sorted_placed, np.arange(len(split)), 5)]
    assert len(losses) == 3  # 5, 5 and the last 2
    np.testing.assert_array_equal(losses, other.losses(straight))


def test_learning_rate_can_be_set_between_steps(model: Model, make_split: MakeSplit) -> None:
    problem = PROBLEMS["value"]
    learner, split = build(model, problem), make_split(problem)
    assert learner.learning_rate == SETTINGS.learning_rate
    before = learner.state()
    learner.learning_rate = 0.0
    train(learner, split)
    after = learner.state()
    weights = [name for name in before if not name.startswith("adam.")]
    assert all(np.array_equal(before[name], after[name]) for name in weights)
    learner.learning_rate = 0.1
    train(learner, split)
    assert not any(np.array_equal(after[name], learner.state()[name]) for name in weights)


def test_clipping_bounds_the_norm_of_the_whole_gradient(model: Model, make_split: MakeSplit) -> None:
    problem, settings = PROBLEMS["value"], replace(SETTINGS, dtype="float64")
    split = make_split(problem)
    free = gradient(build(model, problem, replace(settings, clip_norm=None)), split)
    norm = np.sqrt(sum(np.square(value).sum() for value in free.values()))
    clipped = gradient(build(model, problem, replace(settings, clip_norm=float(norm) / 2)), split)
    loose = gradient(build(model, problem, replace(settings, clip_norm=float(norm) * 2)), split)
    for name in free:
        np.testing.assert_allclose(clipped[name], free[name] / 2, rtol=1e-5, atol=1e-15)
        np.testing.assert_allclose(loose[name], free[name], rtol=1e-12, atol=1e-15)


def test_weight_decay_adds_the_weights_to_the_gradient(model: Model, make_split: MakeSplit) -> None:
    problem, settings = PROBLEMS["value"], replace(SETTINGS, dtype="float64", clip_norm=None)
    split = make_split(problem)
    weights = build(model, problem, settings).state()
    free = gradient(build(model, problem, settings), split)
    decayed = gradient(build(model, problem, replace(settings, weight_decay=0.3)), split)
    for name in free:
        own = model.name == "lru" and name.rpartition(".")[2] in ("nu", "theta", "gamma", "b")
        decay = 0.0 if own else 0.3  # lru gives its recurrence a group without decay
        np.testing.assert_allclose(decayed[name], free[name] + decay * weights[name], rtol=1e-9, atol=1e-12)


def test_losses_of_nothing_are_nothing(model: Model) -> None:
    assert build(model, PROBLEMS["value"]).losses([]).shape == (0,)


def test_an_initialisation_scheme_reaches_the_weights_or_is_refused(model: Model) -> None:
    problem = PROBLEMS["value"]
    if model.cell not in GATES:
        with pytest.raises(UserError, match=f"model {model.name} draws its own initial weights"):
            build(model, problem, replace(SETTINGS, init="orthogonal"))
        return
    orthogonal = build(model, problem, replace(SETTINGS, init="orthogonal", dtype="float64")).state()
    block = orthogonal["weight_hh_l0"][: SETTINGS.hidden_size]
    np.testing.assert_allclose(block @ block.T, np.eye(SETTINGS.hidden_size), atol=1e-12)
