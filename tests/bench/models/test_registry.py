"""Models are found by name, checked when they are loaded, and listed without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.models.contract import Model
from bench.models.registry import MODELS, check_model
from tasks.errors import UserError
from tasks.registry import Registry, load_plugin_file

PLUGIN = """
from dataclasses import dataclass
from bench.models.torch_model import TorchModel

@dataclass(frozen=True)
class Plugged(TorchModel):
    {body}

    def {core}(self, input_size, hidden_size, num_layers, dropout):
        raise NotImplementedError
"""


def plugin_error(tmp_path: Path, body: str, core: str = "core") -> str:
    path = tmp_path / f"plugged_{abs(hash((body, core)))}.py"
    path.write_text(PLUGIN.format(body=body, core=core))
    registry: Registry[Model] = Registry("model", Model, "bench.models", check_model)  # type: ignore[type-abstract]
    with pytest.raises(UserError) as caught:
        registry.load_plugin(load_plugin_file(path))
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_built_in_models_are_found_with_a_summary() -> None:
    entries = MODELS.entries()
    assert {"gru", "lstm", "rnn"} <= entries.keys()
    assert all(name == model.name and model.summary for name, model in entries.items())
    assert {entries[name].cell for name in ("gru", "lstm", "rnn")} == {"gru", "lstm", "rnn"}


def test_listing_imports_no_torch() -> None:
    code = "import sys; from bench.models.registry import MODELS; MODELS.entries(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_parameters_come_from_the_specification() -> None:
    model = MODELS.create("rnn[nonlinearity=relu]")
    assert model.identity() == {"nonlinearity": "relu"}
    assert model.label == "rnn[nonlinearity=relu]"
    assert MODELS.create("rnn").label == "rnn"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gur", "unknown model 'gur': did you mean 'gru'"),
        ("rnn[nonlinearity=tnah]", "did you mean 'tanh'"),
        ("rnn[linearity=tanh]", "did you mean 'nonlinearity'"),
    ],
)
def test_a_wrong_name_is_met_with_the_nearest_one(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        MODELS.create(spec)


@pytest.mark.parametrize(
    ("body", "attribute"),
    [
        ("name = 'plugged'", "'summary'"),
        ("name = 3; summary = 'x'", "'name'"),
        ("name = 'a b'; summary = 'x'", "'name'"),
        ("name = 'plugged'; summary = 'x'; cell = 3", "'cell'"),
        ("name = 'plugged'; summary = 'x'; cell = ''", "'cell'"),
        ("name = 'plugged'; summary = 'x'; devices = 'cpu'", "'devices'"),
        ("name = 'plugged'; summary = 'x'; devices = ('gpu',)", "'devices'"),
        ("name = 'plugged'; summary = 'x'; devices = ()", "'devices'"),
        ("name = 'plugged'; summary = 'x'; group = 'mine'", "'group'"),
        ("name = 'plugged'; summary = 'x'; ignores = ('layers',)", "'ignores'"),
        ("name = 'plugged'; summary = 'x'; ignores = ('dropout')", "'ignores'"),
        ("name = 'plugged'; summary = 'x'; surrogate_gradients = 'yes'", "'surrogate_gradients'"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_named_with_its_attribute(
    tmp_path: Path, body: str, attribute: str
) -> None:
    assert attribute in plugin_error(tmp_path, body)


@pytest.mark.parametrize(
    "body", ["{decorator}class Cell(Rnn):\n    scale = 1.0", "class Cell(Rnn):\n    scale: float = 1.0"]
)
def test_an_attribute_that_was_meant_to_be_a_parameter_is_told_apart(tmp_path: Path, body: str) -> None:
    """The message once said that there are no parameters, beside a class that shows one."""
    path = tmp_path / f"cell_{len(body)}.py"
    head = "from dataclasses import dataclass\nfrom bench.models.rnn import Rnn\n"
    path.write_text(f"{head}{body.format(decorator='@dataclass(frozen=True)' + chr(10))}\n    name = 'cell'\n")
    registry: Registry[Model] = Registry("model", Model, "bench.models", check_model)  # type: ignore[type-abstract]
    registry.load_plugin(load_plugin_file(path))
    with pytest.raises(UserError, match=r"'scale'.*`scale: float = …`.*@dataclass\(frozen=True\)"):
        registry.create("cell[scale=2]")
    with pytest.raises(UserError, match="unknown parameter of model cell 'states': Valid: nonlinearity"):
        registry.create("cell[states=2]")


def test_a_plugin_without_a_core_is_named(tmp_path: Path) -> None:
    assert "'core'" in plugin_error(tmp_path, "name = 'plugged'; summary = 'x'", core="cor")


def test_a_plugin_cannot_take_a_name_twice(tmp_path: Path) -> None:
    assert "'gru' exists already" in plugin_error(tmp_path, "name = 'gru'; summary = 'x'")
