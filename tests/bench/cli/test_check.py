"""`bench check`: its exit codes, its flags, and what it says of baselines that it cannot compare with."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner, Result
from synthetic import cell, cells, write, write_experiment

from bench.cli import main
from bench.gate.baseline_files import FILES, _checksum

Bench = Callable[..., Result]
ELSEWHERE = "another-fingerprint"


@pytest.fixture
def baseline(folder: Path) -> Path:
    """`baseline` in the current folder: copy × gru, sine × gru, sine × lstm."""
    return write(folder / "baseline")


def lines_of(result: Result) -> list[str]:
    return result.stdout.splitlines()


# exit codes, against finished experiments ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slower", "code", "sentence"),
    [
        (1.0, 0, "3 cells against baseline: 3 as good"),
        (1.3, 1, "3 cells against baseline: 1 regressed, 2 as good"),
        (0.7, 0, "3 cells against baseline: 1 better, 2 as good"),
    ],
)
def test_the_exit_code_is_the_verdict(bench: Bench, baseline: Path, slower: float, code: int, sentence: str) -> None:
    now = [*cells([("copy", "gru"), ("sine", "lstm")], draw=1), cell("sine", "gru", draw=1, slower=slower)]
    write_experiment(Path("results"), "nightly", now)
    result = bench("check", "baseline", "--against", "nightly")
    assert result.exit_code == code
    assert lines_of(result)[-1].startswith(sentence)
    assert result.stderr == ""


def test_an_experiment_that_lacks_replicates_or_cells_cannot_be_compared(bench: Bench, baseline: Path) -> None:
    write_experiment(Path("results"), "small", [cell("copy", "gru", replicates=5), cell("sine", "gru")])
    result = bench("check", "baseline", "--against", "small")
    assert result.exit_code == 3
    assert "copy × gru not comparable: experiment small has no replicate 6, 7, 8, …" in lines_of(result)
    assert "sine × lstm not comparable: experiment small has no such cell" in lines_of(result)


def test_another_configuration_cannot_be_compared(bench: Bench, baseline: Path) -> None:
    write_experiment(Path("results"), "wide", cells(hidden_size=64))
    result = bench("check", "baseline", "--against", "wide")
    assert result.exit_code == 3
    assert "sine × gru not comparable: hidden_size is 64, in the baseline 32" in lines_of(result)


def test_a_regression_outweighs_what_cannot_be_compared(bench: Bench, baseline: Path) -> None:
    write_experiment(Path("results"), "n", [cell("sine", "gru", slower=1.3)])
    assert bench("check", "baseline", "--against", "n").exit_code == 1


def test_another_environment_is_said(bench: Bench, baseline: Path) -> None:
    write_experiment(Path("results"), "n", fingerprint=ELSEWHERE)
    result = bench("check", "baseline", "--against", "n")
    assert result.exit_code == 0
    assert any(line.startswith("trained in another environment than the baseline") for line in lines_of(result))


def test_an_experiment_of_run_is_refused_and_what_is_expected_is_said(bench: Bench, baseline: Path) -> None:
    whole = [{**entry, "training": {**entry["training"], "stop_at_target": False}} for entry in cell("sine", "gru")]
    trials = [{**entry, "stage": "trial", "trial": 0} for entry in whole]
    for records in (whole, trials):
        write_experiment(Path("results"), "nightly", [records])
        result = bench("check", "baseline", "--against", "nightly")
        assert result.exit_code == 3
        assert lines_of(result) == [
            "not comparable: experiment nightly is one of bench run, whose trainings are evaluated at other steps than "
            "the baseline's: expected the trainings of a check (--against check) or of baseline record (--against "
            "baseline-run)"
        ]


def test_only_the_chosen_cells_count(bench: Bench, baseline: Path) -> None:
    write_experiment(Path("results"), "n", [cell("sine", "gru", slower=1.3), cell("copy", "gru")])
    result = bench("check", "baseline", "--against", "n", "--cells", "copy/*")
    assert result.exit_code == 0
    assert lines_of(result)[-1].startswith("1 cell against baseline: 1 as good")


# mistakes in the command: exit code 2 -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], ["missing argument 'FOLDER'"]),
        (["baseline", "--format", "junt"], ["unknown format 'junt'", "did you mean 'junit'?", "markdown"]),
        (["baseline", "--cells", "copi/*"], ["no cell is called 'copi/*'", "Valid: copy/gru", "* matches any text"]),
        (["baseline", "--cells", "sine/gruu"], ["no cell is called 'sine/gruu'", "did you mean 'sine/gru'?"]),
        (["baseline", "--cells", "sine/gru,nothing"], ["no cell is called 'nothing'"]),
        (["baseline", "--against", "nightli"], ["unknown experiment 'nightli'", "did you mean 'nightly'?"]),
        (["baseline", "--against", "nightly", "--results", "empty"], ["no experiment in 'empty'"]),
        (["baseline", "--output", "results"], ["--output is results, which is a folder: give a file"]),
        (["baseline", "--output", "baseline/gate.toml/x"], ["baseline/gate.toml is a file: give another file"]),
        (["baseline", "--workers", "0"], ["--workers is 0: expected at least 1"]),
        (["baseline", "--workers", "two"], ["--workers is 'two': expected int"]),
        (["baseline", "--gate-time", "HEAD", "--against", "nightly"], ["--gate-time and --against exclude each other"]),
        (["baseline", "--gate-time", "HEAD", "--workers", "2"], ["--gate-time and --workers exclude each other"]),
        (["baseline", "--formt", "json"], ["unknown option '--formt'", "did you mean '--format'?"]),
        (["baseline", "more"], ["unexpected extra argument"]),
    ],
    ids=lambda value: " ".join(value[1:]) if value and value[0] == "baseline" else "",
)
def test_mistakes_are_one_line(
    refused: Callable[..., str], baseline: Path, args: list[str], expected: list[str]
) -> None:
    write_experiment(Path("results"), "nightly")
    line = refused("check", *args)
    for part in expected:
        assert part in line


# baselines that can't be compared with: exit code 3 -----------------------------------------------------------------


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def remake(path: Path, **changes: Any) -> None:
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, **changes}), encoding="utf-8")


def signed(folder: Path, **changes: Any) -> None:
    """Change the manifest (a key) or a table (a file's name: a function of its text), and make the checksum agree."""
    for name, change in changes.items():
        if callable(change):
            path = folder / name
            path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {name: value for name, value in changes.items() if not callable(value)}
    texts = [(folder / name).read_text(encoding="utf-8") for name in FILES[manifest["schema"]]]
    (folder / "manifest.json").write_text(json.dumps({**manifest, "checksum": _checksum(manifest, texts)}))


def old_schema(folder: Path, schema: int) -> None:
    """Make a baseline of an older schema: without the files that it did not have."""
    for name in set(FILES[3]) - set(FILES[schema]):
        (folder / name).unlink()
    signed(folder, schema=schema)


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (
        lambda b: [path.unlink() for path in b.iterdir()],
        "there is no baseline in baseline: record one with python -m bench baseline record baseline",
    ),
    "a file": (
        lambda b: ([path.unlink() for path in b.iterdir()], b.rmdir(), b.write_text("x")),
        "there is no baseline in baseline",
    ),
    "no manifest": (lambda b: (b / "manifest.json").unlink(), "manifest.json is missing: restore it"),
    "no table": (lambda b: (b / "baseline.csv").unlink(), "baseline.csv is missing: restore it"),
    "half a manifest": (lambda b: (b / "manifest.json").write_text('{"kind": '), "manifest.json is not valid JSON"),
    "no text": (lambda b: (b / "baseline.csv").write_bytes(b"\xff\xfe"), "baseline.csv is not UTF-8 text"),
    "something else": (
        lambda b: (b / "manifest.json").write_text('{"name": "x"}'),
        "manifest.json is not a baseline's",
    ),
    "a list": (lambda b: (b / "manifest.json").write_text("[]"), "manifest.json is not a baseline's"),
    "another schema": (
        lambda b: remake(b / "manifest.json", schema=7),
        "has baseline schema 7, this bench compares schemas up to 3",
    ),
    "edited rows": (
        lambda b: rewrite(b / "baseline.csv", "steps_to_target,", "steps_to_target,1"),
        "its recording was interrupted: the checksum does not match the content",
    ),
    "a deleted row": (lambda b: rewrite(b / "baseline.csv", "copy,gru,1,data,", "copy,gru,1,date,"), "edited by hand"),
    "an edited manifest": (
        lambda b: rewrite(b / "manifest.json", '"learning_rate": 0.01', '"learning_rate": 0.02'),
        "was edited by hand",
    ),
    "a checksum of something else": (lambda b: remake(b / "manifest.json", checksum="0" * 64), "edited by hand"),
    "a torn manifest": (
        lambda b: (b / "manifest.json").write_text((b / "manifest.json").read_text()[:500]),
        "manifest.json is not valid JSON: Expecting ',' delimiter: line 34 column 34 (char 500). Restore it, or "
        'record the baseline again with python -m bench baseline record baseline --config FILE --accept "why"',
    ),
    "a torn table": (
        lambda b: (b / "curves.csv").write_text((b / "curves.csv").read_text()[:500]),
        'record it again with python -m bench baseline record baseline --accept "why"',
    ),
    "no curves": (lambda b: (b / "curves.csv").unlink(), "curves.csv is missing: restore it"),
    "a cell twice in the manifest": (
        lambda b: signed(b, cells=[*json.loads((b / "manifest.json").read_text())["cells"]] * 2),
        "manifest.json has copy × gru twice",
    ),
    "a row twice": (
        lambda b: signed(b, **{"baseline.csv": lambda text: text + text.splitlines()[-1] + "\n"}),
        "baseline.csv: sine × lstm, replicate 24 has weights twice",
    ),
    "a cell without rows": (
        lambda b: signed(b, **{"baseline.csv": lambda text: text.replace("copy,gru", "copy,grue")}),
        "has a curve, but no other values",
    ),
    "a row that is cut off": (
        lambda b: signed(b, **{"float64.csv": lambda text: text[:-30]}),
        "float64.csv: line 10 is not a row of 5 values",
    ),
    "a sketch that is no number": (
        lambda b: signed(b, **{"initial.csv": lambda text: text.replace(",100,1.0,", ",100,one,", 1)}),
        "initial.csv: 'one' is not a number",
    ),
    "steps without losses": (
        lambda b: signed(b, **{"curves.csv": lambda text: text.replace("0 30 60 ", "0 30 ", 1)}),
        "steps and ",
    ),
    "fewer replicates": (
        lambda b: write(b, cells(replicates=5)),
        "baseline has 5 replicates of a cell, a check needs 24: record it again with python -m bench baseline record",
    ),
    "exceptions that are no TOML": (lambda b: (b / "gate.toml").write_text("[[cell]"), "gate.toml is not valid TOML"),
    "an exception without a reason": (
        lambda b: (b / "gate.toml").write_text('[[cell]]\ntask = "sine"\nmodel = "gru"\nskip = true\n'),
        "[[cell]] number 1 has no reason",
    ),
    "an exception for no cell": (
        lambda b: (b / "gate.toml").write_text('[[cell]]\ntask = "x"\nmodel = "gru"\nskip = true\nreason = "r"\n'),
        "gate.toml names x × gru, which the baseline does not have",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_baseline_that_is_no_good_is_a_sentence(bench: Bench, folder: Path, baseline: Path, case: str) -> None:
    damage, expected = BROKEN[case]
    write_experiment(Path("results"), "nightly")
    damage(baseline)
    before = sorted(folder.rglob("*"))
    result = bench("check", "baseline", "--against", "nightly")
    assert result.exit_code == 3
    (line,) = lines_of(result)
    assert line.startswith("not comparable: ")
    assert expected in line
    assert result.stderr == ""
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"models": ["gruu"]}, "unknown model 'gruu': did you mean 'gru'?"),
        ({"tasks": ["sign"]}, "unknown task 'sign': did you mean 'sine'?"),
        ({"momentum": 0.9}, "unknown option 'momentum'"),
    ],
)
def test_code_that_lacks_what_the_baseline_ran(
    bench: Bench, folder: Path, changes: dict[str, Any], expected: str
) -> None:
    write(folder / "baseline", [cell("sine", "gru")], experiment={"models": ["gru"], "tasks": ["sine"], **changes})
    result = bench("check", "baseline")
    assert result.exit_code == 3
    assert "not comparable: this code cannot run the experiment of baseline" in result.stdout
    assert expected in result.stdout
    assert '--accept "why"' in result.stdout
    assert not (folder / "results").exists()


