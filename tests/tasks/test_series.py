import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.training.data import load_data, load_references
from tasks.contract import BUDGETS
from tasks.errors import UserError
from tasks.losses import mean_loss
from tasks.registry import TASKS
from tasks.series import Series
from tasks.series_steps import series_defaults
from tasks.table import SHIPPED
from tasks.validation import validate_dataset


@pytest.fixture
def write(tmp_path):
    """Write columns to a CSV file; returns its path."""

    def write(**columns):
        path = tmp_path / "data.csv"
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
        return str(path)

    return write


def walk(rows=100, seed=0):
    return np.random.default_rng(seed).standard_normal(rows).cumsum() * 50 + 1000


def test_values_come_back_in_their_own_units(write):
    values = walk()
    task = Series(write(price=values), ("price",), window=4)
    task = task.at(1)  # the last of five blocks
    dataset, (scale,), (mean,) = task.generate(0), task.columns.output_scale, task.columns.output_mean
    np.testing.assert_allclose(dataset.train.inputs[0, :, 0] * scale + mean, values[:4], rtol=1e-6)
    np.testing.assert_allclose(dataset.test.targets[-1, 0] * scale + mean, values[-1], rtol=1e-6)


@pytest.mark.parametrize(("replicate", "rows"), [(0, 49), (1, 79), (5, 55), (6, 79)])
def test_the_scale_is_fitted_on_the_replicates_own_training_rows(write, replicate, rows):
    values = walk()
    before = Series(write(price=values), ("price",), window=4).at(replicate)
    values[rows:] += 1e6
    after = Series(write(price=values), ("price",), window=4).at(replicate)
    np.testing.assert_array_equal(before.generate(0).train.inputs, after.generate(0).train.inputs)
    assert before.columns.output_mean[0] == pytest.approx(values[:rows].mean())
    assert before.columns.output_scale[0] == pytest.approx(values[:rows].std())
    assert before.origin.train_rows == rows


def test_replicates_are_forecast_origins(write):
    values = walk()
    task = Series(write(price=values), ("price",), window=4)
    blocks = [task.at(replicate) for replicate in range(5, 0, -1)]  # the newest block is the first replicate's
    tested = [
        here.generate(0).test.targets[:, 0] * here.columns.output_scale[0] + here.columns.output_mean[0]
        for here in blocks
    ]
    np.testing.assert_allclose(np.concatenate(tested), values[70:], rtol=1e-5)
    assert task.at(0) is task
    assert task.at(6) is task.at(1)  # the sixth replicate shares the first one's block
    assert [here.origin.block for here in (task, *blocks)] == [None, 0, 1, 2, 3, 4]
    thresholds = {here.target.threshold for here in (task, *blocks)}
    assert len(thresholds) == 6  # each of its own validation data
    assert {here.label for here in blocks} == {task.label}
    assert all(here.identity() == task.identity() and here.defaults == task.defaults for here in blocks)


def test_metrics_are_in_the_columns_own_units(write):
    task = Series(write(a=walk(), b=walk(seed=1) * 7), ("a", "b"), window=4)
    targets = task.generate(0).test.targets
    wrong = targets + np.array([3.0, -4.0]) / np.array(task.columns.output_scale)
    scores = task.metrics(wrong, targets)
    assert list(scores) == ["mae_a", "rmse_a", "mae_b", "rmse_b"]
    np.testing.assert_allclose(list(scores.values()), [3, 3, 4, 4], rtol=1e-5)


def test_persistence_floor_against_a_plain_computation(write):
    values = walk()
    task = Series(write(price=values), ("price",), window=4, horizon=3).at(1)  # the last block
    floor = task.references(task.generate(0))[0]
    rows = np.arange(92 + 3 - 1, 100)
    assert floor.name == "persistence"
    assert floor.kind == "floor"
    assert floor.metrics["mae_price"] == pytest.approx(np.abs(values[rows] - values[rows - 3]).mean(), rel=1e-5)


