import copy
import csv
import io
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.analysis import stats, table_columns, tables
from bench.analysis.table_files import write_tables


@pytest.fixture
def records(synthetic: ModuleType) -> list[dict[str, Any]]:
    return synthetic.experiment(seeds=3, trials=2)


def test_the_promised_columns_are_there_in_order(records: list[dict[str, Any]]) -> None:
    promised = [
        "match",
        "stage",
        "task",
        "model",
        "hidden_size",
        "num_layers",
        "init",
        "learning_rate",
        "batch_size",
        "steps",
        "trial",
        "replicate",
        "status",
        "steps_to_target",
        "test_loss",
        "skill",
        "parameter_count",
        "wall_seconds",
        "peak_bytes",
        "device",
        "precision",
        "sequences_per_second",
        "energy_joules",
        "kernel",
        "search_kernel",
        "checkpoint",
    ]
    columns = list(tables.trainings_table(records).columns)
    assert [column for column in columns if column in promised] == promised
    assert columns[columns.index("checkpoint") + 1 :] == ["rmse", "r2", "recall_accuracy", "string_accuracy"]
    assert list(tables.curves_table(records).columns)[-4:] == ["step", "train_loss", "valid_loss", "valid_metric"]
    timings = "match task model hidden_size num_layers batch_size kernel threads forward_seconds step_seconds"
    assert list(tables.timings_table(records).columns)[:10] == timings.split()


def test_a_row_holds_its_records_own_numbers(records: list[dict[str, Any]]) -> None:
    table = tables.trainings_table(records).to_dict("records")
    trainings = [record for record in records if record["stage"] in ("search", "confirm")]
    assert len(table) == len(trainings)
    for row, record in zip(table, trainings, strict=True):
        assert row["hidden_size"] == record["model"]["hidden_size"]
        assert row["learning_rate"] == record["training"]["learning_rate"]
        assert row["valid_loss"] == min(record["curve"]["valid_loss"])
        if record["stage"] == "confirm":
            assert row["test_loss"] == record["test"]["loss"]
        else:
            assert math.isnan(row["test_loss"])


def test_what_a_training_took_is_its_own_or_missing(synthetic: ModuleType) -> None:
    record = synthetic.training("sine", "gru", 1)
    row = tables.trainings_table([record]).iloc[0]
    assert math.isnan(row["energy_joules"])
    training = {**record["training"], "device": "cuda", "precision": "tf32", "batch_size": 64}
    curve = {**record["curve"], "step": [0, 10, 25]}  # two epochs of 600 sequences in ten batches, and five batches
    measured = {"evaluation_seconds": [0.5, 1.0, 2.5], "train_sequences": 600, "energy_joules": 12.5}
    row = tables.trainings_table([{**record, **measured, "training": training, "curve": curve}]).iloc[0]
    assert (row["device"], row["precision"], row["energy_joules"]) == ("cuda", "tf32", 12.5)
    assert row["sequences_per_second"] == (2 * 600 + 5 * 64) / 2.0


def test_curves_have_a_row_an_evaluation_and_keep_gaps(synthetic: ModuleType) -> None:
    record = synthetic.training("sine", "gru", 1, status="diverged")
    table = tables.curves_table([record])
    assert table["step"].tolist() == record["curve"]["step"]
    assert table["valid_loss"].isna().tolist() == [False] * 6 + [True]


def test_the_last_of_repeated_records_wins(records: list[dict[str, Any]]) -> None:
    again = copy.deepcopy(next(record for record in records if record["stage"] == "confirm"))
    again["test"]["loss"] = 123.0
    table = tables.trainings_table([*records, again])
    assert len(table) == len(tables.trainings_table(records))
    assert (table["test_loss"] == 123.0).sum() == 1


def test_the_summary_is_computed_from_the_replicates(records: list[dict[str, Any]]) -> None:
    summary = tables.summary_table(records).set_index(["task", "model"])
    own = [r for r in records if r["stage"] == "confirm" and (r["task"]["name"], r["model"]["name"]) == ("copy", "gru")]
    row = summary.loc[("copy", "gru")]
    skill = stats.mean_interval([r["test"]["skill"] for r in own])
    assert (row["skill"], row["skill_low"], row["skill_high"]) == skill[:3]
    assert row["test_loss"] == pytest.approx(np.prod([r["test"]["loss"] for r in own]) ** (1 / 3))
    assert row["solve_rate"] == sum(r["steps_to_target"] is not None for r in own) / 3
    assert (row["step_seconds"], row["kernel"], row["n"], row["n_failed"]) == (2.9e-3, "aten", 3, 0)
    assert row["parameter_count"] == own[0]["parameters"]["total"]


def test_references_are_rows_of_the_summary(records: list[dict[str, Any]]) -> None:
    summary = tables.summary_table(records)
    kinds = summary[summary["kind"] != "model"].set_index(["task", "model"])["kind"].to_dict()
    assert kinds[("sine", "linear_ar")] == "baseline"
    assert kinds[("regression", "noise")] == "limit"
    assert kinds[("copy", "persistence")] == "floor"
    assert summary[summary["model"] == "linear_ar"]["n"].tolist() == [3]