@pytest.mark.parametrize("content", ["import no_such_module\n", "x = 1\n"])
def test_a_plugin_that_is_broken_is_to_be_mended(bench: Bench, folder: Path, content: str) -> None:
    (folder / "broken.py").write_text(content)
    settings = {"models": ["mine"], "tasks": ["sine"], "plugins": ["broken.py"]}
    write(folder / "baseline", [cell("sine", "gru")], experiment=settings)
    result = bench("check", "baseline")
    assert result.exit_code == 3
    (line,) = lines_of(result)
    assert "plug-in broken.py " in line
    assert line.endswith(". Mend the plug-in, and check again")


@pytest.mark.parametrize("schema", [1, 2])
@pytest.mark.parametrize("slower", [1.0, 1.3])
def test_a_baseline_of_an_older_schema_is_read_and_told_what_it_lacks(
    bench: Bench, baseline: Path, schema: int, slower: float
) -> None:
    old_schema(baseline, schema)
    now = [*cells([("copy", "gru"), ("sine", "lstm")], draw=1), cell("sine", "gru", draw=1, slower=slower)]
    write_experiment(Path("results"), "nightly", now)
    result = bench("check", "baseline", "--against", "nightly")
    assert result.exit_code == (slower > 1)
    lacks = [line for line in lines_of(result) if line.startswith("baseline has no ")]
    assert len(lacks) == 3 - schema
    assert all(line.endswith('python -m bench baseline record baseline --accept "why"') for line in lacks)
    if slower > 1:
        assert "sine × gru regressed: steps to target +3" in result.stdout


