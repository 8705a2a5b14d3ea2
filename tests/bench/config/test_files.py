"""Reading TOML files and the `experiment.json` of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.files import read_config, read_recipe, recipes
from bench.config.resolve import resolve
from tasks.errors import UserError


def test_toml_is_read_with_the_present_names_of_options(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text('models = ["gru", "lstm"]\nlr_range = [1e-4, 1e-2]\nseeds = 3\n')
    assert read_config(path) == {"models": ["gru", "lstm"], "lr_range": [1e-4, 1e-2], "replicates": 3}


def test_experiment_json_gives_the_settings_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "experiment.json"
    settings = {"models": ["gru"], "steps": None, "engine": "auto"}
    path.write_text(json.dumps({"environment": {}, "protocol": 2, "experiment": settings}))
    assert read_config(path) == settings
    del settings["engine"]  # as before there was a choice
    path.write_text(json.dumps({"environment": {}, "protocol": 2, "experiment": settings}))
    assert read_config(path) == {**settings, "engine": "exact"}


def test_settings_of_before_the_second_protocol_mean_one_search_for_all_replicates(tmp_path: Path) -> None:
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps({"experiment": {"models": ["gru"], "seeds": 7, "asynchronous": False}}))
    assert read_config(path) == {"models": ["gru"], "replicates": 7, "tune": "once", "engine": "exact"}
    same = resolve({"models": "gru", "tune": "once", "engine": "exact"})
    assert resolve({}, read_config(path)).identity() == same.identity()


def test_an_option_under_both_its_names_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text("seeds = 3\nreplicates = 3\n")
    with pytest.raises(UserError, match=":2: 'seeds' is the former name of 'replicates': give one of them"):
        read_config(path)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("batchsize = 3\n", 1, "batchsize"),
        ("# batchsize = 1\n\nseeds = 3\n  batchsize = 3\n", 4, "batchsize"),
        ('seeds = 3\n"batchsize" = 3\n', 2, "batchsize"),
        ("seeds = 3\n\n[batchsize]\nx = 1\n", 3, "batchsize"),
        ("seeds = 3\n[[batchsize]]\nx = 1\n", 2, "batchsize"),
        ("seeds = 3\nbatchsize.x = 1\n", 2, "batchsize"),
        ('name = """\nbatchsize"""\nbatchsizes = 1\n', 3, "batchsizes"),
    ],
)
def test_an_unknown_key_is_named_with_its_line(tmp_path: Path, text: str, line: int, key: str) -> None:
    path = tmp_path / "e.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}:{line}: unknown option '{key}': did you mean 'batch_size'?")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("e.toml", b"seeds = \n", "is not valid TOML"),
        ("e.toml", b"seeds = 3\nseeds = 4\n", "is not valid TOML"),
        ("e.toml", b"name = '\xff'\n", "cannot be read as text"),
        ("e.json", b"[]", "is not the experiment.json"),
        ("e.json", b'{"experiment": 3}', "is not the experiment.json"),
        ("e.json", b"{", "is not the experiment.json"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=problem):
        read_config(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(UserError, match="cannot be read"):
        read_config(tmp_path)


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_is_an_experiment_and_says_what_it_asks(name: str) -> None:
    experiment = resolve({}, read_recipe(name), recipe=name)
    assert experiment.tasks
    assert experiment.name == read_recipe(name).get("name", name)
    assert len(recipes()[name]) > 20


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown recipe 'nois': did you mean 'noise'"):
        read_recipe("nois")


def attempt(path: Path) -> dict[str, Any] | UserError:
    try:
        return read_config(path)
    except UserError as error:
        return error


@given(content=st.binary(max_size=60), suffix=st.sampled_from([".toml", ".json"]))
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("config") / f"e{suffix}"
    path.write_bytes(content)
    result = attempt(path)
    assert isinstance(result, dict) or str(path) in str(result)


def test_paths_in_a_file_start_at_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text('data = "sales.csv"\nplugins = ["mine.py", "/abs/other.py"]\nstorage = "sqlite:///study.db"\n')
    read = read_config(path)
    assert read["data"] == str(tmp_path / "sales.csv")
    assert read["plugins"] == [str(tmp_path / "mine.py"), "/abs/other.py"]
    assert read["storage"] == "sqlite:///study.db"
