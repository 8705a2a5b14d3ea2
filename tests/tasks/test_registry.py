import importlib.metadata
import subprocess
import sys
import types
from pathlib import Path

import pytest

from tasks.contract import Task
from tasks.errors import UserError
from tasks.registry import TASKS, Registry, check_task, load_plugin_file

PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from tasks.contract import Dataset, Defaults, Loss, Reference, Target, Task
{decorator}
class Mine(Task):
    bits: int = 2
    name: ClassVar[str] = "{name}"
    summary: ClassVar[str] = "a task of mine"
    loss: ClassVar[Loss] = "mse"
    defaults: ClassVar[Defaults] = Defaults(8, dict.fromkeys({budgets}, 10), {rates})
    input_size = output_size = 1
    target = Target("loss", 0.1)
    def generate(self, seed): ...
    def metrics(self, outputs, targets, mask=None): return {{}}
    def {references}(self, dataset): return []
    {more}
{after}
"""
USUAL = {
    "decorator": "@dataclass(frozen=True)",
    "name": "mine",
    "budgets": '("smoke", "quick", "standard", "full")',
    "rates": "(1e-3, 1e-2)",
    "references": "references",
    "more": "",
    "after": "",
}


@pytest.fixture
def registry():
    """The shipped tasks, in a registry that tests may add to."""
    return Registry("task", Task, "tasks", check_task)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Write a plug-in file, with changes to a good one; returns its path."""

    def write(file="mine.py", text=PLUGIN, **changes):
        monkeypatch.delitem(sys.modules, f"bench_plugin_{file.removesuffix('.py')}", raising=False)
        path = tmp_path / file
        path.write_text(text.format(**{**USUAL, **changes}))
        return path

    yield write
    for name in [name for name in sys.modules if name.startswith("bench_plugin_")]:
        del sys.modules[name]


def test_the_shipped_tasks_are_found():
    assert {"sine", "regression", "copy", "series"} <= TASKS.entries().keys()
    assert list(TASKS.entries()) == sorted(TASKS.entries())


def test_listing_imports_numpy_and_the_standard_library_only():
    code = (
        "import sys; from tasks.registry import TASKS; TASKS.entries();"
        "print(*sorted({m.partition('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    foreign = {name for name in done.stdout.split() if not name.startswith("_")}
    assert {"numpy", "tasks"} <= foreign
    assert not foreign & {"torch", "bench", "pandas", "scipy", "optuna", "matplotlib", "click", "rich"}


def test_parameters_are_converted_and_yield_to_the_spec():
    task = TASKS.create("copy[delay=5]", delay=10, length="3")
    assert (task.delay, task.length) == (5, 3)


def test_sources_are_looked_through_once(registry, monkeypatch):
    first = registry.entries()
    monkeypatch.setattr(registry, "_import", None)  # calling it again would raise
    assert registry.entries() == first


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("sin", "unknown task 'sin': did you mean 'sine'[?] Valid: .*copy, .*series, sine"),
        ("sine[nois=1]", "unknown parameter of task sine 'nois': did you mean 'noise'"),
        ("sine[window=ten]", r"sine\[window\] is 'ten': expected int"),
        ("series[data=x.csv]", "task series needs targets: give series"),
    ],
)
def test_what_cannot_be_made(spec, message):
    with pytest.raises(UserError, match=message):
        TASKS.create(spec)


def test_a_plugin_file_adds_a_task(registry, plugin):
    module = load_plugin_file(plugin())
    assert registry.load_plugin(module) == 1
    assert registry.create("mine[bits=4]").bits == 4
    assert registry.load_plugin(load_plugin_file(module.__file__)) == 1  # a second time does no harm


def test_one_class_under_two_names_is_one_task(registry, plugin):
    assert registry.load_plugin(load_plugin_file(plugin(after="Alias = Mine"))) == 1


