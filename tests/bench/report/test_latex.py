"""The report as LaTeX: everything is escaped, environments are balanced, tables have the cells of the Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.results import Results, load
from bench.models.registry import MODELS
from bench.report import render
from bench.report.bibliography import bibliography, cited, entries
from bench.report.content import document
from bench.report.document import BulletList, Document, Row, Section, Table, TableCell
from bench.report.latex import escape, latex
from tasks.registry import TASKS

SPECIAL = r"(?<!\\)[&%#_$]"  # signs that would mean something
ROOT = Path(__file__).parents[3]


def balanced(text: str) -> None:
    """Braces close what they open, and so do environments."""
    open_braces, environments = 0, []
    for match in re.finditer(r"\\begin\{(\w+)\}|\\end\{(\w+)\}|\\.|[{}]", text, re.S):
        if match[1]:
            environments.append((match[1], open_braces))
        elif match[2]:
            assert environments.pop() == (match[2], open_braces)
        elif match[0] in "{}":
            open_braces += 1 if match[0] == "{" else -1
            assert open_braces >= 0
    assert (open_braces, environments) == (0, [])


@given(st.text())
def test_any_text_is_escaped_into_balanced_latin_text_on_one_line(text: str) -> None:
    found = escape(text)
    balanced(found)
    assert "\n" not in found
    without_mathematics = re.sub(r"\$(-|\^\{[-0-9]+\}|\^\\circ|\\\w+)\$", "", found)
    assert not re.search(SPECIAL, without_mathematics)
    assert all(sign.isascii() or ord(sign) < 0x180 for sign in found)


def test_signs_by_hand() -> None:
    assert escape(r"50 % of a_b & \c {x} ~ ^") == (
        r"50 \% of a\_b \& \textbackslash{}c \{x\} \textasciitilde{} \textasciicircum{}"
    )
    assert escape("1.2×10⁻³⁰ – Ünal, 中") == r"1.2$\times$10$^{-30}$ \textendash{} Ünal, \texttt{U+4E2D}"
    assert escape("--steps <[x]>") == r"-{}-steps \textless{}{[}x{]}\textgreater{}"
    assert escape("can't say 'a''b'") == "can't say 'a'{}'b'"


def tables(text: str) -> list[tuple[str, list[str]]]:
    """Alignment and rows of every tabular."""
    found = re.findall(r"\\begin\{tabular\}\{(l?[lr]*)\}(.*?)\\end\{tabular\}", text, re.S)
    return [(alignment, re.findall(r"^(.*) \\\\$", body, re.M)) for alignment, body in found]


def test_a_real_report_is_balanced_and_every_row_has_its_cells(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    results = results_of(synthetic.experiment(("sine", "copy"), seeds=5, trials=9, matches=("tuned", "hidden")))
    content = document(results)
    text = latex(content)
    balanced(text)
    assert text.startswith("\\documentclass{article}\n")
    assert text.endswith("\\end{document}\n")
    found = tables(text)
    assert len(found) > 5
    for alignment, rows in found:
        assert rows
        for row in rows:
            assert len(re.split(r"(?<!\\)&", row)) == len(alignment)
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert len(labels) == len(set(labels)) == text.count(r"\begin{table}")
    for verdict in results.verdicts:
        assert escape(verdict.headline) in text
    assert latex(document(results)) == text


def test_hostile_names_stay_text() -> None:
    evil = r"\input{/etc/passwd} & \\ } \end{tabular} %"
    table = Table(evil, ("a", evil), [Row([TableCell(evil, evil), TableCell("1")], "floor")], evil)
    text = latex(Document(evil, "complete", True, [evil], [Section("x", evil, [table, BulletList(["[a] " + evil])])]))
    balanced(text)
    assert r"\input" not in text
    ((alignment, rows),) = tables(text)
    assert (alignment, len(rows)) == ("lr", 2)
    assert all(len(re.split(r"(?<!\\)&", row)) == 2 for row in rows)


def test_the_report_command_writes_both_files_with_what_was_used(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine", "copy"), seeds=5, trials=2, protocol=2)
    for record in records:
        if record["stage"] == "trial":
            record["model"]["cites"] = {"gru": ["cho2014"], "lstm": ["hochreiter1997"]}[record["model"]["name"]]
            record["task"] |= {"cites": ["arjovsky2016"]} if record["task"]["name"] == "copy" else {}
    synthetic.write(tmp_path, "mine", records)
    paths = render("mine", tmp_path, tmp_path / "reports", ("latex",))
    assert [path.name for path in paths] == ["report.tex", "references.bib"]
    keys = re.findall(r"^@\w+\{(\w+),", paths[1].read_text(encoding="utf-8"), re.M)
    assert {"cho2014", "hochreiter1997", "arjovsky2016", "holm1979", "agarwal2021", "bouthillier2021"} <= set(keys)
    assert not {"elman1990", "nadeau2003", "lorenz1963", "friedman2001", "gauthier2021"} & set(keys)
    results = load("mine", tmp_path)
    assert keys == cited(results)
    records[-2]["model"] = records[0]["model"]
    for record in records:
        if record["stage"] == "trial":
            record["task"]["cites"] = ["mine2026"]
    synthetic.write(tmp_path, "plugged", records)
    assert "% mine2026: add the entry of this source\n" in bibliography(load("plugged", tmp_path))


@pytest.mark.parametrize("registry", [TASKS, MODELS], ids=["tasks", "models"])
def test_what_tasks_and_models_cite_is_there(registry: object) -> None:
    known = entries()
    named = [key for cls in registry.entries().values() for key in cls.cites]  # type: ignore[attr-defined]
    assert named
    assert set(named) <= set(known)


def test_every_entry_is_whole() -> None:
    file = (ROOT / "bench" / "report" / "references.bib").read_text(encoding="utf-8")
    known = entries()
    assert list(known) == sorted(known) == re.findall(r"^@\w+\{(\w+),", file, re.M)
    for text in known.values():
        balanced(text)
        fields = set(re.findall(r"^  (\w+) +=", text, re.M))
        assert {"author", "title", "year"} <= fields
        assert fields & {"journal", "booktitle", "publisher", "note", "howpublished"}


def test_the_project_can_be_cited() -> None:
    from bench import __version__

    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    given = dict(re.findall(r'^([a-z-]+): "?(.*?)"?$', text, re.M))
    assert given["cff-version"] == "1.2.0"
    assert given["version"] == __version__
    assert {"message", "title"} <= given.keys()
    assert 'authors:\n  - name: "The bench authors"\n' in text
