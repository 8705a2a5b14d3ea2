import csv
import hashlib
import io
import math
import re
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.number_text import MISSING
from tasks.table import read_table

SETTINGS = settings(derandomize=True, max_examples=60, deadline=None)
names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
ODD = ["<script>alert(1)</script>", 'say "hi", you', "größe;°C 2"]
numbers = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("csv") / "table.csv"


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, content):
    return read_table(written(path, content))


@st.composite
def tables(draw):
    header = draw(st.lists(names, min_size=2, max_size=5, unique=True))
    width = len(header)
    return header, draw(st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=2, max_size=8))


@given(tables(), st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example((ODD, [[1e-308, -0.0, 1.5], [0.1, 2.0, 3.0]]), ",", "\n", True)
@SETTINGS
def test_what_is_written_is_read_back(path, table, delimiter, newline, mark):
    header, rows = table
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    found = read(path, (b"\xef\xbb\xbf" if mark else b"") + text.getvalue().encode())
    assert list(found.names) == header
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        np.testing.assert_array_equal(found.numbers(name), column)


@given(st.binary(max_size=200) | st.text(alphabet='a,;\t"\n\r1.5-_eN \x00', max_size=60).map(str.encode))
@example(b'a,b\n1,"2\n3,4\n')
@example(b"\x00")
@example(b'"a\nb",c\n1,x\n2,x\n')
@example(b"a\n\r\n1\n")
@example("a,b\n١,2\n3,1_0\n".encode())
@settings(derandomize=True, max_examples=200, deadline=None)
def test_any_bytes_are_a_table_or_a_user_error(path, content):
    table = outcome(lambda: read(path, content))
    if table is None:
        return
    assert all(len(row) == len(table.names) for row in table.rows)
    assert len(table.rows) == len(table.lines) >= 2
    for name in table.names:
        for column in (table.numbers, table.times, table.categories):
            values = outcome(partial(column, name))
            assert values is None or len(values) == len(table.rows)


def outcome(call):
    """What `call` returns, or None for a UserError of one line; anything else fails the test."""
    message = ""
    try:
        return call()
    except UserError as error:
        message = str(error)
    assert message.splitlines() == [message]
    return None


def test_hash_is_of_the_files_bytes(path):
    content = b"a,b\r\n1,2\r\n3,4\r\n"
    assert read(path, content).sha256 == hashlib.sha256(content).hexdigest()


def test_lines_count_as_an_editor_does(path):
    table = read(path, 'a,b\n"1\n",2\n\n3,4\n\n\n')
    assert table.lines == [2, 5]


def test_blank_line_in_one_column_is_a_missing_value(path):
    np.testing.assert_array_equal(read(path, "a\n1\n\n3\n\n\n").numbers("a"), [1, math.nan, 3])


def test_names_are_made_printable(path):
    content = '"line\nbreak", \x1b[31mred\x00 ,a\u2028b\n1,2,3\n1,2,3\n'
    assert read(path, content).names == ("line break", "[31mred", "a b")


def test_a_single_column_whose_name_holds_a_semicolon(path):
    assert read(path, "a;b\n1\n2\n").names == ("a;b",)


@pytest.mark.parametrize("text", [*sorted(MISSING), "NaN", "NA", "NULL"])
def test_missing_values_are_nan(path, text):
    np.testing.assert_array_equal(read(path, f"a,b\n1,x\n{text},x\n").numbers("a"), [1, math.nan])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        (b"a,b\n", "has no rows below the column names: training needs at least 45 rows, 56 with --window 24"),
        (b"a,b\n1,2\n", "has 1 row below the column names: training needs"),
        (b"a,b\n1,2\n3\n", "line 3 has 1 fields, but the first line names 2 columns"),
        (b"a,b\n1,2\n3,4,5\n", "line 3 has 3 fields"),
        (b"a,b,a\n1,2,3\n1,2,3\n", "two columns called 'a'"),
        (b"a, a\n1,2\n1,2\n", "two columns called 'a'"),
        ("a,b\n1,2\n3,ä\n".encode("latin-1"), r"not UTF-8 text \(line 3\)"),
        ("a,b\n1,2\n".encode("utf-16"), "is UTF-16 text.*encoding='utf-16'"),
        (b'a,b\n1,"2\n', "no readable CSV"),
    ],
)
def test_unreadable_files(path, content, message):
    with pytest.raises(UserError, match=message) as caught:
        read(path, content)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\nx,3\n", "column 'a' has 'x' in line 3: expected a number"),
        ("a;b\n1;2\n1,5;3\n", "column 'a' has '1,5' in line 3: decimals are written with ',': give --decimal ,"),
        ("a,b\n1,2\n1_000,3\n", "'1_000' in line 3"),
        ("a,b\n1,2\n-inf,3\n", "infinite value '-inf' in line 3"),
        ("a,b\n1,2\n1e999,3\n", "infinite value '1e999' in line 3"),
        ("a,b\n1,2\n" + "x" * 500 + ",3\n", "x…' in line 3"),
        ("aa,b\n1,2\n1,3\n", "unknown column 'a': did you mean 'aa'[?] Valid: aa, b"),
    ],
)
def test_values_that_are_no_numbers(path, content, message):
    with pytest.raises(UserError, match=message):
        read(path, content).numbers("a")


@pytest.mark.parametrize("given", ["nowhere.csv", "", "\0", "x" * 5000])
def test_missing_files(tmp_path, given):
    with pytest.raises(UserError, match="give the path of a CSV file"):
        read_table(tmp_path / given if given else tmp_path)


def test_half_of_a_name_with_a_comma_is_told_how_to_give_the_whole(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('"load, MW",b\n1,2\n3,4\n')
    with pytest.raises(UserError, match=re.escape("""did you mean 'load, MW'? Valid: b, load, MW""")) as caught:
        read_table(path).numbers("load")
    assert "a name with a comma stands in double quotes, within the quotes of the shell: '\"a, b\"'" in str(
        caught.value
    )
    with pytest.raises(UserError) as caught:
        read_table(path).numbers("c")
    assert "double quotes" not in str(caught.value)
