from pathlib import Path
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.errors import UserError, unknown
from tasks.spec import Spec, convert, split_specs

SETTINGS = settings(derandomize=True, max_examples=150)
words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="[],="), min_size=1)
values = st.text(st.characters(codec="utf-8", exclude_categories=("C",), exclude_characters="[],")).map(str.strip)
specs = st.builds(Spec, words, st.dictionaries(words, values, max_size=4))


@given(specs)
@example(Spec("copy", {"delay": "", "formula": "a=b"}))
@SETTINGS
def test_what_is_written_is_read_back(spec):
    assert Spec.parse(str(spec)) == spec


@given(st.lists(specs, max_size=4))
@SETTINGS
def test_lists_are_split_between_specs_only(wanted):
    assert [Spec.parse(part) for part in split_specs(",".join(map(str, wanted)))] == wanted


@given(st.text(st.characters(codec="utf-8")) | st.text("ab[]=, ", max_size=12))
@SETTINGS
def test_any_text_is_a_spec_or_a_user_error(text):
    try:
        spec = Spec.parse(text)
    except UserError as error:
        spec = error
    assert isinstance(spec, UserError) or Spec.parse(str(spec)) == spec


def test_white_space_and_empty_parts_do_not_matter():
    assert Spec.parse(" copy [ delay = 50 , length=10, ] ") == Spec("copy", {"delay": "50", "length": "10"})
    assert Spec.parse("copy[]") == Spec("copy")
    assert split_specs("sine, ,copy[a=1,b=2],") == ["sine", "copy[a=1,b=2]"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read ''"),
        ("a b", "expected NAME"),
        ("copy[delay", "expected NAME"),
        ("copy[delay]", "cannot read 'delay' in"),
        ("copy[=5]", "cannot read '=5'"),
        ("copy[delay=1,delay=2]", "'delay' is given twice"),
    ],
)
def test_text_that_is_no_spec(text, message):
    with pytest.raises(UserError, match=message):
        Spec.parse(text)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("5", int, 5),
        (5, int, 5),
        (5.0, int, 5),
        ("-3", int, -3),
        ("1e-3", float, 0.001),
        (2, float, 2.0),
        ("true", bool, True),
        ("No", bool, False),
        (True, bool, True),
        ("0", bool, False),
        ("text", str, "text"),
        (5, str, "5"),
        (Path("a.csv"), str, "a.csv"),
        ("none", int | None, None),
        (None, str | None, None),
        ("none", str | None, "none"),
        ("7", int | None, 7),
        ("1.5", int | float, 1.5),
        ("auto", int | str, "auto"),
        ("forward", Literal["none", "forward"], "forward"),
        ("none", Literal["none", "forward"], "none"),
        ("2", Literal[1, 2], 2),
        ("none", Literal["a"] | None, None),
        ("a+b", tuple[str, ...], ("a", "b")),
        ("a|b", tuple[str, ...], ("a", "b")),
        (["a+b", "c"], tuple[str, ...], ("a+b", "c")),
        ("", tuple[str, ...], ()),
        ([], tuple[str, ...], ()),
        ("1+2", tuple[int, ...], (1, 2)),
    ],
)
def test_conversion(value, kind, expected):
    converted = convert(value, kind, "here")
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("x", int, "here is 'x': expected int"),
        ("2.5", int, "expected int"),
        (2.5, int, "expected int"),
        (float("inf"), int, "expected int"),
        ([1], int, "expected int"),
        (None, int, "expected int"),
        (True, int, "expected int"),
        ("nan", float, "expected float"),
        ("inf", float, "expected float"),
        (10**400, float, "expected float"),
        ("maybe", bool, "expected bool"),
        (2, bool, "expected bool"),
        (["a"], str, "expected str"),
        ("x", int | None, "expected int$"),
        ("x", int | float, "expected int or float"),
        ("foward", Literal["none", "forward"], "did you mean 'forward'[?] Valid: forward, none"),
        ("1+x", tuple[int, ...], "here is 'x': expected int"),
    ],
)
def test_values_that_do_not_fit(value, kind, message):
    with pytest.raises(UserError, match=message):
        convert(value, kind, "here")


def test_unknown_names_suggest_the_nearest():
    assert (
        str(unknown("model", "GRUU", ["gru", "lstm"])) == "unknown model 'GRUU': did you mean 'gru'? Valid: gru, lstm"
    )
    assert str(unknown("model", "zzz", [])) == "unknown model 'zzz': Valid: none"
