"""The look-back finds a fixed delay, says how often each class followed, and knows nothing that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from tasks import look_back
from tasks.contract import Split
from tasks.look_back import choose_look_back
from tasks.losses import mean_loss
from tasks.shares import WEIGHTS

SYMBOLS, STEPS, DELAY = 4, 12, 3


def delayed(sequences: int, seed: int, *, blank: float = 0.0) -> Split:
    """One-hot symbols that come back `DELAY` steps later; a share of the inputs is a fifth symbol, the blank."""
    rng = np.random.default_rng(seed)
    symbols = rng.integers(SYMBOLS, size=(sequences, STEPS))
    shown = np.where(rng.random(symbols.shape) < blank, SYMBOLS, symbols)
    targets = np.roll(symbols, DELAY, axis=1)
    mask = np.zeros(symbols.shape, dtype=bool)
    mask[:, DELAY:] = True
    return Split(np.eye(SYMBOLS + 1, dtype=np.float32)[shown], targets, mask)


def test_a_fixed_delay_is_found_and_its_shares_are_those_of_the_data() -> None:
    train = delayed(50, 0)
    model = choose_look_back(train, SYMBOLS)
    assert model.delays == (DELAY,)
    test = delayed(30, 2)
    logits = model.predict(test.inputs)
    assert (logits.argmax(axis=-1) == test.targets)[test.mask].all()
    np.testing.assert_allclose(np.exp(logits).sum(axis=-1), 1.0)
    answers = train.targets[train.mask]
    seen = np.bincount(answers, minlength=SYMBOLS)
    prior = (seen + 1) / (len(answers) + SYMBOLS)
    weight = WEIGHTS[-1]  # the surest, as no answer is wrong
    expected = np.log((seen + weight * prior) / (seen + weight))[test.targets[test.mask]]
    np.testing.assert_allclose(np.take_along_axis(logits, test.targets[..., None], -1)[..., 0][test.mask], expected)


def test_what_was_never_seen_gets_the_shares_of_all_steps() -> None:
    train = delayed(50, 0)
    model = choose_look_back(train, SYMBOLS)
    answers = train.targets[train.mask]
    prior = np.log((np.bincount(answers, minlength=SYMBOLS) + 1) / (len(answers) + SYMBOLS))
    strange = np.full((1, STEPS, SYMBOLS + 1), 0.5, dtype=np.float32)
    np.testing.assert_allclose(model.predict(strange), np.broadcast_to(prior, (1, STEPS, SYMBOLS)))


def test_a_pattern_that_repeats_is_seen_through_its_blanks() -> None:
    def repeating(seed: int) -> Split:
        rng = np.random.default_rng(seed)
        symbols = np.tile(rng.integers(SYMBOLS, size=(100, DELAY)), 4)
        shown = np.where(rng.random(symbols.shape) < 0.3, SYMBOLS, symbols)
        mask = np.zeros(symbols.shape, dtype=bool)
        mask[:, 3 * DELAY :] = True
        return Split(np.eye(SYMBOLS + 1, dtype=np.float32)[shown], symbols, mask)

    train, valid = repeating(0), repeating(1)
    model = choose_look_back(train, SYMBOLS)
    assert model.delays == (DELAY, 2 * DELAY, 3 * DELAY)
    visible = (valid.inputs.argmax(axis=-1) != SYMBOLS)[:, : 3 * DELAY].reshape(-1, 3, DELAY).any(axis=1)
    right = (model.predict(valid.inputs).argmax(axis=-1) == valid.targets)[:, 3 * DELAY :]
    assert right[visible].all()


def test_labels_that_are_not_exclusive() -> None:
    train, valid = delayed(50, 0), delayed(20, 1)
    labels = [Split(split.inputs, np.eye(SYMBOLS)[split.targets], split.mask) for split in (train, valid)]
    model = choose_look_back(labels[0], SYMBOLS)
    assert model.delays == (DELAY,)
    outputs = model.predict(labels[1].inputs)
    assert mean_loss("binary_cross_entropy", outputs, labels[1].targets, labels[1].mask) < 0.02


@pytest.mark.parametrize("mask", [True, False])
def test_only_steps_that_count_are_counted(mask: bool) -> None:
    train, valid = delayed(50, 0), delayed(20, 1)
    if not mask:
        train = Split(train.inputs, train.inputs.argmax(axis=-1))
        assert choose_look_back(train, SYMBOLS + 1).delays == (0,)
        return
    assert train.mask is not None
    other = Split(train.inputs, np.where(train.mask, train.targets, 0), train.mask)
    models = [choose_look_back(split, SYMBOLS) for split in (train, other)]
    np.testing.assert_array_equal(*(model.predict(valid.inputs) for model in models))


@pytest.mark.parametrize(("limit", "value"), [("SEQUENCES", 20), ("ALL_STEPS", 20 * STEPS - 1)])
def test_only_the_first_sequences_are_counted(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(look_back, limit, value)
    train, valid = delayed(60, 0), delayed(20, 1)
    assert train.mask is not None
    few = Split(train.inputs[:20], train.targets[:20], train.mask[:20])
    models = [choose_look_back(split, SYMBOLS) for split in (train, few)]
    np.testing.assert_array_equal(*(model.predict(valid.inputs) for model in models))


@pytest.mark.parametrize("seed", range(5))
def test_of_equal_delays_the_shortest_is_chosen(seed: int) -> None:
    """Symbols that count upwards: what stood at any delay says the same, and rounding must not decide."""
    rng = np.random.default_rng(seed)
    symbols = (rng.integers(SYMBOLS, size=(40, 1)) + np.arange(STEPS)) % SYMBOLS
    answers = np.where(rng.random(symbols.shape) < 0.2, rng.integers(SYMBOLS, size=symbols.shape), symbols)
    mask = np.zeros(symbols.shape, dtype=bool)
    mask[:, STEPS - 2 :] = True
    model = choose_look_back(Split(np.eye(SYMBOLS)[symbols], answers, mask), SYMBOLS)
    assert model.delays == (0,)


def test_sequences_without_an_answer_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_back, "SEQUENCES", 20)
    train = delayed(60, 0)
    assert train.mask is not None
    silent = Split(np.zeros_like(train.inputs[:30]), train.targets[:30], np.zeros_like(train.mask[:30]))
    parts = zip(*((split.inputs, split.targets, split.mask) for split in (silent, train)), strict=True)
    both = Split(*(np.concatenate([part for part in pair if part is not None]) for pair in parts))
    models = [choose_look_back(split, SYMBOLS) for split in (train, both)]
    np.testing.assert_array_equal(*(model.predict(train.inputs) for model in models))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64])
def test_classes_may_be_of_any_whole_type(dtype: type) -> None:
    train = delayed(50, 0)
    model = choose_look_back(Split(train.inputs, train.targets.astype(dtype), train.mask), SYMBOLS)
    assert model.delays == (DELAY,)


def test_what_is_not_certain_is_not_called_certain() -> None:
    """Symbols of which a fifth is exchanged, seen a few times each: the shares of all steps count."""
    rng = np.random.default_rng(0)

    def unsure(sequences: int) -> Split:
        symbols = rng.integers(SYMBOLS, size=(sequences, STEPS))
        answers = np.where(rng.random(symbols.shape) < 0.2, rng.integers(SYMBOLS, size=symbols.shape), symbols)
        return Split(np.eye(SYMBOLS, dtype=np.float32)[symbols], answers)

    train, test = unsure(2), unsure(50)
    model = choose_look_back(train, SYMBOLS)
    assert model.delays == (0,)
    assert mean_loss("cross_entropy", model.predict(test.inputs), test.targets) < np.log(SYMBOLS)