@pytest.mark.parametrize(("season", "horizon", "lag"), [(7, 1, 7), (30, 1, 30), (2, 5, 6)])
def test_seasonal_naive_against_a_plain_computation(write, season, horizon, lag):
    values = walk()
    task = Series(write(price=values), ("price",), window=4, horizon=horizon, season=season)
    task = task.at(task.origins.blocks)  # the first block
    naive = next(r for r in task.references(task.generate(0)) if r.name == "seasonal_naive")
    _, valid, test = task.origins.target_rows(0)
    rows = np.array(valid)
    scale = values[: task.origin.train_rows].std()
    assert naive.valid_loss == pytest.approx((((values[rows] - values[rows - lag]) / scale) ** 2).mean(), rel=1e-5)
    rows = np.array(test)
    assert naive.metrics["mae_price"] == pytest.approx(np.abs(values[rows] - values[rows - lag]).mean(), rel=1e-5)


def test_features_are_inputs_beside_the_targets(write):
    a, b, c = walk(), walk(seed=1), walk(seed=2)
    task = Series(write(c=c, b=b, a=a), ("a",), features=("b",), window=4)
    assert (task.input_size, task.output_size) == (2, 1)
    inputs = task.generate(0).train.inputs * task.columns.input_scale + task.columns.input_mean
    np.testing.assert_allclose(inputs[0], np.stack([a[:4], b[:4]], axis=1), rtol=1e-5)


def test_a_feature_that_is_constant_is_left_out(write):
    task = Series(write(a=walk(), b=[0.1] * 100), ("a",), features=("b",), window=4)
    assert validate_dataset(task, task.generate(0))
    assert task.input_size == 1
    assert task.notes == ("constant inputs are left out: b",)
    assert task.identity()["left_out"] == ["b"]


def test_a_feature_that_is_constant_in_training_alone_is_harmless(write):
    task = Series(write(a=walk(), b=[0.1] * 80 + [0.2] * 20), ("a",), features=("b",), window=4)
    assert validate_dataset(task, task.generate(0))
    assert np.abs(task.generate(0).train.inputs[..., 1]).max() < 1e-12


def test_identity_holds_the_name_and_the_content_not_the_folder(write, tmp_path):
    path = write(a=walk())
    identity = Series(path, ("a",), window=4).identity()
    assert identity["data"] == "data.csv"
    assert identity["sha256"] == hashlib.sha256((tmp_path / "data.csv").read_bytes()).hexdigest()
    assert str(tmp_path) not in str(identity)
    other = Series(write(a=walk(seed=9)), ("a",), window=4).identity()
    assert {key for key in identity if identity[key] != other[key]} == {"sha256"}


def test_labels_are_short_and_differ_where_the_task_does(write):
    path = write(a=walk(), b=walk(seed=1))
    assert TASKS.create("series", data="sunspots_annual.csv", targets="sunspots", time="year").label == (
        "series[sunspots_annual]"
    )
    labels = [
        Series(path, ("a",), window=4).label,
        Series(path, ("b",), window=4).label,
        Series(path, ("a", "b"), window=4).label,
        Series(path, ("a",), ("b",), window=4).label,
        Series(path, ("a",), window=4, horizon=2).label,
    ]
    assert labels[0] == "series[data,a,window=4]"
    assert len(set(labels)) == len(labels)


def test_the_file_may_change_afterwards(write):
    task = Series(write(a=walk()), ("a",), window=4)
    before = task.generate(0).test.inputs
    write(a=walk(seed=5))
    np.testing.assert_array_equal(task.generate(0).test.inputs, before)


def test_a_file_that_has_changed_is_another_task_in_the_same_process(write):
    """Or what is cached of the first, as its splits, would be trained on and recorded as the second's."""
    before, after = (Series(write(a=walk(rows)), ("a",), window=4) for rows in (100, 140))
    assert before != after
    sizes = [len(load_data(task, 0, 1).train) for task in (before, after)]
    assert sizes == [len(task.at(1).generate(0).train) for task in (before, after)]
    assert after == Series(after.data, ("a",), window=4)
    assert len(load_references(after, 0, 1)[0].outputs) == len(load_data(after, 0, 1).test)


