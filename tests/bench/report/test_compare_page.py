import copy
import re
from pathlib import Path
from types import ModuleType

from click.testing import CliRunner

from bench.analysis.compare_experiments import compare
from bench.cli import main
from bench.report.compare_page import render_comparison


def test_the_page_shows_times_of_two_machines_and_ranks_none(synthetic: ModuleType, tmp_path: Path) -> None:
    first = synthetic.experiment(("sine", "copy"), seeds=5, trials=1)
    for record in first:
        record["hashes"] = {"weights": "w", "first_batch": "b"}
        record["environment"] = "e1"
    other = copy.deepcopy(first)
    for record in other:
        record["environment"] = "e2"
    synthetic.write(tmp_path, "here", first)
    synthetic.write(tmp_path, "there", other, environment={"cpu": "Another CPU"})
    synthetic.write(tmp_path, "again", first)
    html, markdown = render_comparison(compare(["here", "there"], tmp_path), tmp_path / "reports")
    text = markdown.read_text(encoding="utf-8")
    assert "their times are shown and must not be compared" in text
    assert "there ÷ here" not in text
    assert "2.90 ms" in text
    assert "Another CPU" in text
    assert "here and there" in html.read_text(encoding="utf-8")
    before = html.read_bytes(), markdown.read_bytes()
    render_comparison(compare(["here", "there"], tmp_path), tmp_path / "reports")
    assert before == (html.read_bytes(), markdown.read_bytes())

    same, _ = render_comparison(compare(["here", "again"], tmp_path), tmp_path / "reports")
    content = same.read_text(encoding="utf-8")
    assert "again ÷ here" in content
    assert "must not be compared" not in content


def test_the_command_says_what_differs_and_where_the_page_is(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine",), seeds=5, trials=1)
    synthetic.write(tmp_path, "a", records)
    synthetic.write(tmp_path, "b", records)
    folders = ["--results", str(tmp_path), "--reports", str(tmp_path / "out")]
    done = CliRunner().invoke(main, ["compare", "a", "b", *folders])
    assert done.exit_code == 0, done.output
    assert re.search(r"Against a, b .* on \d of 2 pairs of model and task", done.output)
    assert (tmp_path / "out" / "a-and-b" / "index.html").exists()
    wrong = CliRunner().invoke(main, ["compare", "a", *folders])
    assert wrong.exit_code == 2
    assert "compare needs two or more" in wrong.output
