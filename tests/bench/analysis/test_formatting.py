import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.012345, "0.0123"),
        (12345, "12,300"),
        (1.234e-30, "1.23×10⁻³⁰"),
        (-0.5, "−0.500"),
        (0, "0"),
        (None, "–"),
        (float("nan"), "–"),
        (999.9, "1,000"),
        (1e7, "1.00×10⁷"),
        (math.inf, "∞"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert formatting.number(value) == text


@given(st.floats(1e-40, 1e40))
@settings(derandomize=True, max_examples=200)
def test_a_number_keeps_three_significant_digits(value: float) -> None:
    text = formatting.number(value).replace(",", "").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert float(text.replace("×10", "e")) == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [(3e-6, "3.00 µs"), (2.9e-3, "2.90 ms"), (3.456, "3.46 s"), (125, "2 min 5 s"), (3720, "1 h 2 min"), (None, "–")],
)
def test_seconds(value: float | None, text: str) -> None:
    assert formatting.seconds(value) == text


def test_scores_have_fixed_decimals_until_they_leave_their_scale() -> None:
    assert [formatting.score(x) for x in (0.04, -0.0019, -0.0, -321.5)] == ["0.040", "−0.002", "0.000", "−322"]


def test_trimmed_drops_trailing_zeros_only_behind_the_point() -> None:
    assert [formatting.trimmed(x, 3) for x in (0.002, 100, 1.25, 3e-7)] == ["0.002", "100", "1.25", "3×10⁻⁷"]


def test_shortened_keeps_both_ends_and_the_length() -> None:
    text = formatting.shortened("beginning" + "x" * 300 + "end", 20)
    assert len(text) == 20
    assert text.startswith("beginning")
    assert text.endswith("end")
    assert formatting.shortened("gru", 20) == "gru"


def test_listed() -> None:
    assert [formatting.listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a",
        "a and b",
        "a, b and c",
    ]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.48, 0.69, "31 % to 52 % lower"),
        (0.58, 1.74, "42 % lower to 74 % higher"),
        (1.1, 1.74, "10 % to 74 % higher"),
        (1.5, 3.0, "1.5 to 3 times as high"),  # one unit for both ends
        (0.8, 3.0, "0.8 to 3 times as high"),
        (0.62, 3.5, "0.62 to 3.5 times as high"),
        (0.05, 1.4, "0.05 to 1.4 times as high"),
        (0.0, 0.05, "0 to 0.05 times as high"),
        (0.0, 0.73, "27 % to 100 % lower"),
        (0.045, 0.73, "1.4 to 22 times lower"),
        (1.0, 3.0, "1 to 3 times as high"),
        (2.5, 10, "2.5 to 10 times as high"),
        (0.001, 0.05, "20 to 1,000 times lower"),
        (0.3331, 0.3334, "66.66 % to 66.69 % lower"),  # digits until the two differ
        (0.5, 0.5, "50 % lower"),
        (0, math.inf, "anything"),
        (math.nan, math.nan, "anything"),
    ],
)
def test_intervals_of_ratios_in_words(low: float, high: float, said: str) -> None:
    assert formatting.change_between(low, high) == said


@given(st.floats(-4, 4).map(lambda power: 10**power), st.floats(1e-6, 4).map(lambda power: 10**power))
@settings(derandomize=True, max_examples=500)
def test_both_ends_of_an_interval_of_ratios_have_one_unit(low: float, width: float) -> None:
    said = formatting.change_between(low, low * width)
    assert not ("%" in said and "times" in said), said
    assert said.count("times") <= 1, said


def test_names_at_the_beginning_of_a_sentence_stay_as_they_are() -> None:
    assert formatting.as_sentence("gru has the lower test loss", ["gru", "lstm"]) == "gru has the lower test loss."
    assert formatting.as_sentence("grubs are no model", ["gru"]) == "Grubs are no model."


@given(st.floats(0.5, 1 - 1e-9), st.floats(1e-9, 0.3), st.floats(1e-9, 0.3))
@settings(derandomize=True, max_examples=300)
def test_the_bounds_of_a_score_are_told_apart(value: float, below: float, above: float) -> None:
    _, bounds = formatting.scored(value, value - below, value + above)
    low, _, high = bounds.partition(" to ")
    assert low != high or (bounds == "" and below + above < 1e-6)


@given(st.floats(-12, 6).map(lambda power: 10**power), st.floats(1e-4, 2), st.floats(1e-4, 2))
@settings(derandomize=True, max_examples=300)
def test_the_bounds_of_a_loss_are_told_apart(value: float, below: float, above: float) -> None:
    _, bounds = formatting.estimated(value, value * 10**-below, value * 10**above)
    low, _, high = bounds.partition(" to ")
    assert low != high


def test_a_score_is_at_most_1_and_one_value_has_no_interval() -> None:
    assert formatting.scored(-57.4, -132.0, 17.5) == ("−57.4", "−132 to 1.00")
    assert formatting.scored(0.9, math.nan, math.nan) == ("0.900", "")
    assert formatting.scored(None, None, None) == ("–", "")
    assert formatting.estimated(0.0012345, math.nan, math.nan) == ("0.00123", "")