def test_a_plugin_that_is_gone_says_how_to_go_on(bench: Bench, folder: Path) -> None:
    settings = {"models": ["mine"], "tasks": ["sine"], "plugins": ["gone.py"]}
    write(folder / "my baseline", [cell("sine", "gru")], experiment=settings)
    result = bench("check", "my baseline")
    assert result.exit_code == 3
    assert lines_of(result) == [
        "not comparable: the baseline in my baseline needs gone.py, which does not exist: restore it, or if it was "
        "moved, record the baseline with its new place: python -m bench baseline record 'my baseline' --plugin NEW.py "
        '--accept "it moved"'
    ]
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    ("command", "code"), [(["check"], 3), (["baseline", "record", "--accept", "why"], 2)], ids=["check", "record"]
)
def test_from_another_folder_it_says_where_to_go(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], code: int
) -> None:
    settings = {"models": ["mine"], "tasks": ["sine"], "plugins": ["ci/cell.py"]}
    write(folder / "ci" / "baseline", [cell("sine", "gru")], experiment=settings)
    (folder / "ci" / "cell.py").write_text("raise RuntimeError('it is not loaded')\n")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    result = bench(*command, "../ci/baseline")
    assert result.exit_code == code
    (line,) = (result.stdout + result.stderr).splitlines()
    assert f"needs ci/cell.py, a path relative to {folder}: go there, cd {folder} && python -m bench " in line
    assert "ci/baseline" in line.partition("&&")[2]
    assert list((folder / "elsewhere").iterdir()) == []


