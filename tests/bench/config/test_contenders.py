"""Initialisation as a factor: crossed with the models, or left to the search."""

import pytest

from bench.config.contenders import check_schemes, entries
from bench.config.resolve import resolve
from bench.experiment.without_effect import without_effect
from bench.models.registry import MODELS
from tasks.errors import UserError

GRU, LSTM, RNN = (MODELS.create(name) for name in ("gru", "lstm", "rnn[nonlinearity=relu]"))


def labels(schemes, models=(GRU, LSTM, RNN)):
    return [entry.label for entry in entries(models, schemes)]


def test_one_scheme_leaves_the_names_as_they_are():
    for schemes in (["default"], ["chrono"], ["default+chrono"]):
        assert labels(schemes) == ["gru", "lstm", "rnn[nonlinearity=relu]"]
    assert entries([GRU], ["default+chrono"])[0].schemes == ("default", "chrono")


def test_several_are_crossed_and_say_which_they_are():
    assert labels(["default", "orthogonal"]) == [
        *("gru", "gru[init=orthogonal]", "lstm", "lstm[init=orthogonal]"),
        *("rnn[nonlinearity=relu]", "rnn[nonlinearity=relu,init=orthogonal]"),
    ]


def test_a_scheme_without_effect_is_not_trained_twice():
    assert labels(["default", "forget_bias"]) == ["gru", "lstm", "lstm[init=forget_bias]", "rnn[nonlinearity=relu]"]
    assert labels(["default", "chrono"], [RNN]) == ["rnn[nonlinearity=relu]"]
    assert labels(["forget_bias", "chrono"], [GRU]) == ["gru[init=forget_bias]", "gru[init=chrono]"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "empty"),
        (["defualt"], "did you mean 'default'"),
        (["default+xaver"], "did you mean 'xavier'"),
        (["default", "default"], "twice"),
        (["chrono+chrono"], "twice"),
        (["default", "chrono+xavier"], "not both"),
    ],
)
def test_what_cannot_be(given, message):
    with pytest.raises(UserError, match=message):
        check_schemes(given)


def test_a_model_can_name_its_own_scheme_beside_another():
    experiment = resolve({"models": "gru,gru[init=chrono],lstm", "init": "default,forget_bias"})
    assert [(entry.label, entry.schemes) for entry in experiment.entries] == [
        ("gru", ("default",)),
        ("gru[init=chrono]", ("chrono",)),
        ("lstm", ("default",)),
        ("lstm[init=forget_bias]", ("forget_bias",)),
    ]
    assert without_effect(experiment, "cpu") == ["--init default,forget_bias does not apply to gru[init=chrono]"]
    assert experiment.identity() != resolve({"models": "gru,lstm", "init": "default,forget_bias"}).identity()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"models": "gru[init=chrno]"}, "did you mean 'chrono'"),
        ({"models": "gru[init=chrono],gru", "init": "default,chrono"}, "'gru.init=chrono.' is there twice: "),
        ({"models": "mingru", "init": "chrono"}, "mingru draws its own initial weights"),
        ({"models": "mingru[init=chrono]"}, "mingru draws its own initial weights"),
    ],
)
def test_schemes_that_a_model_cannot_have(asked, message):
    with pytest.raises(UserError, match=message):
        resolve(asked)
