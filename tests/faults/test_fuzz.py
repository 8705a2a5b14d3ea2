"""Checkpoints, records and TOML from a fuzzer with a fixed seed: one line each, no traceback, no control characters."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from harness import Run

from bench.cli import main
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.records.line import encode, parse
from bench.records.schema import SCHEMA
from bench.training.checkpoint import load_model
from tasks.errors import UserError

SLOWEST_SECONDS = 10
MANY = 20  # strange lines in one file
COUNTS = [
    pytest.param(60, id="few"),
    pytest.param(5000, id="5000", marks=[pytest.mark.slow, pytest.mark.storm]),
]
STRANGE: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 0.5, 1e300, -1e-300, 1e999, float("nan")),
    *("", "x", "\x1b[31mred\x07", "\u202egnitirw\r\n\t", "=1+1", "../../etc/passwd", "9" * 5000, "\ud800", "ok"),
    *([], [[]], [1, "2", None], {}, {"": {}}, {"step": "no"}, {"loss": [1]}),
]


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def mutate(value: Any, chance: random.Random) -> Any:
    """A copy with some entries, anywhere in it, of other types, doubled, or gone."""
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, 4)):
        place, parent = value, None
        while isinstance(place, (dict, list)) and place and (parent is None or chance.random() < 0.7):
            parent = place
            key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
            place = place[key]
        if parent is None:
            continue
        if chance.random() < 0.2:
            del parent[key]
        else:
            parent[key] = (
                deep(chance.choice([3, 400])) if chance.random() < 0.03 else copy.deepcopy(chance.choice(STRANGE))
            )
    return value


def damage(content: bytes, chance: random.Random) -> bytes:
    """A copy with bytes changed, cut out, or put in."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(data) + 1)
        how = chance.random()
        if how < 0.6 and start < len(data):
            data[start] = chance.randrange(256)
        elif how < 0.8:
            del data[start : start + chance.randrange(40)]
        else:
            data[start:start] = chance.randbytes(chance.randrange(40))
    return bytes(data)


def is_plain(text: str) -> bool:
    return all(character == "\n" or character >= " " for character in text) and "\x7f" not in text


def answered(call: Callable[[], object]) -> str | None:
    """What a UserError says; None where there is none. Nothing else may be raised, nor take long."""
    began = time.monotonic()
    try:
        call()
        said = None
    except UserError as error:
        said = str(error)
    assert time.monotonic() - began < SLOWEST_SECONDS
    return said


def in_one_line(result: Result) -> bool:
    raised = result.exception
    return (raised is None or isinstance(raised, SystemExit)) and is_plain(result.output)


