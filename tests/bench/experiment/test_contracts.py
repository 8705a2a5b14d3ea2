"""What breaks a contract is refused with one line that names the file, before anything is trained or written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.run import run
from tasks.errors import UserError

PLUGINS = Path(__file__).parents[2] / "plugins"
BROKEN = str(PLUGINS / "broken.py")

TASKS = {
    "float64 inputs": r"test.inputs is .*float64",
    "a NaN": r"valid.inputs has 1 values that are NaN",
    "targets of another shape": r"train.targets is \(40,\)",
    "mask of nothing": r"valid.mask is given",
    "generate raises": r"KeyError",
    "seed as a number": r"broken.py:\d+: TypeError: .*Generator in a run: draw from numpy.random.default_rng\(seed\)",
    "unseeded": r"generate gave another train.inputs for the same seed",
    "one seed": r"generate gave the same training data for seeds 0 and 1.*constant = True",
    "test rows in train": r"24 of 24 sequences of test are copies of training sequences",
    "validation in test": r"24 of 24 sequences of test are copies of validation sequences",
    "random references": r"references differ between two calls",
    "floor out of reach": r"reference 'coin' says loss 0.34\d*, and its outputs have 0.69",
    "limit above the floor": r"the limit noise .* is above the floor coin",
    "no floor": r"references has 0 of kind 'floor'",
    "metrics of infinity": r"metrics returned \{'perplexity': inf\}",
    "target names no metric": r"target names metric 'accuracy'",
    "identity raises": r"identity\(\) failed: identity, line \d+: RuntimeError: no such weight file: give another: exp",
    "identity is no JSON": r"identity\(\) failed: .*float32",
}
MODELS = {
    "outputs of another shape": r"predict returned \(8,\): expected an array \(8, 1\)",
    "outputs of NaN": r"predict returned NaN",
    "mixes sequences": r"predict mixes sequences",
    "uphill": r"train_step does not lower the loss",
    "forgets in state()": r"after load_state\(state\(\)\)",
    "state() of lists": r"state\(\) has .*list",
    "accepts any state": r"load_state accepts a state with an unknown entry",
    "a gradient of twice the size": r"the gradient of weight_hh_l0 is wrong",
    "no size 16": r"at hidden size 16 and 1 layer\(s\), 16 is no multiple of 3",
    "build raises": r"ZeroDivisionError",
    "unseeded": r"build gave another '.*' for the same seed",
    "miscounts": r"count_parameters says [\d,]+, and its learner has",
}
CORES = {
    "batch_first forgotten": r"its core mixes sequences.*batch_first=True",
    "reads padding": r"outputs depend on the padding.*forward\(self, x, lengths\)",
    "looks ahead": r"its core looks ahead",
    "a wrong backward pass": r"the gradient of .* is wrong",
    "a weight in a list": r"weights that are neither trained nor counted \(scales\).*nn.ParameterList",
    "another scale each time": r"two learners of the same seed and the same weights predict differently",
    "no module": r"core\(\) returned None, expected a torch.nn.Module",
}
IGNORED = {
    "ignores hidden_size": r"hidden size 16 has 84 parameters, and hidden size 8 has 84: expected more.*"
    r'declares ignores = \("hidden_size",\)',
    "ignores num_layers": r"2 layers have 2[\d,]+ parameters, and 1 layer 2[\d,]+: expected more with more layers",
    "ignores dropout": r"dropout 0.5 changes nothing in 2 layers: expected it to act between layers",
}


class Notes(Observer):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def train(flags: dict[str, Any], observer: Observer | None = None) -> Outcome:
    experiment = resolve(flags)
    return run(experiment, observer=observer, executor=InlineExecutor(experiment.options.plugins))


def refused(folder: Path, task: str, model: str, **asked: str) -> str:
    flags = {"plugins": [BROKEN], "tasks": [task], "models": [model], "budget": "smoke", "name": "e", "layers": "1"}
    with pytest.raises(UserError) as error:
        train({**flags, **asked, "results": str(folder / "results")})
    assert not (folder / "results").exists()
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("how", TASKS)
def test_a_task_that_breaks_its_contract_is_refused(tmp_path: Path, how: str) -> None:
    text = refused(tmp_path, f"broken_task[how={how}]", "numpy_rnn")
    assert re.search(TASKS[how], text)
    assert "broken_task" in text or BROKEN in text


@pytest.mark.parametrize("how", MODELS)
def test_a_model_that_breaks_its_contract_is_refused(tmp_path: Path, how: str) -> None:
    text = refused(tmp_path, "broken_task", f"broken_model[how={how}]")
    assert re.search(MODELS[how], text)
    assert text.startswith(BROKEN)


@pytest.mark.parametrize("how", CORES)
def test_a_core_that_breaks_its_contract_is_refused(tmp_path: Path, how: str) -> None:
    task = {"reads padding": "padded", "looks ahead": "broken_task[per_step=true]"}.get(how, "broken_task")
    text = refused(tmp_path, task, f"broken_core[how={how}]")
    assert re.search(CORES[how], text)
    assert text.startswith(BROKEN)


@pytest.mark.parametrize("how", IGNORED)
def test_a_core_that_ignores_a_setting_is_refused_where_it_is_asked_for(tmp_path: Path, how: str) -> None:
    asked = {"hidden_sizes": "8,16", "layers": "1,2", "dropout": "0.5"}
    text = refused(tmp_path, "broken_task", f"broken_core[how={how}]", **asked)
    assert re.search(IGNORED[how], text)
    assert text.startswith(BROKEN)


def test_dropout_behind_a_scale_that_begins_at_zero_is_seen(tmp_path: Path) -> None:
    sizes = {"hidden_sizes": "8", "layers": "2", "dropout": "0.5", "budget": "smoke", "lr_range": "0.01,0.01"}
    flags = {"plugins": [BROKEN], "tasks": ["broken_task"], "models": ["broken_core[how=begins at 0]"], "seeds": "1"}
    assert train({**flags, **sizes, "steps": "3", "name": "e", "results": str(tmp_path / "r")}).failures == 0


def test_the_message_has_the_command_that_finds_the_same(tmp_path: Path) -> None:
    """Small problems may not show what a task's own data do."""
    model, task = "broken_core[how=a wrong backward pass]", "broken_task[per_step=True]"
    found = re.search(r"all checks: python -m bench (validate .*)\)$", refused(tmp_path, task, model))
    assert found is not None
    assert shlex.split(found[1]) == ["validate", BROKEN, model, "--tasks", task]
    result = CliRunner().invoke(main, shlex.split(found[1]))
    assert result.exit_code == 1, result.output
    assert "is wrong" in result.output