def test_gaps_are_reported_and_refused(write):
    a = [*walk(50), "", "nan", *walk(48)]
    with pytest.raises(UserError, match=r"column 'a' misses 2 of 100 values \(lines 52, 53\).*--fill forward"):
        Series(write(a=a), ("a",), window=4)


def test_gaps_are_filled_forward_when_asked(write):
    a, b = walk(), [*walk(90, 1), *[""] * 9, 3.0]
    gappy = [*a[:50], "", "", *a[52:]]
    task = Series(write(a=gappy, b=b), ("a",), features=("b",), window=4, fill="forward")
    np.testing.assert_allclose(task.prepared.values[48:54, 0], [a[48], a[49], a[49], a[49], a[52], a[53]])
    assert task.notes == (
        "column 'a' misses 2 of 100 values (lines 52, 53): filled forward",
        "column 'b' misses 9 of 100 values (lines 92, 93, 94, 95, 96, …): filled forward",
        "a value that is filled in is seen and learnt from, but no forecast of it is scored",
    )


def test_nothing_to_fill_from_is_refused(write):
    with pytest.raises(UserError, match=r"misses 1 of 100 values \(lines 2\), and nothing stands before the first"):
        Series(write(a=["", *walk(99)]), ("a",), window=4, fill="forward")


def test_irregular_times_are_told(write):
    times = np.arange(100.0)
    assert Series(write(t=times, a=walk()), ("a",), time="t", window=4).notes == ()
    times[60:] += 4
    task = Series(write(t=times, a=walk()), ("a",), time="t", window=4)
    assert task.notes == ("4 of 104 rows are missing (the first after 59): kept as it is; --fill forward adds them",)
    times[60:] += 0.3
    assert Series(write(t=times, a=walk()), ("a",), time="t", window=4).notes == (
        "time column 't' has steps up to 5.3 times the usual one: kept as it is",
    )


def test_missing_rows_are_added_where_gaps_are_filled(write):
    days = [str(np.datetime64("2024-03-01") + day) for day in range(61)]
    values = walk(61)
    kept = [i for i in range(61) if i not in (10, 11, 20)]
    path = write(t=[days[i] for i in kept], a=values[kept])
    task = Series(path, ("a",), time="t", window=2, fill="forward")
    assert task.notes == ("3 of 61 daily rows are missing: added and filled forward",)
    np.testing.assert_array_equal(task.prepared.values[8:13, 0], values[[8, 9, 9, 9, 12]])
    assert task.identity()["added_rows"] == 3


def test_solved_means_better_than_every_reference_on_validation_data(write):
    values = np.sin(np.arange(400) / 3) + 0.1 * np.random.default_rng(0).standard_normal(400)
    for task in (Series(write(a=values), ("a",), window=12), Series(write(a=values), ("a",), window=12).at(4)):
        losses = [reference.valid_loss for reference in task.references(task.generate(0))]
        assert task.target.threshold == pytest.approx(0.95 * min(losses))


def test_on_white_noise_the_mean_is_the_floor_and_an_untrained_net_solves_nothing(write):
    values = np.random.default_rng(0).standard_normal(1000)
    task = Series(write(a=values), ("a",), window=12)
    for replicate in range(11):
        here = task.at(replicate)
        valid = here.generate(0).valid
        floor = here.references(here.generate(0))[0]
        assert (floor.name, floor.kind) == ("training_mean", "floor")
        untrained = 0.05 * np.random.default_rng(replicate).standard_normal(valid.targets.shape)
        assert not here.target.reached(mean_loss("mse", untrained, valid.targets))


@pytest.mark.parametrize(
    ("transform", "name"), [("growth", "no_growth"), ("difference", "no_change"), ("log", "persistence")]
)
@pytest.mark.parametrize("horizon", [1, 3])
def test_repeating_the_last_value_has_its_own_error_under_every_transform(write, transform, name, horizon):
    values = np.exp(0.1 * np.random.default_rng(1).standard_normal(200).cumsum())
    task = Series(write(a=values), ("a",), window=4, transform=transform, horizon=horizon)
    task = task.at(task.origins.blocks)  # the first block
    naive = next(r for r in task.references(task.generate(0)) if r.name == name)
    lost = int(transform != "log")
    rows = lost + np.array(task.origins.target_rows(0)[2])
    assert naive.metrics["mae_a"] == pytest.approx(np.abs(values[rows] - values[rows - horizon]).mean(), rel=1e-5)


