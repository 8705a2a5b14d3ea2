"""Tasks are added to a publication whole, from another machine too, and only where the settings are the same."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import bench
from bench.analysis.added_tasks import added_line, environments_of
from bench.analysis.alarms.recording import mixed_machines
from bench.analysis.compare_experiments import compare
from bench.cli import main
from bench.records import manifest
from bench.records.lock import FolderLock
from bench.report.document import BulletList
from bench.report.sections.made import made_section
from bench.report.sections.verdict import verdict_section


def made(synthetic: ModuleType, tasks: tuple[str, ...]) -> list[dict[str, Any]]:
    """Records of two models, 7 replicates of 2 trials, all of the size that is timed."""

    def of_one_size(*names: Any, stage: str, match: str, trial: int, **_: Any) -> dict[str, Any]:
        record: dict[str, Any] = synthetic.training(*names, stage=stage, match=match, trial=trial)
        return record

    records: list[dict[str, Any]] = synthetic.experiment(
        tasks, ("gru", "lstm"), seeds=7, trials=2, protocol=2, confirm=of_one_size
    )
    return records


def run(synthetic: ModuleType, results: Path, name: str, tasks: tuple[str, ...], where: str, **changes: Any) -> None:
    """`results/NAME`: two models on these tasks, trained and timed in the environment `where`."""
    records = made(synthetic, tasks)
    for record in records:
        record |= {"environment": where, "hashes": {"data": "d" * 64}}
    machine = {"environment": {"cpu": f"processor {where}"}, "environment_fingerprint": where}
    content = {**machine, "command": f"python -m bench run --name {name}", "comparisons": ["tuned"]}
    synthetic.write(results, name, records, **{**content, **changes})


def publish(results: Path, name: str, to: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["publish", name, "--results", str(results), "--to", str(to), *more])


@pytest.fixture
def results(synthetic: ModuleType, tmp_path: Path) -> Path:
    run(synthetic, tmp_path / "results", "first", ("sine", "copy"), "e1")
    run(synthetic, tmp_path / "results", "second", ("regression",), "e2")
    return tmp_path / "results"


@pytest.fixture
def study(results: Path, tmp_path: Path) -> Path:
    """`study`, which has the tasks of `results/first`."""
    done = publish(results, "first", tmp_path / "study")
    assert done.exit_code == 0, done.output
    return tmp_path / "study"


@pytest.fixture
def grown(results: Path, study: Path) -> Path:
    """`study` with the task of `results/second` too."""
    done = publish(results, "second", study, "--add")
    assert done.exit_code == 0, done.output
    return study


def test_rows_are_those_of_each_experiment(results: Path, grown: Path) -> None:
    whole, parts = bench.load(str(grown)), [bench.load(name, results) for name in ("first", "second")]
    assert whole.tasks == ["sine", "copy", "regression"]
    for name in ("summary", "selected", "timings"):
        expected = pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        found = getattr(whole, name)
        key = [column for column in ("match", "task", "model", "replicate", "kind") if column in found]
        shared = [column for column in expected if column in found and column not in ("wall_seconds", "key")]
        pd.testing.assert_frame_equal(
            found[shared].sort_values(key, ignore_index=True),
            expected[shared].sort_values(key, ignore_index=True),
            check_dtype=False,
            rtol=1e-3,  # of what a publication rounds, as seconds
        )


def test_corrections_are_for_all_tasks(results: Path, grown: Path) -> None:
    alone = bench.load("first", results).conclusions.pair_table
    together = bench.load(str(grown)).conclusions.pair_table
    both = together.merge(alone, on=["match", "task", "first", "second"], suffixes=("", "_alone"))
    assert len(both) == len(alone) < len(together)
    assert (both["loss_ratio"] == both["loss_ratio_alone"]).all()
    assert (both["loss_p_adjusted"] != both["loss_p_adjusted_alone"]).any()


def test_it_is_sound_and_says_where_each_task_was_run(grown: Path) -> None:
    assert CliRunner().invoke(main, ["doctor", str(grown)]).exit_code == 0
    whole = bench.load(str(grown))
    first = repr([block for block in verdict_section(whole).blocks if isinstance(block, BulletList)])
    assert "One task was run apart from the others, on processor e2: compare times on one task" in first
    made = repr(made_section(whole, {}))
    places = [made.index(text) for text in ("processor e1", "Added later, from 'second': regression.", "processor e2")]
    assert places == sorted(places)
    assert "python -m bench run --name second" in made
    assert "One machine, one software stack" not in made


def test_the_same_machine_at_another_time_is_no_other_machine(
    synthetic: ModuleType, results: Path, study: Path
) -> None:
    run(synthetic, results, "later", ("parity",), "e1")
    assert publish(results, "later", study, "--add").exit_code == 0
    whole = bench.load(str(study))
    assert whole.manifest["added"]
    assert added_line(whole) is None
    assert "One machine, one software stack" in repr(made_section(whole, {}))


def test_predictors_that_were_added_are_shown(study: Path) -> None:
    content = bench.load(str(study)).manifest
    manifest.write(study, {**content, "added": [{"name": "predictors", "tasks": [], "command": "python -m bench run"}]})
    assert "Added later, from 'predictors': predictors without a net." in repr(made_section(bench.load(str(study)), {}))


def test_each_side_of_a_comparison_shows_where_its_tasks_were_run(
    synthetic: ModuleType, grown: Path, tmp_path: Path
) -> None:
    for task, expected in (("regression", ["e2"]), ("sine", ["e1"])):
        assert [e["cpu"] for e in environments_of(bench.load(str(grown)), [task])] == [
            f"processor {e}" for e in expected
        ]
    run(synthetic, tmp_path / "mine", "mine", ("regression",), "e3")
    done = CliRunner().invoke(
        main, ["compare", str(grown), "mine", "--results", str(tmp_path / "mine"), "--reports", str(tmp_path / "pages")]
    )
    assert done.exit_code == 0, done.output
    page = (tmp_path / "pages" / "study-and-mine" / "report.md").read_text(encoding="utf-8")
    assert "| cpu | processor e2 | processor e3 |" in page


def test_environments_are_mixed_where_one_task_has_two(synthetic: ModuleType, grown: Path, tmp_path: Path) -> None:
    assert mixed_machines(bench.load(str(grown))) == []
    records = made(synthetic, ("sine", "copy"))
    for record in records:
        record["environment"] = "e2" if (record["task"]["name"], record["stage"]) == ("copy", "time") else "e1"
    next(r for r in records if (r["task"]["name"], r["stage"]) == ("sine", "time"))["environment"] = "e3"
    synthetic.write(tmp_path / "results", "mixed", records)
    (alarm,) = mixed_machines(bench.load("mixed", tmp_path / "results"))
    assert alarm.text.startswith("The times of sine come from 2 environments and must not be compared")


def test_times_are_compared_with_those_of_the_machine_that_ran_the_task(
    synthetic: ModuleType, grown: Path, tmp_path: Path
) -> None:
    for name, task, where in (("same", "regression", "e2"), ("other", "sine", "e2"), ("both", "copy", "e1")):
        run(synthetic, tmp_path / "mine", name, (task,), where)
        assert compare([str(grown), name], tmp_path / "mine").same_machine == (name != "other")


def test_tasks_are_added_again_and_again(synthetic: ModuleType, results: Path, grown: Path) -> None:
    run(synthetic, results, "third", ("parity",), "e1", trainings_planned=5, seconds=7.0)
    before = bench.load(str(grown)).manifest
    assert publish(results, "third", grown, "--add").exit_code == 0
    content = bench.load(str(grown)).manifest
    assert [part["name"] for part in content["added"]] == ["second", "third"]
    assert (
        content["experiment"]["tasks"][-1:]
        == json.loads((results / "third" / "experiment.json").read_text())["experiment"]["tasks"]
    )
    assert content["seconds"] == before["seconds"] + 7.0
    assert content["published"]["records"] == len(bench.load(str(grown)).records)


def test_further_references_may_differ_as_not_every_task_has_each(results: Path, study: Path) -> None:
    path = results / "second" / "experiment.json"
    content = json.loads(path.read_text())
    content["experiment"]["references"] = ["boosting"]
    path.write_text(json.dumps(content))
    assert publish(results, "second", study, "--add").exit_code == 0
    assert bench.load(str(study)).settings["references"] == ["boosting"]


def refused(results: Path, name: str, study: Path) -> str:
    """The line that says why; the publication stays as it was."""
    before = {path.name: path.read_bytes() for path in study.iterdir()} if study.exists() else {}
    done = publish(results, name, study, "--add")
    assert (done.exit_code, len(done.output.splitlines())) == (2, 1), done.output
    assert ({path.name: path.read_bytes() for path in study.iterdir()} if study.exists() else {}) == before
    return done.output


def test_a_task_is_not_added_twice(results: Path, grown: Path) -> None:
    assert "has regression already" in refused(results, "second", grown)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trials": 9}, "trials"),
        ({"match": ["hidden"]}, r"match"),
        ({"models": ["gru", "rnn"]}, "models"),
        ({"sampler": "random"}, "sampler"),
    ],
)
def test_other_settings_are_not_added(
    synthetic: ModuleType, results: Path, study: Path, changes: dict[str, Any], why: str
) -> None:
    path = results / "second" / "experiment.json"
    content = json.loads(path.read_text())
    content["experiment"] |= changes
    path.write_text(json.dumps(content))
    said = refused(results, "second", study)
    assert f"study was run with {why} " in said
    assert "python -m bench compare" in said


def test_a_setting_that_is_zero_is_named(synthetic: ModuleType, results: Path, study: Path) -> None:
    path = results / "second" / "experiment.json"
    content = json.loads(path.read_text())
    content["experiment"]["seed"] = 1
    path.write_text(json.dumps(content))
    assert "was run with seed 0, 'second' with 1" in refused(results, "second", study)


def test_an_option_that_the_publication_does_not_know_stands_in_no_way(results: Path, study: Path) -> None:
    path = results / "second" / "experiment.json"
    content = json.loads(path.read_text())
    content["experiment"]["newer_option"] = 5
    path.write_text(json.dumps(content))
    assert publish(results, "second", study, "--add").exit_code == 0


def test_replicates_that_were_looked_at_repeatedly_are_not_mixed_with_others(
    synthetic: ModuleType, results: Path, study: Path
) -> None:
    run(synthetic, results, "looked", ("parity",), "e1", extended=True)
    assert "with extended none, 'looked' with True" in refused(results, "looked", study)


def test_models_with_other_code_are_not_added(synthetic: ModuleType, results: Path, study: Path) -> None:
    records = made(synthetic, ("parity",))
    for record in records:
        if record["model"]["name"] == "gru":
            record["model"]["version"] = 2
    content = json.loads((results / "second" / "experiment.json").read_text())
    del content["name"]
    synthetic.write(results, "newer", records, **content)
    assert "different code of the model gru" in refused(results, "newer", study)


def test_no_path_of_the_machine_is_added(synthetic: ModuleType, results: Path, study: Path) -> None:
    path = results / "second" / "experiment.json"
    content = json.loads(path.read_text())
    content["experiment"]["plugins"] = ["/home/me/mine.py"]
    path.write_text(json.dumps(content))
    assert publish(results, "second", study, "--add").exit_code == 0
    assert bench.load(str(study)).settings["plugins"] == ["mine.py"]
    assert "/home/me" not in (study / "experiment.json").read_text()


def test_what_is_not_complete_is_not_added(synthetic: ModuleType, results: Path, study: Path) -> None:
    run(synthetic, results, "half", ("parity",), "e2", status="out of time")
    assert "'half' is not complete (out of time)" in refused(results, "half", study)


def test_other_data_of_the_same_name_are_not_added(synthetic: ModuleType, results: Path, tmp_path: Path) -> None:
    for name, task, digest in (("one", "sine", "a"), ("two", "copy", "b")):
        run(synthetic, results, name, (task,), "e1", inputs={"rows.csv": {"sha256": digest, "rows": 9}})
    assert publish(results, "one", tmp_path / "own").exit_code == 0
    assert "different files called rows.csv" in refused(results, "two", tmp_path / "own")


def test_there_must_be_a_publication(results: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", results / "first"):
        assert "where no whole publication is that tasks could be added to" in refused(results, "second", place)


def test_a_damaged_publication_is_not_added_to(results: Path, study: Path) -> None:
    (study / "pairs.csv").write_text("")
    assert "has changed since it was derived" in refused(results, "second", study)


def test_two_that_add_do_not_lose_each_other(results: Path, study: Path) -> None:
    other = FolderLock(study)
    other.acquire()
    try:
        assert "is in use by process" in publish(results, "second", study, "--add").output
    finally:
        other.release()


def test_the_folder_that_one_is_in(results: Path, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    assert publish(results, "second", Path(), "--add").exit_code == 0
    assert bench.load(str(study)).manifest["name"] == "study"


def test_tasks_that_a_publication_loses_are_named(results: Path, grown: Path) -> None:
    done = publish(results, "first", grown)
    assert done.exit_code == 0
    assert f"no longer in {grown}: regression (--add keeps what is there)" in done.output


@pytest.mark.parametrize("part", [{"tasks": 5}, {"environment": "x"}, {"command": ["x"]}, {"tasks": [5]}])
def test_a_part_of_another_shape_is_one_line(study: Path, part: dict[str, Any]) -> None:
    manifest.write(study, {**bench.load(str(study)).manifest, "added": [part]})
    done = CliRunner().invoke(main, ["report", str(study)])
    assert (done.exit_code, len(done.output.splitlines())) == (2, 1)
    assert "'added' has a wrong" in done.output


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}
