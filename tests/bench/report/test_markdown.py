import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.report.markdown import code, escape


def test_signs_lose_their_meaning() -> None:
    assert escape("a|b") == "a&#124;b"
    assert (
        escape("<b> & *x* _y_ `z` $m$ [l](u) # ~")
        == "&lt;b&gt; &amp; \\*x\\* \\_y\\_ \\`z\\` \\$m\\$ \\[l\\](u) \\# \\~"
    )
    assert escape("1. first") == "1\\. first"
    assert escape("- item") == "\\- item"
    assert escape("two\nlines\r\n# not a heading") == "two lines \\# not a heading"
    assert "https://" not in escape("https://example.org")
    assert escape("@someone") == "\\@someone"


@given(st.text(max_size=60))
@settings(derandomize=True, max_examples=200)
def test_no_text_leaves_its_cell_or_opens_a_tag(text: str) -> None:
    shown = escape(text)
    assert "|" not in shown
    assert "<" not in shown
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[`*_$]", shown.replace("\\\\", ""))


def test_a_fence_is_longer_than_any_in_its_text() -> None:
    assert code("a ```` b").splitlines()[0] == "`````text"
    assert code("plain") == "```text\nplain\n```"