@pytest.mark.parametrize("transform", ["none", "growth", "difference", "log"])
@pytest.mark.parametrize("ahead", [{"horizon": 1}, {"horizon": 3}, {"horizons": "1-3"}, {"horizons": "2,5"}])
def test_what_is_predicted_are_the_rows_ahead_in_the_columns_own_units(write, transform, ahead):
    a, b = np.exp(walk() / 1000), np.exp(walk(seed=1) / 900)
    task = Series(write(a=a, b=b), ("a", "b"), window=4, transform=transform, **ahead).at(2)
    split, lost = task.generate(0).test, int(transform in ("growth", "difference"))
    rows = lost + np.array(task.origins.target_rows(task.block)[2])
    made_at = rows - task.furthest
    expected = [column[made_at + rows_ahead] for column in (a, b) for rows_ahead in task.rows_ahead]
    np.testing.assert_allclose(task.in_units(split.targets, split), np.stack(expected, axis=1), rtol=1e-6)
    assert task.output_size == len(task.output_names) == 2 * len(task.rows_ahead)
    assert validate_dataset(task, task.generate(0))


@pytest.mark.parametrize("transform", ["none", "growth"])
def test_errors_by_horizon_and_over_all_of_them(write, transform):
    values = np.exp(walk() / 1000)
    task = Series(write(a=values), ("a",), window=4, horizons="1-3", transform=transform).at(1)
    split = task.generate(0).test
    scores = task.score(np.zeros_like(split.targets), split)
    wrong = task.in_units(np.zeros_like(split.targets), split) - task.in_units(split.targets, split)
    assert list(scores) == [
        "mae_a",
        "rmse_a",
        "mae_a_h1",
        "rmse_a_h1",
        "mae_a_h2",
        "rmse_a_h2",
        "mae_a_h3",
        "rmse_a_h3",
    ]
    assert scores["mae_a"] == pytest.approx(np.mean([scores[f"mae_a_h{h}"] for h in (1, 2, 3)]))
    np.testing.assert_allclose(scores["rmse_a_h2"], np.sqrt((wrong[:, 1] ** 2).mean()), rtol=1e-6)


@pytest.mark.parametrize("transform", ["none", "growth", "difference"])
def test_naive_forecasts_of_several_horizons_against_a_plain_computation(write, transform):
    values = np.exp(walk() / 1000)
    task = Series(write(a=values), ("a",), window=4, horizons="1,4", season=3, transform=transform).at(1)
    found = {r.name: r for r in task.references(task.generate(0))}
    lost = int(transform != "none")
    made_at = lost + np.array(task.origins.target_rows(task.block)[2]) - 4
    truth = np.stack([values[made_at + 1], values[made_at + 4]], axis=1)
    lags = np.array([3, 6])
    before = np.stack([values[made_at + 1 - 3], values[made_at + 4 - 6]], axis=1)
    now = values[made_at][:, None]
    if transform == "none":
        last, season = now, before
    elif transform == "growth":
        last = now * (now / values[made_at - 1][:, None]) ** [1, 4]
        season = now * before / np.stack([values[made_at - lag] for lag in lags], axis=1)
    else:
        last = now + (now - values[made_at - 1][:, None]) * [1, 4]
        season = now + before - np.stack([values[made_at - lag] for lag in lags], axis=1)
    for name, predicted in {"persistence": last, "seasonal_naive": season}.items():
        errors = np.abs(predicted - truth).mean(axis=0)
        metrics = found[name].metrics
        np.testing.assert_allclose([metrics["mae_a_h1"], metrics["mae_a_h4"]], errors, rtol=1e-4)


