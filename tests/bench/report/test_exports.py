import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from bench.analysis.results import Results, load
from bench.cli import main
from bench.report import exports, render
from bench.report.document import Document
from bench.report.exports import TABLES
from bench.report.markdown import summary
from bench.report.sections.leaderboard import leaderboard_section
from bench.report.sections.verdict import verdict_section
from tasks.errors import UserError


@pytest.fixture
def folder(synthetic: ModuleType, tmp_path: Path) -> Path:
    synthetic.write(tmp_path / "results", "mine", synthetic.experiment(("sine",), seeds=2, trials=2))
    return tmp_path


def _render(folder: Path, **options: Any) -> list[Path]:
    return render("mine", folder / "results", folder / "reports", **options)


def test_tables_beside_the_page_read_back_exactly_and_are_linked(folder: Path) -> None:
    paths = _render(folder, formats=("html", "csv"))
    assert [path.name for path in paths] == [
        "index.html",
        *(f"{name}.csv" for name in TABLES),
        "pairs.csv",
        "verdicts.csv",
    ]
    results = load("mine", folder / "results")
    for name in ("summary", "curves"):
        back = pd.read_csv(folder / "reports" / "mine" / f"{name}.csv")
        table = getattr(results, name)
        assert back.columns.tolist() == table.columns.tolist()
        for column in table.select_dtypes("float64"):
            assert back[column].astype(float).equals(table[column].reset_index(drop=True))
    html = paths[0].read_text(encoding="utf-8")
    assert set(re.findall(r'<a href="([\w.]+csv)"', html)) == {path.name for path in paths[1:]}


def test_without_an_export_the_tables_beside_the_records_are_linked(folder: Path) -> None:
    (folder / "results" / "mine" / "summary.csv").write_text("task\n", encoding="utf-8")
    _, markdown, _ = _render(folder)
    text = markdown.read_text(encoding="utf-8")
    assert "[summary.csv](../../results/mine/summary.csv)" in text
    assert "](../../results/mine/curves.csv)" not in text  # it is not there


def test_parquet_without_pyarrow_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'bench\[parquet\]'"):
        _render(folder, formats=("html", "parquet"))
    assert not (folder / "reports").exists()


def test_parquet_holds_the_same_tables(folder: Path) -> None:
    pytest.importorskip("pyarrow")
    paths = _render(folder, formats=("parquet",))
    trainings = pd.read_parquet(next(path for path in paths if path.stem == "trainings"))
    expected = load("mine", folder / "results").trainings
    assert trainings["test_loss"].equals(expected["test_loss"])
    assert trainings["hidden_size"].tolist() == expected["hidden_size"].tolist()


def test_every_figure_at_publication_size_and_the_same_twice(folder: Path) -> None:
    from PIL import Image

    drawn = [
        path for path in _render(folder, formats=("html",), figures=("png", "pdf", "svg")) if path.suffix != ".html"
    ]
    names = {path.stem for path in drawn}
    assert {path.suffix for path in drawn} == {".png", ".pdf", ".svg"}
    assert len(drawn) == 3 * len(names) > 20
    first = {path: path.read_bytes() for path in drawn}
    with Image.open(next(path for path in drawn if path.name == "curves-1-1.png")) as image:
        assert image.width == round(4.5 * 300)
    assert all(content.startswith(b"%PDF") for path, content in first.items() if path.suffix == ".pdf")
    _render(folder, formats=("html",), figures=("png", "pdf", "svg"))
    assert first == {path: path.read_bytes() for path in drawn}


def test_the_command_takes_formats_and_figures(folder: Path) -> None:
    folders = ["--results", str(folder / "results"), "--reports", str(folder / "reports")]
    done = CliRunner().invoke(main, ["report", "mine", *folders, "--format", "markdown, csv", "--figures", "pdf"])
    assert done.exit_code == 0, done.output
    assert re.search(r"figures .*figures/ \(\d+ files\)", done.output)
    written = {path.name for path in (folder / "reports" / "mine").iterdir()}
    assert {"report.md", "summary.md", "curves.csv", "figures"} <= written
    assert "index.html" not in written
    for flags, message in (
        (["--format", "htm"], "did you mean 'html'"),
        (["--figures", "jpg"], "unknown figure format 'jpg'"),
        (["--format", ","], "--format is empty"),
        (["--format", "csv", "--open"], "--format must have html"),
    ):
        wrong = CliRunner().invoke(main, ["report", "mine", *folders, *flags])
        assert (wrong.exit_code, message in wrong.output) == (2, True), wrong.output


def test_open_shows_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("bench.cli.report.click.launch", opened.append)
    folders = ["--results", str(folder / "results"), "--reports", str(folder / "reports")]
    done = CliRunner().invoke(main, ["report", "mine", "--open", "--quiet", *folders])
    assert (done.exit_code, done.output) == (0, "")
    assert opened == [str((folder / "reports" / "mine" / "index.html").resolve())]


def test_the_summary_is_short_however_much_there_is(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    tasks, models = [f"task {i}" for i in range(25)], [f"model {i}" for i in range(6)]
    records = synthetic.experiment(tasks, models, seeds=2, trials=1, matches=("tuned", "hidden"))
    records.append(synthetic.training("task 0", "model 0", 3, status="failed"))
    results = results_of(records)
    sections = [verdict_section(results), leaderboard_section(results)]
    text = summary(results, Document("big", "complete", True, ["25 tasks"], sections))
    assert len(text.splitlines()) < 60
    assert "10 more tasks are in the report." in text
    assert "more rows are in the report." in text
    assert "Also compared, in the report: equal hidden size." in text
    assert "\n1 of 901 trainings did not end well; the report has each with its error." in text  # 300 of them searched
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