def test_base_classes_and_imported_tasks_are_no_entries(registry, plugin):
    text = "from tasks.contract import Task\nfrom tasks.sine import Sine\nclass Base(Task):\n    pass\n"
    assert registry.load_plugin(load_plugin_file(plugin(text=text))) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "sine"}, "task 'sine' exists already, in .*tasks.sine.py"),
        ({"name": "a b"}, "attribute 'name' is 'a b'"),
        ({"decorator": ""}, "must be a frozen dataclass"),
        ({"decorator": "@dataclass"}, "must be a frozen dataclass"),
        ({"references": "other"}, "attribute 'references' is missing"),
        ({"budgets": '("smoke", "quick")'}, "attribute 'defaults' has no steps for budget standard"),
        ({"rates": "(1e-2, 1e-3)"}, "attribute 'defaults' has learning_rate"),
        ({"more": "loss: ClassVar = 'mes'"}, "attribute 'loss' 'mes': did you mean 'mse'"),
        ({"more": "defaults: ClassVar = None"}, "attribute 'defaults' must be Defaults, not NoneType"),
        ({"more": "version: ClassVar = '1'"}, "attribute 'version' must be int, not str"),
        ({"more": "budgets: ClassVar = {'quik': {}}"}, "attribute 'budgets' 'quik': did you mean 'quick'"),
        ({"more": "budgets: ClassVar = {'quick': {'bit': 1}}"}, "attribute 'budgets' names parameter 'bit'"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_named(registry, plugin, changes, message):
    path = plugin(**changes)
    with pytest.raises(UserError, match=message) as caught:
        registry.load_plugin(load_plugin_file(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("bad.py", "1 / 0", "could not be imported: ZeroDivisionError"),
        ("syntax.py", "def", "could not be imported: SyntaxError"),
        ("mine.txt", "", "expected a name ending in .py"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_named(plugin, file, text, message):
    path = plugin(file, text)
    for _ in range(2):  # nothing half-loaded is left for the second time
        with pytest.raises(UserError, match=message) as caught:
            load_plugin_file(path)
        assert str(path) in str(caught.value)


def test_a_missing_plugin_is_named(tmp_path):
    with pytest.raises(UserError, match="does not exist: give --plugin a Python file"):
        load_plugin_file(tmp_path / "none.py")


@pytest.fixture
def entry_points(monkeypatch):
    def fake(**loaders):
        points = [importlib.metadata.EntryPoint(name, f"{name}_module", "bench.tasks") for name in loaders]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == "bench.tasks" else [])
        for name, module in loaders.items():
            if module is not None:
                monkeypatch.setitem(sys.modules, f"{name}_module", module)

    return fake


def test_an_entry_point_adds_a_task(registry, plugin, entry_points):
    entry_points(other=load_plugin_file(plugin()))
    assert registry.get("mine").summary == "a task of mine"


def test_an_entry_point_that_fails_is_named_each_time(registry, entry_points):
    entry_points(other=None)
    for _ in range(2):
        with pytest.raises(UserError, match=r"task plug-in 'other' \(other_module\) could not be loaded"):
            registry.entries()


def test_an_entry_point_must_name_a_module(registry, entry_points, monkeypatch):
    entry_points(other=types.ModuleType("other_module"))
    point = importlib.metadata.EntryPoint("other", "tasks.sine:Sine", "bench.tasks")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    with pytest.raises(UserError, match="must name a module"):
        registry.entries()


def test_a_file_dropped_into_the_package_is_an_entry(tmp_path, monkeypatch):
    package = tmp_path / "dropped"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mine.py").write_text(PLUGIN.format(**USUAL))
    (package / "other.py").write_text(PLUGIN.format(**{**USUAL, "name": "other"}))
    monkeypatch.syspath_prepend(tmp_path)
    assert list(Registry("task", Task, "dropped", check_task).entries()) == ["mine", "other"]
    (package / "broken.py").write_text("import no_such_module")
    with pytest.raises(UserError, match=r"dropped/broken\.py could not be imported: ModuleNotFoundError"):
        Registry("task", Task, "dropped", check_task).entries()


def test_a_value_that_the_task_itself_refuses_is_a_user_error(registry, plugin):
    more = "def __post_init__(self):\n        if self.bits > 3: raise ValueError('bits too many')"
    registry.load_plugin(load_plugin_file(plugin(more=more)))
    with pytest.raises(UserError, match=r"task mine\[bits=4\]: bits too many"):
        registry.create("mine[bits=4]")


def test_a_plug_in_file_is_run_once_whatever_takes_the_name_of_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "once.py"
    path.write_text("value = []\n")
    module = load_plugin_file(path)
    monkeypatch.delitem(sys.modules, "bench_plugin_once")
    assert load_plugin_file(path) is module
    assert sys.modules["bench_plugin_once"] is module
