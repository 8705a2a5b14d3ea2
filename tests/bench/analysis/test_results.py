import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from bench.analysis.alarms import alarms
from bench.analysis.results import Results, load
from bench.records.folder import names
from tasks.errors import UserError

Build = Callable[..., Results]


def test_load_reads_records_manifest_and_tables(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(seeds=2, trials=2)
    synthetic.write(tmp_path, "mine", records)
    results = load("mine", tmp_path)
    assert results.records == tuple(records)
    assert results.models == ["gru", "lstm"]
    assert results.tasks == ["sine", "regression", "copy"]
    assert results.matches == ["tuned"]
    assert results.progress == (30, 30)  # 24 trainings, 6 timings
    assert len(results.selected) == 12
    assert results.summary is results.summary  # made once
    assert "<table" in results._repr_html_()
    assert names(tmp_path) == ["mine"]


def test_rows_are_those_of_the_whole_table(synthetic: ModuleType, results_of: Build) -> None:
    """Of every table, comparison and task; a reference belongs to no comparison, and one of none has no rows."""
    results = results_of(synthetic.experiment(seeds=2, trials=2, matches=("tuned", "params")))
    assert results.matches == ["tuned", "params"]
    for name in ("selected", "trainings", "curves", "timings", "summary"):
        table = getattr(results, name)
        for match, task in itertools.product(results.matches, results.tasks):
            wanted = table[(table["match"] == match) & (table["task"] == task)]
            pd.testing.assert_frame_equal(results.rows(name, match, task), wanted)
            assert len(wanted)
        nothing = results.rows(name, "hidden", "sine")
        assert nothing.empty
        assert list(nothing.columns) == list(table.columns)


def test_records_of_trainings_lie_in_the_order_of_the_table(synthetic: ModuleType, results_of: Build) -> None:
    made = synthetic.experiment(seeds=2, trials=3, protocol=2)
    again = {**next(record for record in made if record["stage"] == "trial"), "wall_seconds": 99.0}
    results = results_of([*made, again])  # the last written wins, in its first place
    assert [r["wall_seconds"] for r in results.training_records] == list(results.trainings["wall_seconds"])
    assert [r["wall_seconds"] for r in results.selected_records] == list(results.selected["wall_seconds"])
    assert 99.0 in list(results.trainings["wall_seconds"])


def test_models_keep_the_order_of_the_settings(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine",), ("gru", "lstm", "rnn"), seeds=1, trials=1)
    settings = {**synthetic.manifest(records)["experiment"], "models": ["rnn", "gru"]}
    synthetic.write(tmp_path, "mine", records, experiment=settings)
    assert load("mine", tmp_path).models == ["rnn", "gru", "lstm"]


def test_a_label_with_parameters_is_ordered_by_its_name(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine", "copy[delay=10]"), seeds=1, trials=1)
    settings = {**synthetic.manifest(records)["experiment"], "tasks": ["copy", "sine"]}
    synthetic.write(tmp_path, "mine", records, experiment=settings)
    assert load("mine", tmp_path).tasks == ["copy[delay=10]", "sine"]


def test_an_unknown_name_names_the_nearest(synthetic: ModuleType, tmp_path: Path) -> None:
    synthetic.write(tmp_path, "quick", synthetic.experiment(seeds=1, trials=1))
    with pytest.raises(UserError, match="did you mean 'quick'"):
        load("quik", tmp_path)
    with pytest.raises(UserError, match="run one first"):
        load("quick", tmp_path / "nowhere")
    with pytest.raises(UserError, match="is no folder"):
        load("../" + tmp_path.name + "/quick", tmp_path)


def test_a_broken_manifest_is_an_error_for_people(synthetic: ModuleType, tmp_path: Path) -> None:
    synthetic.write(tmp_path, "mine", synthetic.experiment(seeds=1, trials=1))
    for text in ("{", "[]"):
        (tmp_path / "mine" / "experiment.json").write_text(text)
        with pytest.raises(UserError, match=r"experiment\.json"):
            load("mine", tmp_path)


def test_results_without_a_manifest_are_read_from_the_records_alone(synthetic: ModuleType, tmp_path: Path) -> None:
    synthetic.write(tmp_path, "mine", synthetic.experiment(seeds=2, trials=1))
    (tmp_path / "mine" / "experiment.json").unlink()
    results = load("mine", tmp_path)
    assert results.models == ["gru", "lstm"]
    assert results.progress == (24, None)


def test_the_reading_side_does_not_import_torch(synthetic: ModuleType, tmp_path: Path) -> None:
    synthetic.write(tmp_path / "results", "mine", synthetic.experiment(("sine",), seeds=2, trials=1))
    code = (
        "import sys; from bench.report import render; render('mine', 'results', 'reports');"
        "print(sorted({'torch', 'optuna', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['matplotlib.pyplot']")  # seaborn imports pyplot; nothing is drawn with it


def test_importing_the_reading_side_is_light() -> None:
    heavy = "{'torch', 'pandas', 'seaborn', 'matplotlib', 'scipy', 'jinja2'}"
    modules = "bench.analysis.results, bench.report, bench.analysis.tables, bench.analysis.verdicts"
    code = f"import sys, {modules}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_damaged_lines_are_left_out_and_named(tmp_path: Path, synthetic: ModuleType) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    lines = [json.dumps(record) for record in synthetic.experiment()[:6]]
    lines[2] = lines[2][:100]
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")
    results = load("mine", tmp_path)
    assert len(results.records) == 5
    assert results.damaged == (3,)
    assert alarms(results)[0].startswith("Line 3 of records.jsonl is damaged and left out: see python -m bench doctor")


def test_comparisons_stand_in_the_order_of_the_manifest_not_of_the_records() -> None:
    labels = ["params 10000", "hidden", "params 1000"]  # as costly trainings come first
    records = [{"stage": "search", "match": text} for text in labels]
    asked = ["hidden", "params 1000", "params 10000"]
    found = Results("x", tuple(records), {"comparisons": asked})
    assert found.matches == ["hidden", "params 1000", "params 10000"]
    assert Results("x", tuple(records), {}).matches == labels


def test_results_are_made_of_each_replicates_selected_trial(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    records = synthetic.experiment(("sine",), ("gru",), seeds=3, trials=4, protocol=2)
    trials = [record for record in records if record["stage"] == "trial"]
    lowest = {r: min((trial for trial in trials if trial["replicate"] == r), key=_valid) for r in (1, 2, 3)}
    results = results_of(records)
    assert (results.protocol, len(results.trainings)) == (2, 12)
    assert results.selected["trial"].tolist() == [lowest[r]["trial"] for r in (1, 2, 3)]
    assert results.selected["test_loss"].tolist() == [lowest[r]["test"]["loss"] for r in (1, 2, 3)]
    assert results.trainings["selected"].sum() == 3
    assert set(results.curves[results.curves["selected"]]["trial"]) == {t["trial"] for t in lowest.values()}


def _valid(record: dict[str, Any]) -> float:
    return min(loss for loss in record["curve"]["valid_loss"] if loss is not None)


def test_ties_go_to_the_first_trial_and_a_stopped_one_is_never_selected(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    trials = [synthetic.training("sine", "gru", 1, stage="trial", trial=t) for t in range(4)]
    for trial, lowest in zip(trials, (0.5, 0.2, 0.2, 0.1), strict=True):
        trial["curve"]["valid_loss"] = [1.0] * (len(trial["curve"]["step"]) - 1) + [lowest]
    trials[3]["training"]["budget_steps"] = 2000
    assert results_of(trials[::-1]).selected["trial"].tolist() == [1]


def test_a_replicate_whose_trials_all_failed_is_a_failure(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    records = [synthetic.training("sine", "gru", r, stage="trial", trial=t) for r in (1, 2) for t in (0, 1)]
    for record in records[2:]:
        record |= {"status": "diverged", "test": None}
    selected = results_of(records).selected
    assert selected["status"].tolist() == ["ok", "diverged"]
    assert selected["replicate"].tolist() == [1, 2]


def test_results_of_the_first_protocol_are_as_they_were(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    records = synthetic.experiment(("sine",), ("gru",), seeds=3, trials=4)
    results = results_of(records)
    assert results.protocol == 1
    assert results.selected["stage"].tolist() == ["confirm"] * 3
    assert results_of([], protocol=2).protocol == 2


def test_conclusions_are_computed_once(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    results = results_of(synthetic.experiment(("sine",), seeds=5, trials=1))
    for name in ("pairs", "verdicts", "alarms", "claims", "pair_table", "decisions", "contenders"):
        assert getattr(results.conclusions, name) is getattr(results.conclusions, name)
    assert results.verdicts is results.conclusions.verdicts
