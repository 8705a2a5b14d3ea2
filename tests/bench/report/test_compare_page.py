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


def test_another_seed_is_compared_as_a_whole_and_its_answers_beside_the_first_ones(
    synthetic: ModuleType, tmp_path: Path
) -> None:
    """As somebody asks who runs a study again: does it come to the same conclusions?"""
    first = synthetic.experiment(("sine", "copy"), seeds=6, trials=2, protocol=2)
    other = copy.deepcopy(first)
    for record in other:
        if "hashes" in record:
            record["hashes"] = {part: f"other {value}" for part, value in record["hashes"].items()}
    synthetic.write(tmp_path, "first", first)
    synthetic.write(tmp_path, "second", other)
    done = CliRunner().invoke(
        main, ["compare", "first", "second", "--results", str(tmp_path), "--reports", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert "What to use on 2 tasks and rules of fairness: the same answer on 2." in done.output
    assert "On 4 of 4 the replicates drew other data or weights, as with another --seed" in done.output
    page = (tmp_path / "out" / "first-and-second" / "report.md").read_text(encoding="utf-8")
    assert "6 and 6 (drawn anew)" in page
    answers = page.split("## Answers side by side")[1].split("## ")[1]
    assert answers.count("(the same)") == 2


def test_an_answer_that_turned_round_is_named(synthetic: ModuleType, tmp_path: Path) -> None:
    losses = {"gru": [0.010, 0.011, 0.0105, 0.0102, 0.0108, 0.0101], "lstm": [0.10, 0.11, 0.105, 0.102, 0.108, 0.101]}
    first = synthetic.with_losses(losses)
    other = synthetic.with_losses({"gru": losses["lstm"], "lstm": losses["gru"]})
    floors = [synthetic.reference("sine", "persistence", "floor", r, 0.5) for r in range(1, 7)]
    synthetic.write(tmp_path, "first", [*first, *floors])
    synthetic.write(tmp_path, "second", [*other, *floors])
    done = CliRunner().invoke(
        main, ["compare", "first", "second", "--results", str(tmp_path), "--reports", str(tmp_path / "out")]
    )
    assert "one that contradicts it on 1 (sine, tuned: “gru” in first, “lstm” in second)." in done.output
