"""Mistakes on the command line: one line that says what to do, exit code 2, and nothing written."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench.cli import main

Bench = Callable[..., Result]

GOOD_ROWS = "".join(f"{i},{i % 7}.5\n" for i in range(200))
GOOD_CSV = f"t,y\n{GOOD_ROWS}"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--models", "gur"], ["unknown model 'gur'", "did you mean 'gru'?", "lstm", "numpy_gru", "rnn"]),
        (["--tasks", "sin"], ["unknown task 'sin'", "did you mean 'sine'?", "copy", "regression"]),
        (["--budget", "quik"], ["unknown budget 'quik'", "did you mean 'quick'?", "smoke", "standard", "full"]),
        (["--tasks", "copy[dealy=5]"], ["parameter of task copy 'dealy'", "did you mean 'delay'?", "length"]),
        (["--tasks", "copy[delay=soon]"], ["copy[delay] is 'soon'", "expected int"]),
        (["--tasks", "copy[delay=0]"], ["delay", "0"]),
        (["--tasks", "copy[delay"], ["cannot read 'copy[delay'", "expected NAME or NAME[parameter=value"]),
        (["--models", "rnn[nonlinearity=sigmoid]"], ["sigmoid", "relu", "tanh"]),
        (["--models", "rnn[hidden=3]"], ["parameter of model rnn 'hidden'", "nonlinearity"]),
        (["--models", ""], ["--models is empty", "gru"]),
        (["--models", " , "], ["--models is empty", "gru"]),
        (["--tasks", ""], ["--tasks is empty", "sine"]),
        (["--models", "gru,lstm,gru"], ["--models names 'gru' twice"]),
        (["--tasks", "sine,sine[noise=0.0]"], ["--tasks names 'sine' twice"]),
        (["--seeds", "0"], ["--replicates is 0: expected at least 1"]),
        (["--replicates", "-2"], ["--replicates is -2: expected at least 1"]),
        (["--replicates", "10001"], ["--replicates is 10001: expected at least 1 and at most 10000"]),
        (["--replicates", "many"], ["--replicates is 'many': expected int"]),
        (["--replicates", "2.5"], ["--replicates is '2.5': expected int"]),
        (["--tune", "twice"], ["unknown tune 'twice'", "each, once"]),
        (["--max-replicates", "9"], ["--max-replicates belongs to --until-settled"]),
        (["--cohort", "0"], ["--cohort is 0: expected at least 1"]),
        (["--cohort", "all"], ["--cohort is 'all': expected int"]),
        (["--precision", "float23"], ["unknown precision 'float23'", "did you mean 'float32'?", "bfloat16", "tf32"]),
        (["--precision", "tf32", "--device", "cpu"], ["--precision tf32 needs a GPU", "leave out --device cpu"]),
        (
            ["--precision", "bfloat16", "--models", "gru,numpy_gru"],
            ["--precision bfloat16: model numpy_gru computes in float32 only"],
        ),
        (["--trials", "0"], ["--trials is 0"]),
        (["--steps", "0"], ["--steps is 0"]),
        (["--batch-size", "0"], ["--batch-size is 0"]),
        (["--workers", "0"], ["--workers is 0"]),
        (["--hidden-sizes", "16,-3"], ["--hidden-sizes is -3: expected at least 1"]),
        (["--hidden-sizes", "16,big"], ["--hidden-sizes is 'big': expected int"]),
        (["--hidden-sizes", "16,16"], ["--hidden-sizes names '16' twice"]),
        (["--hidden-sizes", ""], ["--hidden-sizes is empty"]),
        (["--layers", "0"], ["--layers is 0"]),
        (["--lr-range", "1e-2,1e-4"], ["--lr-range is 0.01,0.0001", "LOW,HIGH"]),
        (["--lr-range", "1e-2"], ["--lr-range is 0.01", "LOW,HIGH"]),
        (["--lr-range", "nan,1"], ["--lr-range is 'nan'"]),
        (["--match", "size"], ["unknown match 'size'", "hidden", "params", "tuned"]),
        (["--match", ""], ["--match is empty", "hidden", "params", "tuned"]),
        (["--sampler", "tep"], ["unknown sampler 'tep'", "did you mean 'tpe'?"]),
        (["--device", "gpu"], ["unknown device 'gpu': did you mean 'cuda'?", "auto", "cpu", "cuda"]),
        (["--init", "ortho"], ["unknown init 'ortho'", "did you mean 'orthogonal'?"]),
        (["--dropout", "1"], ["--dropout is 1: expected at least 0 and less than 1"]),
        (["--weight-decay", "-1"], ["--weight-decay is -1: expected at least 0"]),
        (["--clip-norm", "0"], ["--clip-norm is 0: expected more than 0, or none for no clipping"]),
        (["--seed", "-1"], ["--seed is -1"]),
        (["--name", "../elsewhere"], ["--name is '../elsewhere'"]),
        (["--window", "5"], ["--window belongs to a CSV file", "--data FILE.csv"]),
        (["--target", "y"], ["--target belongs to a CSV file", "--data FILE.csv"]),
        (["--model", "gru"], ["unknown option '--model'", "did you mean '--models'?", "run --help"]),
        (["--momentum", "0.9"], ["unknown option '--momentum': All options: python -m bench run --help"]),
        (["--optimizer", "adamm"], ["unknown optimizer 'adamm'", "did you mean 'adam", "rmsprop"]),
        (["--schedule", "cosin"], ["unknown schedule 'cosin'", "did you mean 'cosine'?", "plateau"]),
        (["--warmup", "-1"], ["--warmup is -1: expected at least 0"]),
        (["--steps", "9", "--warmup", "9"], ["--warmup is 9", "9 steps", "expected less"]),
        (["--steps", "1", "--schedule", "cosine"], ["--schedule cosine needs 2 steps", "--steps"]),
        (["--schedule", "cosine", "--plateau-patience", "3"], ["--plateau-patience belongs to --schedule plateau"]),
        (["--schedule", "constant", "--plateau-patience", "3"], ["--plateau-patience belongs to --schedule plateau"]),
        (["--trials"], ["'--trials' requires an argument"]),
        (["gru"], ["unexpected extra argument"]),
        (["--config", "none.toml"], ["none.toml does not exist", "TOML"]),
        (["--recipe", "nois"], ["unknown recipe 'nois'", "did you mean 'noise'?", "fair"]),
        (["--recipe", "fair", "--config", "e.toml"], ["--config and --recipe", "give one of them"]),
        (["--epochs", "3", "--steps", "5"], ["--steps and --epochs", "give one of them"]),
        (["--parameter-budgets", "500"], ["--parameter-budgets belongs to --match params"]),
        (["--batch-size", "half"], ["--batch-size", "'half'", "full"]),
        (["--timeout", "0"], ["--timeout is 0", "seconds"]),
        (["--max-time", "soon"], ["--max-time is 'soon'"]),
        (["--memory", "-1"], ["--memory is -1", "GiB"]),
        (["--executor", "dask"], ["unknown executor 'dask'", "local, inline", "dask://HOST:PORT"]),
        (["--async"], ["unknown option '--async'", "run --help"]),
        (["--plugin", "none.py"], ["plug-in none.py does not exist"]),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("-") else "",
)
def test_run_refuses(refused: Callable[..., str], args: list[str], expected: list[str]) -> None:
    line = refused("run", *args)
    for part in expected:
        assert part in line


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["rnu"], ["unknown command 'rnu'", "did you mean 'run'?", "list", "predict", "report", "rerun", "run"]),
        (["--verison"], ["unknown option '--verison'", "did you mean '--version'?"]),
        (
            ["list", "modles"],
            ["unknown list 'modles'", "did you mean 'models'?", "budgets, experiments, models, recipes, tasks"],
        ),
        (["list"], ["missing argument"]),
        (["report"], ["missing argument 'NAME'"]),
        (["report", "nothing"], ["no experiment in 'results'", "python -m bench run"]),
        (["rerun", "nothing", "abc"], ["nothing", "holds no records"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_other_commands_refuse(refused: Callable[..., str], args: list[str], expected: list[str]) -> None:
    line = refused(*args)
    for part in expected:
        assert part in line


@pytest.mark.parametrize(
    ("content", "extra", "expected"),
    [
        (None, [], ["'data.csv' does not exist"]),
        (b"", [], ["data.csv is empty"]),
        ("t,y\n1,ä\n".encode("latin-1"), [], ["data.csv is not UTF-8", "line 2"]),
        (b"t,y\n1,2\n", [], ["data.csv has 1 row "]),
        (b"t,y\n" + b"1,2\n" * 300, [], ["target column 'y' is constant"]),
        (b"t,y\n" + b"1,red\n" * 300, [], ["column 'y' has 'red' in line 2", "a target must be numbers"]),
        (b"y,y\n" + b"1,2\n" * 300, [], ["two columns called 'y'"]),
        (
            GOOD_CSV[:62].encode(),
            [],
            ["10 rows", "two forecast origins", "at least 56 rows (45 with --window 15"],
        ),
        (GOOD_CSV.encode(), ["--window", "170"], ["200 rows", "give --window 146 or less, or at least 228 rows"]),
        (
            GOOD_CSV.replace("9,2.5\n", "9,nan\n", 1).encode(),
            [],
            ["column 'y' misses 1 of 200", "line", "--fill forward"],
        ),
        (GOOD_CSV.replace("9,2.5\n", "9,inf\n", 1).encode(), [], ["column 'y' has the infinite value 'inf'"]),
        (GOOD_CSV.encode(), ["--features", "z"], ["unknown column 'z'", "t, y"]),
        (GOOD_CSV.encode(), ["--fill", "backward"], ["backward", "forward"]),
        (GOOD_CSV.encode(), ["--window", "0"], ["window", "0"]),
        (GOOD_CSV.encode(), ["--horizon", "two"], ["--horizon is 'two': expected int"]),
        (GOOD_CSV.encode(), ["--season", "100000"], ["season 100000"]),
        (f"t,y\n{GOOD_ROWS}5,1\n".encode(), ["--time", "t"], ["time column 't' must increase", "line 202"]),
    ],
)
def test_csv_is_refused(
    refused: Callable[..., str], folder: Path, content: bytes | None, extra: list[str], expected: list[str]
) -> None:
    if content is not None:
        (folder / "data.csv").write_bytes(content)
    line = refused("run", "--data", "data.csv", "--target", "y", *extra)
    for part in expected:
        assert part in line


def test_csv_without_target_is_refused(refused: Callable[..., str], folder: Path) -> None:
    (folder / "data.csv").write_text(GOOD_CSV)
    assert "--data needs --target COLUMN" in refused("run", "--data", "data.csv")


def test_unknown_target_column_is_refused(refused: Callable[..., str], folder: Path) -> None:
    (folder / "data.csv").write_text("t,level\n" + GOOD_ROWS)
    line = refused("run", "--data", "data.csv", "--target", "levle")
    assert "unknown column 'levle': did you mean 'level'? Valid: level, t" in line


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("e.toml", 'models = ["gru"]\n\nbatchsize = 3\n', ["e.toml:3", "'batchsize'", "did you mean 'batch_size'?"]),
        ("e.toml", "seeds = 3\n[search]\ntrials = 4\n", ["e.toml:2", "search is"]),
        ("e.toml", "models = [gru]\n", ["e.toml", "TOML"]),
        ("e.toml", "seeds = 0\n", ["--replicates is 0"]),
        ("e.toml", 'seeds = "some"\n', ["e.toml:1: seeds is 'some': expected int"]),
        ("e.toml", "seeds = true\n", ["e.toml:1: seeds is True: expected int"]),
        ("e.json", '{"models": ["gru"]}', ["e.json is not the experiment.json"]),
        ("e.json", "{", ["e.json is not the experiment.json"]),
    ],
)
def test_config_file_is_refused(
    refused: Callable[..., str], folder: Path, name: str, content: str, expected: list[str]
) -> None:
    (folder / name).write_text(content)
    line = refused("run", "--config", name)
    for part in expected:
        assert part in line


PLUGIN = """
from dataclasses import dataclass
from tasks.contract import BUDGETS, Dataset, Defaults, Split, Target, Task