def test_no_permission_to_write_is_said_before_anything_is_trained(
    bench: Bench, folder: Path, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **settings: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("bench.cli.writable.tempfile.TemporaryFile", refuse)
    for command in (["check", "baseline", "--output", "out.md"], ["baseline", "record", "baseline", "--accept", "w"]):
        result = bench(*command)
        assert result.exit_code == 2
        assert "no file can be made in " in result.stderr
        assert "Permission denied" in result.stderr
    assert not (folder / "results").exists()


@pytest.mark.parametrize("style", ["text", "markdown", "github", "junit", "json"])
def test_a_refusal_has_every_format(bench: Bench, folder: Path, style: str) -> None:
    result = bench("check", "nowhere", "--format", style)
    assert result.exit_code == 3
    assert "there is no baseline in nowhere" in result.stdout


# where the result goes ----------------------------------------------------------------------------------------------


def test_the_result_goes_to_a_file(bench: Bench, folder: Path, baseline: Path) -> None:
    write_experiment(Path("results"), "n", cells(draw=1))
    result = bench("check", "baseline", "--against", "n", "--format", "junit", "--output", "new/junit.xml")
    assert result.exit_code == 0
    assert result.stdout == "3 cells against baseline: 3 as good\n"
    assert ElementTree.parse(folder / "new" / "junit.xml").getroot().get("tests") == "3"


def test_json_on_stdout_is_json_alone(bench: Bench, folder: Path, baseline: Path) -> None:
    write_experiment(Path("results"), "n", [cell("sine", "gru", slower=1.3)])
    content = json.loads(bench("check", "baseline", "--against", "n", "--format", "json").stdout)
    assert content["exit_code"] == 1
    assert content["checked"] == "experiment n"


def test_the_summary_of_a_github_job(
    bench: Bench, folder: Path, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    write_experiment(Path("results"), "n", [cell("sine", "gru", slower=1.3), cell("copy", "gru"), cell("sine", "lstm")])
    result = bench("check", "baseline", "--against", "n", "--format", "github")
    assert result.exit_code == 1
    assert lines_of(result)[0].startswith("::error title=bench sine/gru regressed::")
    assert (folder / "summary.md").read_text(encoding="utf-8").startswith("### ❌ Convergence: 3 cells")


@pytest.mark.parametrize(
    ("terminal", "variables", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals(
    folder: Path,
    baseline: Path,
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    variables: dict[str, str],
    coloured: bool,
) -> None:
    write_experiment(Path("results"), "n", [cell("sine", "gru", slower=1.3), cell("copy", "gru"), cell("sine", "lstm")])
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("bench.cli.check.is_terminal", lambda: terminal)
    result = CliRunner().invoke(main, ["check", "baseline", "--against", "n"], color=True)
    assert result.exit_code == 1
    assert ("\x1b[31m" in result.stdout) is coloured
    plain = click.unstyle(result.stdout)
    assert re.search(r"^sine × gru   regressed  ", plain, re.MULTILINE)


# this code ----------------------------------------------------------------------------------------------------------


def test_this_code_is_trained_and_compared(
    bench: Bench, folder: Path, toy_plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recorded, checked, then checked on a code that learns at half the rate: in this process, on the toy."""
    from bench.executors.inline import InlineExecutor
    from bench.training.request import Training
    from bench.training.train import build_learner
    from tasks.contract import Dataset

    monkeypatch.setattr(
        "bench.gate.this_code.session.open_executor", lambda made, _: InlineExecutor(made.options.plugins)
    )
    (folder / "gate.toml").write_text(
        f'models = ["linear"]\ntasks = ["toy"]\nmatch = ["hidden"]\nhidden_sizes = [4]\nlayers = [1]\n'
        f'lr_range = [0.1, 0.1]\nsteps = 200\nplugins = ["{toy_plugin}"]\n'
    )
    recorded = bench("baseline", "record", "baseline", "--config", "gate.toml", "-q")
    assert recorded.exit_code == 0, recorded.output
    result = bench("check", "baseline")
    assert result.exit_code == 0, result.output
    assert re.search(r"^toy × linear  as good .* \+0\.0 % ", result.stdout, re.MULTILINE)
    assert "trainings" in result.stderr or "toy" in result.stderr
    assert (folder / "results" / "check" / "records.jsonl").exists()
    against = bench("check", "baseline", "--against", "check")
    assert lines_of(against)[:2] == lines_of(result)[:2]
    before = {path: path.read_bytes() for path in (folder / "results" / "check").iterdir()}
    quick = bench("check", "baseline", "--quick")
    assert quick.exit_code == 0, quick.output
    assert {path: path.read_bytes() for path in (folder / "results" / "check").iterdir()} == before
    listed = bench("list", "experiments")
    assert re.search(r"^ *check .*; budget quick, 12 records$", listed.stdout, re.MULTILINE), listed.stdout

    def halved(training: Training, dataset: Dataset) -> Any:
        learner = build_learner(training, dataset)
        learner.learning_rate /= 2
        return learner

    monkeypatch.setattr("bench.training.train.build_learner", halved)
    result = bench("check", "baseline", "-q")
    assert result.exit_code == 1, result.output
    assert "toy × linear regressed: " in result.stdout
    assert result.stderr == ""
