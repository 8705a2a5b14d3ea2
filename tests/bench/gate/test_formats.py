"""What a check's outcome looks like to people and to programs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from synthetic import Code, baseline, cell

from bench.gate.check import check
from bench.gate.exact import ExactProblem
from bench.gate.exceptions import Exemption
from bench.gate.formats import FORMATS, markdown, text, write
from bench.gate.formats.plot import plot
from bench.gate.mean_curves import MeanCurves
from bench.gate.outcome import CellOutcome, CheckOutcome
from bench.gate.replicates import CellName
from bench.gate.rule import Rule
from bench.gate.speed import Times, check_speed

NASTY = CellName("a|b<c>,100%", "x&y: [z]")
WARNING = (ExactProblem("first_losses", "its loss is off", False),)
REFUSED = CheckOutcome("results/baseline", "this code", (), refusal="there is no baseline\nin results/baseline")


@pytest.fixture(scope="module")
def outcome() -> CheckOutcome:
    """One cell of each state, and a warning; found by the check itself."""
    names = {"good": 1.0, "slower": 1.25, "faster": 0.8, "skipped": 1.0, "gone": 1.0}
    before = [cell(task, "gru") for task in names]
    now = [cell(task, "gru", slower=ratio, draw=1) for task, ratio in names.items() if task != "gone"]
    exempt = {CellName("skipped", "gru"): Exemption(Rule(), True, "it | changes")}
    problems = {CellName("good", "gru"): [ExactProblem("first_losses", "its first loss is off", False)]}
    found = check(baseline(before, exceptions=exempt), Code(now, problems=problems), folder="results/baseline")
    return replace(found, seconds=61.4)


@pytest.fixture
def nasty() -> CheckOutcome:
    cells = (
        CellOutcome(NASTY, "regressed", "50 % | <slower>\nby far & more, says \x1b[31mit"),
        CellOutcome(
            CellName("sine", "gru"),
            "as_good",
            "fine",
            problems=(ExactProblem("first_losses", "100 %, or:\nless", False),),
        ),
    )
    return CheckOutcome("b", "this code", cells)


def test_text_is_aligned_and_begins_with_what_needs_attention(outcome: CheckOutcome) -> None:
    lines = write(outcome, "text").splitlines()
    assert [line.split("  ")[0].strip() for line in lines[:6]] == [
        *("cell", "slower × gru", "gone × gru", "faster × gru", "good × gru", "skipped × gru")
    ]
    states = ("regressed", "not comparable")
    assert len({line.index(state) for line, state in zip(lines[1:3], states, strict=True)}) == 1
    assert all(line == line.rstrip() for line in lines)
    assert "slower × gru regressed: steps to the same loss +2" in "\n".join(lines)
    assert "good × gru warning: its first loss is off" in lines
    assert "gone × gru not comparable: this code has no such cell" in lines
    assert "skipped × gru skipped: it | changes" in lines
    record = 'python -m bench baseline record results/baseline --accept "why"'
    assert f"if a regression is intended, record it with its reason: {record}" in lines
    assert lines[-1] == (
        "5 cells against results/baseline: 1 regressed, 1 not comparable, 1 better, 1 as good, 1 skipped (61 s)"
    )


def test_text_of_a_good_check_is_the_table_and_a_sentence() -> None:
    found = check(baseline(), Code(), folder="b")
    lines = write(found, "text").splitlines()
    assert len(lines) == 1 + 3 + 1 + 1  # headers, cells, an empty line, the sentence
    assert lines[-1] == "3 cells against b: 3 as good"


@pytest.mark.parametrize("style", FORMATS)
def test_one_cell_is_one_cell(style: str) -> None:
    written = write(check(baseline([cell()]), Code([cell()]), folder="b"), style)
    assert "1 cells" not in written
    assert "1 cell against b" in written or style == "junit"


def test_colours_change_no_character(outcome: CheckOutcome) -> None:
    asked: list[str | None] = []

    def paint(line: str, state: str | None) -> str:
        asked.append(state)
        return f"<{line}>"

    painted = text.write(outcome, paint)
    assert painted.replace("<", "").replace(">", "") == write(outcome, "text")
    assert asked == [None, "regressed", "not_comparable", "better", "as_good", "skipped", "regressed"]


def cells_of_row(line: str) -> list[str]:
    """The cells of a line of a Markdown table, as a reader sees them."""
    parts = line.replace("\\|", "\0").strip().strip("|").split("|")
    return [part.strip().replace("\0", "|").replace("&lt;", "<").replace("&amp;", "&") for part in parts]


def test_markdown_is_a_table_whose_rows_have_the_same_width(outcome: CheckOutcome, nasty: CheckOutcome) -> None:
    for found in (outcome, nasty):
        lines = write(found, "markdown").splitlines()
        table = [cells_of_row(line) for line in lines if line.startswith("|")]
        assert len(table) == 2 + len(found.cells)
        assert {len(row) for row in table} == {len(table[0])}
    assert lines[0] == "### ❌ Convergence: 2 cells against b: 1 regressed, 1 as good"
    assert cells_of_row(lines[4])[:2] == [str(NASTY), "regressed"]


def test_markdown_has_no_tag_and_no_line_of_a_cells_making(nasty: CheckOutcome) -> None:
    written = write(nasty, "markdown")
    assert "<" not in written
    assert "&lt;slower>" in written
    assert "&amp; more" in written
    starts = {line[:2] for line in written.splitlines() if line}
    assert starts == {"##", "| ", "- "}


@pytest.mark.parametrize("words", [3, 400])
def test_markdown_fits_a_comment(words: int) -> None:
    why = "much slower than before " * words
    cells = tuple(CellOutcome(CellName(f"task{n}", "gru"), "regressed", why) for n in range(300))
    written = write(CheckOutcome("b", "this code", cells), "markdown")
    assert len(written) <= 65_536
    assert written.startswith("### ❌ Convergence: 300 cells against b: 300 regressed")
    assert ("more parts: see --format json" in written) is (words == 400)
    assert "task0 × gru" in written


def test_markdown_of_a_refusal() -> None:
    assert write(REFUSED, "markdown") == ("### ⚠️ Convergence: not comparable: there is no baseline in results/baseline")


def test_github_annotates_what_is_not_as_good(outcome: CheckOutcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    lines = write(outcome, "github").splitlines()
    assert [line.split("::")[1].split(" ")[0] for line in lines[:-1]] == ["error", "error", "notice", "warning"]
    assert lines[0].startswith("::error title=bench slower/gru regressed::steps to the same loss +2")
    assert "%25 (95 %25 interval" in lines[0]
    assert lines[-1] == outcome.sentence


def test_github_escapes_what_would_end_an_annotation(nasty: CheckOutcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    error, warning, sentence = write(nasty, "github").splitlines()
    title = "bench a|b<c>%2C100%25/x&y%3A [z] regressed"
    assert error.startswith(f"::error title={title}::50 %25 | <slower>%0Aby far & more, says")
    assert warning == "::warning title=bench sine/gru first_losses::100 %25, or:%0Aless"
    assert sentence == nasty.sentence
    refusal = write(REFUSED, "github").splitlines()
    assert len(refusal) == 2
    assert refusal[0].startswith("::error title=bench check::not comparable: there is no baseline%0Ain")


def test_github_appends_to_the_summary_of_the_job(
    outcome: CheckOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    write(outcome, "github")
    assert summary.read_text(encoding="utf-8") == f"before\n{markdown.write(outcome)}\n"


def test_junit_counts_what_it_holds(outcome: CheckOutcome) -> None:
    suite = ElementTree.fromstring(write(outcome, "junit"))
    assert suite.tag == "testsuite"
    counts = {name: int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 5, "failures": 1, "errors": 1, "skipped": 1}
    assert float(suite.get("time", "")) == 61.4
    cases = {case.get("classname"): case for case in suite.iter("testcase")}
    assert set(cases) == {f"bench.{cell.name.task}" for cell in outcome.cells}
    assert [child.tag for child in cases["bench.slower"]] == ["failure"]
    assert [child.tag for child in cases["bench.gone"]] == ["error"]
    assert [child.tag for child in cases["bench.skipped"]] == ["skipped"]
    assert [child.tag for child in cases["bench.faster"]] == ["system-out"]
    assert cases["bench.slower"][0].get("message") == cases["bench.slower"][0].text
    assert "its first loss is off" in (cases["bench.good"][0].text or "")


def test_junit_says_why_in_one_element(outcome: CheckOutcome) -> None:
    """As its message and as its text, because CI servers show one or the other; system-out has what else there is."""
    (slower,) = [replace(cell, problems=WARNING) for cell in outcome.cells if cell.state == "regressed"]
    written = write(replace(outcome, cells=(slower,)), "junit")
    assert written.count(slower.why) == 2
    case = next(ElementTree.fromstring(written).iter("testcase"))
    assert [(child.tag, child.text) for child in case] == [("failure", slower.why), ("system-out", "its loss is off")]


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("text", "1 cell against b: 1 skipped, nothing was compared"),
        ("markdown", "### ⚠️ Convergence: 1 cell against b: 1 skipped, nothing was compared"),
        ("github", "::warning title=bench check::1 cell against b: 1 skipped, nothing was compared\n"),
        ("json", '"exit_code": 0'),
    ],
)
def test_a_check_that_compared_nothing_says_so(style: str, expected: str) -> None:
    found = CheckOutcome("b", "this code", (CellOutcome(NASTY, "skipped", "too noisy"),))
    assert expected in write(found, style)
    some = replace(found, cells=(*found.cells, CellOutcome(CellName("sine", "gru"), "as_good", "fine")))
    assert "nothing was compared" not in write(some, style)


def test_junit_holds_any_text(nasty: CheckOutcome) -> None:
    suite = ElementTree.fromstring(write(nasty, "junit"))
    case = next(suite.iter("testcase"))
    assert (case.get("classname"), case.get("name")) == (f"bench.{NASTY.task}", NASTY.model)
    assert case[0].text == "50 % | <slower>\nby far & more, says \N{REPLACEMENT CHARACTER}[31mit"


def test_junit_of_a_refusal_is_one_error() -> None:
    suite = ElementTree.fromstring(write(REFUSED, "junit"))
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "1",
        "failures": "0",
        "errors": "1",
    }
    case = next(suite.iter("testcase"))
    assert (case[0].get("type"), case[0].get("message")) == ("refused", REFUSED.refusal)


def test_json_has_everything_unrounded(outcome: CheckOutcome) -> None:
    content = json.loads(write(outcome, "json"))
    assert (content["exit_code"], content["sentence"], content["seconds"]) == (1, outcome.sentence, 61.4)
    assert content["subject"] == "convergence"
    for entry, found in zip(content["cells"], outcome.cells, strict=True):
        assert entry["state"] in ("regressed", "not_comparable", "better", "as_good", "skipped")  # identifiers
        assert (entry["task"], entry["model"], entry["state"], entry["why"]) == (*found.name, found.state, found.why)
        assert entry["p"] == (None if math.isnan(found.p) else found.p)
        assert (entry["first"] is None) is (found.first is None)
        if found.first is not None:
            assert entry["first"]["shift"] == found.first.shift._asdict()
            assert entry["first"]["change"] == found.first.change
    slower = next(entry for entry in content["cells"] if entry["task"] == "slower")
    assert slower["second"]["n"] == 24
    good = next(entry for entry in content["cells"] if entry["task"] == "good")
    assert good["problems"] == [
        {"code": "first_losses", "text": "its first loss is off", "blocking": False, "change": False}
    ]


def test_json_says_null_for_what_is_no_number() -> None:
    """No replicate ever arrives in one of the two codes: there is no shift to speak of."""
    never = range(1, 25)
    before, now = cell("sine", "gru", missed=never), cell("sine", "gru", missed=never, status="diverged")
    found = check(baseline([before]), Code([now]), folder="b")
    written = write(found, "json")
    assert "NaN" not in written
    (entry,) = json.loads(written)["cells"]
    assert entry["state"] == "regressed"
    assert entry["first"]["shift"]["value"] is None
    assert entry["first"]["change"] is None


def test_json_of_a_refusal() -> None:
    content = json.loads(write(REFUSED, "json"))
    assert (content["refusal"], content["exit_code"], content["cells"]) == (REFUSED.refusal, 3, [])


class Steps:
    """A stopwatch: every step takes 2 ms, and now a quarter longer."""

    commit = "0123456789ab"

    def time(self, cells: list[CellName], rounds: int) -> dict[CellName, Times]:
        return {cell: Times([2e-3] * rounds, [2.5e-3] * rounds) for cell in cells}


@pytest.mark.parametrize("style", FORMATS)
def test_every_format_shows_the_ratio_of_step_times(style: str) -> None:
    written = write(check_speed(baseline(), Steps()), style)
    assert "time of a training step +25.0 %" in written
    assert "0123456789ab" in written
    assert "missed" not in written or style == "json"
    assert "record" not in written  # a new baseline of convergence would not help


def test_step_times_have_their_unit() -> None:
    lines = write(check_speed(baseline(), Steps()), "markdown").splitlines()
    assert lines[0].startswith("### ❌ Step time: 3 cells against commit 0123")
    table = [cells_of_row(line) for line in lines[2:6]]
    assert table[0] == ["cell", "result", "baseline", "now", "change", "95 % interval"]
    assert table[2][2:5] == ["2.00 ms", "2.50 ms", "+25.0 %"]


def test_every_cell_that_was_compared_says_what_was_detectable(outcome: CheckOutcome) -> None:
    headers, *rows = [cells_of_row(line) for line in write(outcome, "markdown").splitlines() if line.startswith("|")]
    place = headers.index("detectable")
    shown = {row[0]: row[place] for row in rows}
    for found in outcome.cells:
        expected = f"{100 * (found.detectable - 1):+.1f} %" if found.first is not None else ""
        assert shown[str(found.name)] == expected
        assert write(outcome, "text").count(expected) >= 1
    entries = {entry["id"]: entry["detectable"] for entry in json.loads(write(outcome, "json"))["cells"]}
    assert entries["good/gru"] == next(x.detectable for x in outcome.cells if x.name.task == "good") > 1.05
    assert entries["gone/gru"] is None


def test_markdown_shows_the_curves_of_what_failed_alone(outcome: CheckOutcome) -> None:
    written = write(outcome, "markdown")
    assert written.count("```text\n") == 1
    _, _, after = written.partition("**slower × gru**\n\n```text\n")
    drawn = after.partition("\n```")[0].splitlines()
    assert drawn[0] == "mean log10 validation loss: o baseline, x now, # both"
    assert len(drawn) == 1 + 12 + 2
    assert max(map(len, drawn)) <= 70  # a comment's column holds it without scrolling
    assert drawn[1].split("|")[1].startswith("#")  # they start together
    assert "x" in after
    assert len(write(outcome, "markdown")) < 65_536


def test_a_plot_draws_each_curve_where_it_is() -> None:
    """From 0 to −2 in 100 steps, and now in 200: half as far at every step."""
    drawn = plot(MeanCurves((0, 100, 200), (0.0, -2.0, -2.0), (0.0, -1.0, -2.0))).splitlines()
    canvas = [line.partition("|")[2].ljust(60) for line in drawn[1:-2]]
    assert len(canvas) == 12
    columns = ["".join(line[column] for line in canvas) for column in range(60)]
    assert (columns[0][0], columns[59][11]) == ("#", "#")
    for column, marks in enumerate(columns):
        before, now = (round(min(2.0, speed * column / 59 * 200) / 2.0 * 11) for speed in (0.02, 0.01))
        assert (marks[before], marks[now]) == (("#", "#") if before == now else ("o", "x"))
        assert len(marks.replace(" ", "")) == (1 if before == now else 2)
    assert drawn[-1].split() == ["0", "200", "steps"]
    assert [line.split("|")[0].strip() for line in drawn[1:-2]] == ["0.00", *[""] * 10, "-2.00"]


def test_a_plot_of_equal_losses() -> None:
    assert "#" * 60 in plot(MeanCurves((0,), (1.0,), (1.0,)))


def test_identifiers_do_not_depend_on_numbers_or_order(nasty: CheckOutcome, outcome: CheckOutcome) -> None:
    """What programs may rely on, as docs/ci.md lists it."""
    suite = ElementTree.fromstring(write(outcome, "junit"))
    assert suite.get("name") == "bench.convergence"
    failure = next(suite.iter("failure"))
    assert failure.get("type") == "regressed"
    blocking = tuple(ExactProblem(code, "t", True, change=True) for code in ("float64", "data"))
    changed = CellOutcome(NASTY, "changed", "w", problems=blocking)
    found = CheckOutcome("b", "this code", (changed,))
    suite = ElementTree.fromstring(write(found, "junit"))
    assert next(suite.iter("failure")).get("type") == "changed:float64,data"
    assert (suite.get("failures"), found.exit_code) == ("1", 1)
    assert write(found, "github").startswith("::error title=bench a|b<c>%2C100%25/x&y%3A [z] changed::w")
    (entry,) = json.loads(write(found, "json"))["cells"]
    assert (entry["id"], [problem["code"] for problem in entry["problems"]]) == (
        "a|b<c>,100%/x&y: [z]",
        ["float64", "data"],
    )
    assert json.loads(write(nasty, "json"))["schema"] == 2


def test_nothing_is_said_of_convergence_that_was_not_compared(outcome: CheckOutcome) -> None:
    compared = next(cell for cell in outcome.cells if cell.last is not None)
    changed = CellOutcome(NASTY, "changed", "w")
    quick = text.write(CheckOutcome("b", "this code", (changed,)))
    assert "a changed cell computes something else: if that is intended" in quick
    whole = text.write(CheckOutcome("b", "this code", (replace(compared, state="changed"),)))
    assert "a changed cell computes something else, and was not found to converge worse: if" in whole