@dataclass(frozen=True)
class Mine(Task):
    name = "mine"
    summary = "a task of mine"
    loss = "mse"
    defaults = Defaults(8, dict.fromkeys(BUDGETS, 10), (1e-3, 1e-2))
    input_size = 1
    output_size = 1
    target = Target("loss", 0.1)

    def generate(self, seed): ...
    def metrics(self, outputs, targets, mask=None): ...
    def references(self, dataset): ...
"""


@pytest.mark.parametrize(
    ("old", "new", "attribute"),
    [
        ("    def generate(self, seed): ...\n", "", "'generate' is missing"),
        ('    name = "mine"\n', "    name = 3\n", "'name' must be str, not int"),
        ('    summary = "a task of mine"\n', "", "'summary' must be str"),
        ('    loss = "mse"\n', '    loss = "mea"\n', "loss in attribute 'loss' 'mea': did you mean 'mse'?"),
        ("dict.fromkeys(BUDGETS, 10)", '{"quick": 10}', "'defaults' has no steps for budget smoke"),
        ("@dataclass(frozen=True)", "", "frozen dataclass"),
        ('    name = "mine"\n', '    name = "sine"\n', "task 'sine' exists already"),
        ("from tasks.contract", "import nothing_of_the_kind\nfrom tasks.contract", "nothing_of_the_kind"),
        ("class Mine(Task)", "class Mine", "defines no task and no model"),
    ],
    ids=lambda value: value.split()[-1] if value.strip() else "",
)
def test_plugin_is_refused_and_named(
    refused: Callable[..., str], folder: Path, request: pytest.FixtureRequest, old: str, new: str, attribute: str
) -> None:
    assert old in PLUGIN
    name = f"plugin_{request.node.callspec.indices['old']}.py"  # modules are known by their file's name
    (folder / name).write_text(textwrap.dedent(PLUGIN).replace(old, new, 1))
    line = refused("run", "--plugin", name, "--tasks", "mine")
    assert name in line
    assert attribute in line


def test_another_experiments_folder_is_refused(refused: Callable[..., str], folder: Path) -> None:
    home = folder / "results" / "mine"
    home.mkdir(parents=True)
    (home / "experiment.json").write_text(json.dumps({"identity": "of another", "command": "python -m bench run"}))
    line = refused("run", "--name", "mine", "--budget", "smoke")
    assert "mine holds another experiment (python -m bench run)" in line
    assert "--fresh" in line


def test_a_folder_of_foreign_files_is_refused_even_with_fresh(refused: Callable[..., str], folder: Path) -> None:
    home = folder / "results" / "mine"
    home.mkdir(parents=True)
    (home / "thesis.txt").write_text("years of work")
    assert "no readable experiment.json" in refused("run", "--name", "mine", "--budget", "smoke", "--fresh")


def test_a_results_folder_that_cannot_be_made_is_refused(refused: Callable[..., str], folder: Path) -> None:
    (folder / "taken").write_text("a file")
    assert "taken" in refused("run", "--results", "taken/deeper", "--budget", "smoke", "--workers", "1", "--quiet")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody can write")
def test_reports_where_no_file_can_be_made_are_refused(refused: Callable[..., str]) -> None:
    assert "/proc" in refused("run", "--models", "gru", "--tasks", "sine", "--reports", "/proc")


def test_cuda_without_a_gpu_is_refused(refused: Callable[..., str]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    line = refused("run", "--device", "cuda", "--budget", "smoke", "--workers", "1", "-q")
    assert "cuda" in line
    assert "--device cpu" in line or "auto" in line


def test_more_forecasts_than_anybody_reads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is an input of the next, so a slip of the finger would run for days."""
    with pytest.raises(SystemExit) as ended:
        main(["predict", "none", "--steps", "1000000000"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "--steps" in error
    assert "10000" in error
    assert error.count("\n") == 1