def test_what_is_known_in_advance_is_read_at_the_row_to_be_forecast(write):
    a, holiday = walk(), np.random.default_rng(3).integers(0, 2, 100).astype(float)
    words = ["mon", "tue", "wed", "thu"] * 25
    path = write(a=a, holiday=holiday, b=walk(seed=1), day=words)
    task = Series(path, ("a",), ("b",), window=4, horizon=2, known=("holiday", "day"), categorical=("day",))
    task = task.at(1)
    assert task.prepared.names == ("a", "b", "day=mon", "day=thu", "day=tue", "day=wed", "holiday")
    split, columns = task.generate(0).test, task.columns
    inputs = split.inputs * columns.input_scale + columns.input_mean
    rows = np.array(task.origins.target_rows(task.block)[2])
    np.testing.assert_allclose(inputs[:, -1, 6], holiday[rows], atol=1e-6)  # of the row to be forecast
    np.testing.assert_allclose(inputs[:, -1, 1], walk(seed=1)[rows - 2], rtol=1e-5)  # of the last known row
    np.testing.assert_allclose(inputs[:, -1, 4], [words[row] == "tue" for row in rows], atol=1e-6)
    assert validate_dataset(task, task.generate(0))


def test_what_is_known_in_advance_makes_its_effect_predictable(write):
    rng = np.random.default_rng(4)
    holiday = rng.integers(0, 2, 300).astype(float)
    path = write(a=10 * holiday + 0.1 * rng.standard_normal(300), holiday=holiday)
    loss = {}
    for key in ("features", "known"):
        task = Series(path, ("a",), window=4, **{key: ("holiday",)}).at(1)
        loss[key] = next(r.loss for r in task.references(task.generate(0)) if r.name == "linear_ar")
    assert loss["known"] < 0.01 < loss["features"]


def test_rows_at_the_end_without_a_target_are_left_for_predict(write):
    path = write(a=[*walk(), "", ""], holiday=[0, 1] * 51)
    task = Series(path, ("a",), window=4, known=("holiday",))
    assert len(task.prepared.values) == 100
    assert task.notes == ("the last 2 rows have no target: they are left for predict",)


def test_a_task_travels_to_a_worker_without_what_follows_from_its_rows(write):
    task = Series(write(a=walk(2000)), ("a",), window=4, horizons="1-50").at(1)
    data = task.generate(0)
    sent = pickle.dumps(task)
    assert len(sent) < 4 * task.prepared.values.nbytes + 10_000  # not 100 columns of outputs
    there = pickle.loads(sent)
    np.testing.assert_array_equal(there.generate(0).test.targets, data.test.targets)
    assert there == task
    assert there.block == task.block


def test_sixty_one_annual_rows_are_enough(write):
    """Windows of validation and test look back into earlier rows, so that a window costs rows only once."""
    rng = np.random.default_rng(5)
    path = write(year=range(1960, 2021), a=10 + np.sin(np.arange(61)) + 0.1 * rng.standard_normal(61))
    task = Series(path, ("a",), time="year", window=10)
    assert task.origins.blocks >= 2
    for replicate in range(task.origins.blocks + 1):
        data = task.at(replicate).generate(0)
        assert min(len(split) for split in (data.train, data.valid, data.test)) >= 6
        assert validate_dataset(task.at(replicate), data)


def test_keys_of_before_stay_as_they_were(write):
    """Parameters that were added later are no part of an identity where they change nothing."""
    assert list(Series(write(a=walk()), ("a",), window=4).identity()) == [
        "data", "targets", "features", "time", "window", "horizon", "season", "fill", "transform", "sha256"
    ]  # fmt: skip
    changed = Series(write(a=walk()), ("a",), window=4, horizons="1-2").identity()
    assert changed["horizons"] == "1-2"


def test_the_floor_is_one_predictor_at_all_origins(write):
    """White noise first, then a walk: later blocks would choose persistence, but skill 0 is one predictor for all."""
    rng = np.random.default_rng(2)
    values = [*rng.standard_normal(110), *(5 * rng.standard_normal(90).cumsum())]
    task = Series(write(a=values), ("a",), window=4)
    found = [task.at(i).references(task.at(i).generate(0)) for i in range(11)]
    assert {r.name for references in found for r in references if r.kind == "floor"} == {"training_mean"}
    assert min(found[10][:2], key=lambda r: r.valid_loss).name == "persistence"