def test_what_is_searched_of_dropout_must_have_an_effect(tmp_path: Path) -> None:
    model, asked = "broken_core[how=ignores dropout]", {"layers": "2", "search": "dropout=0.1..0.4"}
    assert "dropout 0.4 changes nothing in 2 layers" in refused(tmp_path, "broken_task", model, **asked)


def test_a_setting_that_is_not_asked_for_may_be_ignored(tmp_path: Path) -> None:
    models = ",".join(f"broken_core[how={how}]" for how in IGNORED)
    flags = {"plugins": [BROKEN], "tasks": "broken_task", "models": models, "budget": "smoke", "name": "e"}
    fewer = {"hidden_sizes": "8", "layers": "1", "trials": 1, "replicates": 1, "results": str(tmp_path)}
    assert train({**flags, **fewer}).failures == 0


def test_what_is_doubtful_is_noted_once_and_trained(tmp_path: Path) -> None:
    flags: dict[str, Any] = {"plugins": [BROKEN], "budget": "smoke", "name": "e", "results": str(tmp_path / "results")}
    asked = {"tasks": ["broken_task", "padded"], "models": ["broken_core[how=an unused weight]"], "layers": "1"}
    notes = Notes()
    assert train({**flags, **asked, "trials": 1, "replicates": 1}, notes).failures == 0
    assert sum("nothing depends on unused" in text for text in notes.texts) == 1


@pytest.mark.parametrize(
    ("task", "model", "expected"),
    [
        ("broken_task[how=one test set]", "broken_core", "the same test data for seeds 0 and 1"),
        ("broken_task[how=floor of nothing]", "broken_core", "the floor oracle has a loss of 1e-09, next to nothing"),
        ("broken_task", "broken_core[how=sets a seed]", "the same weights for seeds 0 and 1"),
        ("broken_task", "broken_core[how=drops out in predictions]", "predict draws random numbers, on which"),
    ],
)
def test_what_intervals_or_scores_leave_out_is_noted(tmp_path: Path, task: str, model: str, expected: str) -> None:
    flags: dict[str, Any] = {"plugins": [BROKEN], "budget": "smoke", "name": "e", "results": str(tmp_path / "results")}
    notes = Notes()
    asked = {"tasks": [task], "models": [model], "layers": "1", "trials": 1, "replicates": 1}
    assert train({**flags, **asked}, notes).failures == 0
    assert sum(expected in text for text in notes.texts) == 1
    assert not any("for seeds 0 and 1" in text for text in notes.texts if expected not in text)


def test_what_keeps_its_contract_is_trained(tmp_path: Path) -> None:
    flags: dict[str, Any] = {"plugins": [BROKEN], "budget": "smoke", "name": "e", "results": str(tmp_path / "results")}
    for model in ("broken_model", "broken_core"):
        made = {**flags, "tasks": ["broken_task"], "models": [model], "trials": 1, "replicates": 1, "name": model}
        assert train(made).failures == 0