def text_of(record: Any) -> bytes:
    return json.dumps(record).encode(errors="surrogatepass")


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # the square of a loss of 1e300 is infinite
@pytest.mark.parametrize("count", COUNTS)
def test_records_of_any_kind_are_read_or_named_by_their_line(experiment: Run, folder: Path, count: int) -> None:
    from bench.analysis.results import load
    from bench.analysis.table_files import write_tables

    experiment(models=["linear", "faulty"], trials=2)
    chance, path = random.Random(22), folder / "results/e/records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    originals = [parse(1, 0, line).record for line in lines]
    (folder / "results/e/experiment.json").unlink()  # its seal would say what was changed before anything is read
    runner = CliRunner()
    for number in range(count // MANY):
        made = [strange_line(originals, chance) for _ in range(MANY)]
        made = [line for line in made if chance.random() < 0.02 or parse(1, 0, line).schema <= SCHEMA]
        path.write_bytes(b"".join([*lines, *made]))

        def read() -> None:
            results = load("e")
            write_tables(results.records, folder)
            _ = results.progress, results.summary, results.tasks, results.models, results.selected

        answered(read)
        if number % 10 == 0:
            assert in_one_line(runner.invoke(main, ["doctor", "e"]))
        if number % 50 == 1:
            assert in_one_line(runner.invoke(main, ["report", "e"])), number


def strange_line(originals: list[Any], chance: random.Random) -> bytes:
    changed = mutate(chance.choice(originals), chance)
    try:
        line = encode(changed) if chance.random() < 0.5 else text_of(changed) + b"\n"
    except (ValueError, RecursionError):  # NaN, half a character
        line = b'{"schema":1,' + b"[" * chance.randrange(100_000) + b"\n"
    return damage(line, chance).replace(b"\n", b"") + b"\n" if chance.random() < 0.2 else line


@pytest.mark.parametrize("count", COUNTS)
def test_edited_manifests_are_read_or_refused(experiment: Run, folder: Path, count: int) -> None:
    from bench.analysis.results import load

    experiment()
    chance, path = random.Random(23), folder / "results/e/experiment.json"
    original, runner = path.read_bytes(), CliRunner()
    for number in range(count):
        content = text_of(mutate(json.loads(original), chance)) if chance.random() < 0.7 else damage(original, chance)
        path.write_bytes(content)
        said = answered(lambda: load("e").progress)
        assert said is None or is_plain(said)
        if number % 20 == 0:
            assert in_one_line(runner.invoke(main, ["doctor", "e"]))
            assert in_one_line(runner.invoke(main, ["list", "experiments"])), number
        if number % 500 == 1:
            assert in_one_line(runner.invoke(main, ["report", "e"])), number


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("model", ["gru", "numpy_gru"])
def test_checkpoints_of_any_kind_are_loaded_or_refused(folder: Path, model: str, count: int) -> None:
    import io

    import numpy as np
    import torch

    resolved = resolve({"models": [model], "tasks": ["sine"], "budget": "smoke", "steps": 2})
    from bench.executors.inline import InlineExecutor
    from bench.experiment.run import run

    run(resolved, executor=InlineExecutor())
    saved = next(iter((resolved.results_folder / "models").iterdir()))
    original, chance, path = saved.read_bytes(), random.Random(24), folder / f"fuzz{saved.suffix}"
    if saved.suffix == ".pt":
        content = torch.load(saved, weights_only=True)
        about, state = content["about"], content["state"]
    else:
        with np.load(saved) as file:
            about, state = json.loads(str(file["about"])), {name: file[name] for name in file.files if name != "about"}
    for _ in range(count // 2):
        if chance.random() < 0.5:
            path.write_bytes(damage(original, chance))
        else:
            made, changed, buffer = dict(state), mutate(about, chance), io.BytesIO()
            if chance.random() < 0.2:
                del made[chance.choice(list(made))]
            try:
                if saved.suffix == ".pt":
                    torch.save({"about": changed, "state": made}, buffer)
                else:
                    np.savez(buffer, about=np.array(json.dumps(changed)), **made)
            except (RecursionError, UnicodeError, OverflowError):
                continue
            path.write_bytes(buffer.getvalue())
        answered(lambda: load_model(path))


@pytest.mark.parametrize("count", COUNTS)
def test_toml_of_any_kind_is_read_or_refused_in_one_line(folder: Path, count: int) -> None:
    chance, path = random.Random(25), folder / "fuzz.toml"
    original = (
        b'models = ["gru", "lstm[x=1]"]\ntasks = "sine[noise=0.1],copy"\nbudget = "smoke"\nmemory = 2.0\nsteps = 10\n'
        b'lr_range = [1e-4, 1e-2]\nhidden_sizes = [8, 16]\nname = "x"\nmax_time = 60.0\nsave_models = true\n'
    )
    values = ["1e300", "-0.0", "inf", "nan", "1979-05-27", "[" * 300 + "]" * 300, '"\\u001b[2J"', "{a=1}", "9" * 5000]
    for _ in range(count):
        if chance.random() < 0.5:
            content = damage(original, chance)
        else:
            lines = original.splitlines(keepends=True)
            at = chance.randrange(len(lines))
            lines[at] = lines[at].split(b"=")[0] + b"= " + chance.choice(values).encode() + b"\n"
            content = b"".join(lines)
        path.write_bytes(content)
        answered(lambda: resolve({}, read_config(path)))
    result = CliRunner().invoke(main, ["run", "--config", str(path)])
    assert in_one_line(result)