@given(st.integers(36, 5000))
@settings(derandomize=True, max_examples=30)
def test_defaults_fit_the_number_of_rows(rows):
    defaults = series_defaults(rows, 24)
    steps = [defaults.steps[budget] for budget in BUDGETS]
    assert 1 <= defaults.batch_size <= min(64, rows)
    assert steps == sorted(steps)
    assert steps[1] <= 60 * (rows / defaults.batch_size + 1)
    assert steps[1] >= min(3000, 16 * rows / defaults.batch_size)


def test_the_shipped_series_is_found_by_its_name_and_documented():
    task = TASKS.create("series", data="sunspots_annual.csv", targets="sunspots", time="year", season=11)
    assert len(task.prepared.values) == 309
    assert task.notes == ()
    for data in SHIPPED.glob("*.csv"):
        assert "**Licence**: public domain" in data.with_suffix(".md").read_text()


def test_linear_ar_beats_the_naive_references_on_sunspots():
    task = TASKS.create("series", data="sunspots_annual.csv", targets="sunspots", time="year", season=11)
    loss = {r.name: r.valid_loss for r in task.references(task.generate(0))}
    assert loss["linear_ar"] < loss["persistence"] < loss["seasonal_naive"] < loss["training_mean"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"targets": ("aa",)}, "unknown column 'aa': did you mean 'a'"),
        ({"features": ("price",)}, "unknown column 'price'.*Valid: a, b, flat, late, line, neg, t, word"),
        ({"time": "when"}, "unknown column 'when'"),
        ({"targets": ()}, "needs a target column"),
        ({"targets": ("a", "a")}, "'a' is given twice in --target"),
        ({"features": ("b", "b")}, "'b' is given twice in --features"),
        ({"features": ("a",)}, "'a' is both --target and --features: leave it out of --features"),
        ({"time": "a"}, "'a' is both --time and --target: leave it out of one"),
        ({"window": 0}, "window is 0: expected 1 or more"),
        ({"horizon": -1}, "horizon is -1: expected 1 or more"),
        ({"season": 0}, "season is 0: expected 1 or more"),
        ({"season": 50}, "season 50 is longer than the 49 rows before the earliest validation data"),
        ({"fill": "back"}, "expected none or forward"),
        ({"transform": "square"}, "expected none or growth or difference or log"),
        (
            {"transform": "growth", "targets": ("neg",)},
            r"column 'neg' has the value -?[0-9.]+: --transform growth needs values above 0",
        ),
        ({"horizons": "1-3", "horizon": 2}, "two ways to say how far to look ahead"),
        ({"horizons": "3-1"}, "--horizons is '3-1': expected 1-10"),
        ({"horizons": "0-4"}, "--horizons is '0-4'"),
        ({"horizons": "1,1"}, "--horizons is '1,1'"),
        ({"horizons": "1-5000"}, "up to 1000"),
        (
            {"categorical": ("a",)},
            "'a' is both --target and --categorical: a target must be numbers, as classes cannot",
        ),
        ({"known": ("a",)}, "'a' is both --target and --known"),
        ({"categorical": ("b", "b")}, "'b' is given twice in --categorical"),
        ({"calendar": ("hour",)}, "give --time COLUMN as well"),
        ({"calendar": ("minute",), "time": "t"}, "unknown part of --calendar 'minute'.*hour, month, weekday"),
        ({"calendar": ("hour",), "time": "t"}, "needs dates, but the time column has numbers"),
        ({"resample": "W", "time": "t"}, "needs dates, but the time column has numbers"),
        ({"resample": "fortnight", "time": "t"}, "--resample is 'fortnight': expected min, h, D, W, M, Q or Y"),
        ({"resample": "10m", "time": "t"}, "--resample is '10m': give 10min for minutes, or 10M for months"),
        ({"sort": True}, "--sort is about the time column: give --time"),
        ({"time_zone": "Europe/Berlin"}, "--time-zone is about the time column"),
        ({"time_zone": "Europe/Berlin", "time": "t"}, "--time-zone is for dates"),
        ({"decimal": ";"}, "unknown value of --decimal ';'"),
        ({"delimiter": "||"}, "--delimiter is '[|][|]': expected one character"),
        (
            {"window": 80},
            "has 100 rows, too few for two forecast origins .* with window 80 and horizon 1: give --window 61 or less, "
            "or at least 1[23][0-9] rows",
        ),
        (
            {"horizon": 30},
            "window 4 and horizon 30: give --horizon 8 or less, or at least 263 rows",
        ),
        ({"horizons": "1-30"}, "window 4 and horizon 30: give --horizons up to 8, or at least 263 rows"),
        ({"targets": ("flat",)}, r"target column 'flat' is constant \(3\)"),
        ({"targets": ("late",)}, r"target column 'late' is constant \(0\) in its first 49 rows.*cut the file"),
        ({"targets": ("line",), "transform": "difference"}, r"'line' changes by the same \(2\).*leave out --transform"),
        ({"targets": ("word",)}, "column 'word' has 'x' in line 2: a target must be numbers, as classes cannot be"),
        ({"features": ("word",)}, "'x' in line 2: expected a number; a column of words can be an input with --cat"),
        ({"time": "b"}, "time column 'b' must increase"),
        ({"data": "no/where.csv"}, "'no/where.csv' does not exist"),
    ],
)
def test_bad_input(write, parameters, message):
    columns = {
        "t": range(100),
        "a": walk(),
        "b": walk(seed=1),
        "flat": [3] * 100,
        "late": [0] * 80 + [1] * 20,
        "line": range(0, 200, 2),
    }
    columns["neg"] = -walk()
    path = write(**columns, word=["x"] * 100)
    with pytest.raises(UserError, match=message) as caught:
        Series(**{"data": path, "targets": ("a",), "window": 4, **parameters})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [[1e308, -1e308] * 50, [0.0, 1e-320] * 40 + [1e300] * 20])
