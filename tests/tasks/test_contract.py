"""What every task promises, asked of every entry of the registry: a task dropped into `tasks/` is tested unasked."""

import dataclasses
import json
import math
import pickle

import numpy as np
import pytest

from tasks import windows
from tasks.contract import BUDGETS, Split, Task
from tasks.entry import parameters
from tasks.losses import mean_loss
from tasks.registry import TASKS
from tasks.validation import validate_dataset

PARAMETERS = {"series": {"data": "sunspots_annual.csv", "targets": "sunspots", "time": "year", "season": 11}}
FROM_FILES = {"series", "sunspots", "co2", "macro"}  # nothing is random, and persistence may be good enough
MORE = [
    "sine[noise=0.1]",
    "sine[per_step=true]",
    "sine[noise=0.1,per_step=true]",
    "regression[outputs=1]",
    "copy[delay=10,length=3]",
    "series[window=6,horizon=3]",
    "digits[permuted=true]",
    "macro[window=4,horizon=2]",
    *(f"cogscale[task={name}]" for name in ("sinus_forecasting", "cross_situation", "adding_problem")),
]


@pytest.fixture(scope="module", params=[*TASKS.entries(), *MORE])
def task(request):
    return TASKS.create(request.param, **PARAMETERS.get(request.param.partition("[")[0], {}))


@pytest.fixture(scope="module")
def dataset(task):
    return task.generate(7)


def splits(dataset):
    return [dataset.train, dataset.valid, dataset.test]


def perfect_outputs(task: Task, split: Split) -> np.ndarray:
    if task.loss == "mse":
        return split.targets
    if task.loss == "binary_cross_entropy":
        return np.where(split.targets > 0.5, 50.0, -50.0)
    return 50.0 * np.eye(task.output_size)[split.targets]


def test_generated_data_and_references_keep_the_contract(task, dataset):
    assert validate_dataset(task, dataset)


def test_same_seed_same_data(task, dataset):
    for ours, again in zip(splits(dataset), splits(task.generate(7)), strict=True):
        np.testing.assert_array_equal(ours.inputs, again.inputs)
        np.testing.assert_array_equal(ours.targets, again.targets)


def test_a_generator_serves_as_a_seed(task):
    ours, again = (task.generate(np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(ours.test.inputs, again.test.inputs)


def test_other_seed_other_data_unless_nothing_is_random(task, dataset):
    same = np.array_equal(dataset.train.inputs, task.generate(8).train.inputs)
    assert same == (task.name in FROM_FILES or "_forecasting" in task.label or (task.name == "sine" and not task.noise))


def test_generating_leaves_numpys_global_generator_alone(task):
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the legacy state is what must not move
    task.generate(1)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_splits_are_of_a_size_that_trains_and_evaluates_quickly(task, dataset):
    train, valid, test = (len(split) for split in splits(dataset))
    if task.name not in {"random_data", "cogscale"}:  # few to learn by heart; another package's sizes
        assert train > max(valid, test)
    assert 0 < valid <= 500
    assert 0 < test <= 500


def test_references_are_reproducible(task, dataset):
    assert task.references(dataset) == task.references(task.generate(7))


def test_references_report_the_tasks_metrics(task, dataset):
    keys = task.metrics(perfect_outputs(task, dataset.test), dataset.test.targets, dataset.test.mask).keys()
    for reference in task.references(dataset):
        assert reference.how
        assert reference.metrics.keys() <= keys
        assert reference.valid_loss is not None
        if reference.kind != "limit":
            assert reference.metrics.keys() == keys


def test_perfect_outputs_reach_the_target_and_the_floor_does_not(task, dataset):
    split = dataset.valid
    outputs = perfect_outputs(task, split)
    loss = mean_loss(task.loss, outputs, split.targets, split.mask)
    scores = {"loss": loss, **task.metrics(outputs, split.targets, split.mask)}
    assert task.target.reached(scores[task.target.metric])
    assert not task.target.reached(math.nan)
    floor = next(r for r in task.references(dataset) if r.kind == "floor")
    assert loss < 1e-12 < floor.loss
    assert not task.target.reached({"loss": floor.loss, **floor.metrics}[task.target.metric]) or task.name in FROM_FILES


def test_no_reference_beats_the_limit_by_more_than_chance(task, dataset):
    found = task.references(dataset)
    for limit in (r for r in found if r.kind == "limit"):
        # The limit is an expectation. A mean of n squared normal errors has relative sd sqrt(2 / n): allow four.
        slack = 1 - 4 * math.sqrt(2 / dataset.test.targets.size)
        assert all(r.loss > limit.loss * slack for r in found)


def test_frozen_and_hashable(task):
    field = dataclasses.fields(task)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(task, field, getattr(task, field))
    assert hash(task) == hash(dataclasses.replace(task))
    assert task == dataclasses.replace(task)


def test_survives_the_way_to_another_process(task, dataset):
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.defaults == task.defaults
    np.testing.assert_array_equal(again.generate(7).test.inputs, dataset.test.inputs)


def test_identity_is_json_and_names_every_parameter(task):
    identity = json.loads(json.dumps(task.identity(), allow_nan=False))
    assert identity == task.identity()
    left_out = {f.name for f in parameters(type(task))} - identity.keys()  # those that came later
    assert all(getattr(task, f.name) == f.default for f in parameters(type(task)) if f.name in left_out)


def test_label_begins_with_the_name_and_is_one_short_line(task):
    assert task.label.partition("[")[0] == task.name
    assert len(task.label) < 60
    assert task.label.isprintable()


def test_defaults_grow_with_the_budget(task):
    steps = [task.defaults.steps[budget] for budget in BUDGETS]
    assert steps == sorted(steps)
    assert 1 <= steps[0] <= 30
    assert 1 <= task.defaults.batch_size <= len(task.generate(0).train)


def test_budget_parameters_make_a_task(task):
    for values in task.budgets.values():
        assert dataclasses.replace(task, **values).generate(0)


def test_windows_of_different_splits_share_no_row(task, monkeypatch):
    """Put each row's number in place of its values, and look where the numbers end up."""
    original, calls = windows.split_windows, []

    def marked(series, window, **options):
        calls.append(1)
        marks = np.repeat(np.arange(len(series), dtype=float)[:, None], series.shape[1], axis=1)
        return original(marks, window, **options)

    monkeypatch.setattr(windows, "split_windows", marked)
    dataset = task.generate(0)
    if not calls:
        pytest.skip("not made of windows over a series")
    rows = [np.union1d(split.inputs, split.targets) for split in splits(dataset)]
    assert rows[0].max() < rows[1].min()
    assert rows[1].max() < rows[2].min()
    for split in splits(dataset):  # and a target always lies after what it is predicted from
        ends = split.inputs[..., :1] if task.per_step else split.inputs[:, -1, :1]
        assert (split.targets > ends).all()