def test_references_of_replicates_without_a_result_do_not_count(records: list[dict[str, Any]]) -> None:
    """They are scored first: in an unfinished experiment their means must be over the data that models have."""
    part = [r for r in records if r["stage"] in ("reference", "search") or r["replicate"] in (1, None)]
    rows = {row["model"]: row for _, row in tables.summary_table(part).query("task == 'sine'").iterrows()}
    known = [r for r in records if r["stage"] == "reference" and r["task"]["name"] == "sine"]
    one = {r["model"]["name"]: r["test"]["loss"] for r in known if r["replicate"] == 1}
    assert rows["gru"]["n"] == rows["linear_ar"]["n"] == 1
    assert all(rows[name]["test_loss"] == pytest.approx(loss) for name, loss in one.items())
    none = [r for r in records if r["stage"] == "reference"]
    assert set(tables.summary_table(none)["n"]) == {3}


def test_failures_count_as_unsolved_and_as_the_worst_loss(synthetic: ModuleType) -> None:
    ok = [synthetic.training("sine", "gru", i, quality=0.01) for i in (1, 2)]
    bad = [synthetic.training("sine", "gru", i, status="failed") for i in (3, 4, 5)]
    row = tables.summary_table([*ok, *bad]).iloc[0]
    assert (row["n"], row["n_failed"], row["solve_rate"]) == (2, 3, 0.4)
    assert math.isnan(row["steps_to_target_median"])
    losses = [record["test"]["loss"] for record in ok]
    assert row["test_loss"] == pytest.approx((np.prod(losses) * max(losses) ** 3) ** (1 / 5))  # the worst for each


def test_only_the_configuration_confirmed_last_is_summarised(synthetic: ModuleType) -> None:
    old = [synthetic.training("sine", "gru", i, hidden_size=8) for i in (1, 2, 3)]
    new = [synthetic.training("sine", "gru", i, hidden_size=64) for i in (1, 2)]
    row = tables.summary_table([*old, *new]).iloc[0]
    assert (row["hidden_size"], row["n"]) == (64, 2)


def test_a_metric_called_like_a_column_does_not_overwrite_it(synthetic: ModuleType) -> None:
    record = synthetic.training("sine", "gru", 1)
    record["test"]["steps"] = 0.25
    row = tables.trainings_table([record]).iloc[0]
    assert (row["steps"], row["test_steps"]) == (1000, 0.25)


def test_written_tables_read_back_exactly(records: list[dict[str, Any]], tmp_path: Path) -> None:
    paths = write_tables(records, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "curves.csv",
        "summary.csv",
        "timings.csv",
        "trainings.csv",
    ]
    assert len(paths) == 4
    table = tables.trainings_table(records)
    with (tmp_path / "trainings.csv").open(newline="", encoding="utf-8") as lines:
        back = list(csv.DictReader(lines))
    for column in ("test_loss", "learning_rate", "wall_seconds", "valid_loss"):
        read = [float(row[column] or "nan") for row in back]
        np.testing.assert_array_equal(read, table[column].to_numpy(float))
    assert "32.0," not in (tmp_path / "trainings.csv").read_text()  # integers stay integers beside missing values


def test_tables_of_nothing_have_their_columns() -> None:
    text = tables.summary_table([]).to_csv(index=False)
    assert pd.read_csv(io.StringIO(text)).columns.tolist() == list(table_columns.SUMMARY)


def test_a_record_with_the_bare_minimum_is_a_row() -> None:
    bare = {"schema": 1, "stage": "confirm", "match": "tuned", "task": {"name": "t"}, "model": {"name": "m"}}
    table = tables.trainings_table([{**bare, "replicate": 1, "status": "failed", "test": None, "curve": None}])
    assert table[["task", "model", "status"]].iloc[0].tolist() == ["t", "m", "failed"]
    assert len(tables.summary_table([{**bare, "replicate": 1, "status": "failed"}])) == 1


def test_the_rounds_of_a_timing_are_one_row(synthetic: ModuleType) -> None:
    rounds = []
    for number, (seconds, noisy) in enumerate(((1e-3, True), (5e-3, False), (2e-3, False))):
        record = synthetic.timing("sine", "gru", has_warnings=noisy)
        record["timing"]["step_seconds"] = seconds
        rounds.append({**record, "round": number, "key": f"k{number}"})
    other = {**rounds[0], "kernel": "onednn", "key": "other kernel"}
    table = tables.timings_table([*rounds, other])
    assert table["kernel"].tolist() == ["aten", "onednn"]
    assert table["step_seconds"].tolist() == [2e-3, 1e-3]
    assert table["has_warnings"].tolist() == [False, True]
    assert tables.timings_table(rounds[1:2])["step_seconds"].tolist() == [5e-3]