def test_values_that_cannot_be_standardised(write, values):
    with pytest.raises(UserError, match="rescale it"):
        Series(write(a=values), ("a",), window=4)


def test_the_registry_makes_one_from_text(write):
    path = write(a=walk(), b=walk(seed=1))
    task = TASKS.create(f"series[data={path},targets=a+b,window=4,season=none]")
    assert (task.targets, task.window, task.season) == (("a", "b"), 4, None)
    with pytest.raises(UserError, match="series needs data, targets: give"):
        TASKS.create("series")


USUAL, ANY = st.floats(-1e6, 1e6), st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 1.0])


@given(st.sampled_from([USUAL, ANY]).flatmap(lambda values: st.lists(values, min_size=20, max_size=50)))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_any_finite_column_is_a_valid_task_or_a_user_error(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("t,a\n" + "".join(f"{i},{value!r}\n" for i, value in enumerate(values)))
    try:
        task = Series(str(path), ("a",), time="t", window=2)
    except UserError as error:
        task = error
    if isinstance(task, Series):
        assert validate_dataset(task, task.generate(0))
        assert task.target.threshold >= 0


def test_forecasts_have_the_times_of_the_rows_that_they_are_for(write):
    values, days = walk(), [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(100)]
    dated = Series(write(day=days, price=values), ("price",), time="day", window=4).at(1)
    assert dated.forecast_times.name == "day"
    assert dated.forecast_times.texts == tuple(days[-len(dated.generate(0).test) :])
    plain = Series(write(price=values), ("price",), window=4, transform="growth").at(1)
    assert plain.forecast_times.name == "row"
    assert plain.forecast_times.texts[-1] == "100"  # of the file, of which growth loses the first row
    several = Series(write(price=values), ("price",), window=4, horizons="1-3").at(1)
    assert several.forecast_times.outputs == (2,)  # the nearer ones are for earlier rows
    assert several.forecast_times.texts[-1] == "100"


def test_references_keep_what_they_say_of_the_test_data(write):
    task = Series(write(price=walk()), ("price",), window=4).at(1)
    dataset = task.generate(0)
    for reference in task.references(dataset):
        assert mean_loss(task.loss, reference.outputs, dataset.test.targets) == reference.loss
