"""A published folder gives the results of the run, is small, and is refused where it is damaged or foreign."""

from __future__ import annotations

import copy
import json
import lzma
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import bench
from bench.analysis.publish import publish
from bench.analysis.results import load
from bench.cli import main
from bench.records import compressed, manifest
from bench.records.doctor import diagnose
from bench.records.lock import FolderLock
from bench.records.published import DIGITS, KEY_DIGITS, POINTS, thinned
from bench.report import render
from tasks.errors import UserError

FILES = ["experiment.json", "pairs.csv", "records.jsonl.xz", "summary.csv", "trainings.csv.gz"]


@pytest.fixture
def records(synthetic: ModuleType) -> list[dict[str, Any]]:
    """Two comparisons of two models on two tasks, 7 replicates of 5 trials, with curves of 50 evaluations."""
    made: list[dict[str, Any]] = synthetic.experiment(
        ("sine", "copy"), ("gru", "lstm"), seeds=7, trials=5, matches=("tuned", "hidden"), protocol=2
    )
    for record in made:
        record["hashes"] = {"weights": "w" * 64, "first_batch": "b" * 64}
        record["environment"] = "e1"
        record["command"] = "python -m bench rerun mine " + record["key"][:12]
    return made


@pytest.fixture
def folder(synthetic: ModuleType, records: list[dict[str, Any]], tmp_path: Path) -> Path:
    """`published/study` beside the run `results/mine`."""
    synthetic.write(tmp_path / "results", "mine", records)
    publish(load("mine", tmp_path / "results"), tmp_path / "published" / "study")
    return tmp_path / "published" / "study"


def test_the_command_names_no_folder_of_the_machine(
    synthetic: ModuleType, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    places = "--results /home/me/r --seed 1 --storage sqlite:////home/me/s.db --reports '/home/me/a b'"
    command = f"python -m bench run --data '/home/me/my load.csv' {places}"
    synthetic.write(tmp_path / "results", "mine", records, command=command)
    publish(load("mine", tmp_path / "results"), tmp_path / "study")
    published = json.loads((tmp_path / "study" / "experiment.json").read_text(encoding="utf-8"))
    assert published["command"] == "python -m bench run --data 'my load.csv' --seed 1"


def test_tables_and_conclusions_are_those_of_the_run(folder: Path, tmp_path: Path) -> None:
    run, published = load("mine", tmp_path / "results"), bench.load(str(folder))
    assert sorted(path.name for path in folder.iterdir()) == FILES
    pd.testing.assert_frame_equal(published.summary, run.summary)
    pd.testing.assert_frame_equal(published.conclusions.pair_table, run.conclusions.pair_table)
    assert [v.sentence for v in published.verdicts] == [v.sentence for v in run.verdicts]
    same = ["match", "task", "model", "trial", "replicate", "selected", "learning_rate", "valid_loss", "status"]
    pd.testing.assert_frame_equal(published.trainings[same], run.trainings[same])
    selected = published.trainings["selected"].to_numpy(bool)
    exact = ["test_loss", "skill", "steps_to_target", "parameter_count"]
    pd.testing.assert_frame_equal(published.trainings.loc[selected, exact], run.trainings.loc[selected, exact])
    pd.testing.assert_frame_equal(
        published.trainings[["test_loss"]], run.trainings[["test_loss"]], rtol=10.0 ** (1 - DIGITS)
    )


def test_its_tables_are_those_that_a_reader_derives(folder: Path) -> None:
    published = bench.load(str(folder))
    assert pd.read_csv(folder / "trainings.csv.gz").shape == published.trainings.shape
    assert pd.read_csv(folder / "summary.csv").shape == published.summary.shape
    assert pd.read_csv(folder / "pairs.csv").shape == published.conclusions.pair_table.shape


def test_it_is_published_twice_with_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    publish(load("mine", tmp_path / "results"), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_report_needs_nothing_but_the_folder(folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "results")
    done = CliRunner().invoke(main, ["report", str(folder), "--reports", str(tmp_path / "reports")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "reports" / "study" / "index.html").is_file()
    listed = CliRunner().invoke(main, ["list", "experiments", "--results", str(folder.parent)])
    assert "published" in listed.output


def test_thinned_curves_keep_what_decides(records: list[dict[str, Any]]) -> None:
    keys = {record["key"] for record in records if record["stage"] == "trial" and record["trial"] == 0}
    before = copy.deepcopy(records)
    thin = list(thinned(records, keys))
    assert records == before
    for whole, small in zip(records, thin, strict=True):
        assert small["key"] == whole["key"][:KEY_DIGITS]
        assert "command" not in small
        if whole["stage"] != "trial":
            continue
        losses = whole["curve"]["valid_loss"]
        steps = small["curve"]["step"]
        assert set(steps) <= set(whole["curve"]["step"])
        assert small["curve"]["valid_loss"][0] == losses[0]
        assert min(small["curve"]["valid_loss"]) == min(losses)
        if whole["key"] in keys:
            assert small["test"] == whole["test"]
            assert len(steps) <= POINTS + 4
            assert (steps[0], steps[-1]) == (0, whole["curve"]["step"][-1])
        else:
            assert set(small["test"]) <= {"loss", "skill"}
            assert len(steps) <= 2


def test_a_published_folder_is_compared_with_a_run_of_another_machine(
    synthetic: ModuleType, records: list[dict[str, Any]], folder: Path, tmp_path: Path
) -> None:
    for record in records:
        record["environment"] = "e2"
        if record["stage"] == "trial" and record["model"]["label"] == "gru":
            record["test"]["loss"] *= 0.5
    synthetic.write(tmp_path / "results", "ours", records, environment={"cpu": "Another CPU", "gpu": "a GPU"})
    folders = ["--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]
    done = CliRunner().invoke(main, ["compare", str(folder), "ours", *folders])
    assert done.exit_code == 0, done.output
    assert "Timed in different environments" in done.output
    page = (tmp_path / "reports" / "study-and-ours" / "report.md").read_text(encoding="utf-8")
    assert "gru on copy (tuned): its test loss is 50 % lower" in page
    environments = page.partition("Environments")[2].partition("\n\n\n")[0]
    assert "| cpu | Example CPU, 2 cores | Another CPU |" in environments
    twice = CliRunner().invoke(main, ["compare", str(folder), str(folder.parent / "study"), *folders])
    assert twice.exit_code == 2


def test_doctor_finds_it_whole(folder: Path) -> None:
    done = CliRunner().invoke(main, ["doctor", str(folder)])
    assert done.exit_code == 0, done.output
    assert "0 damaged" in done.output


def damage(folder: Path, how: str) -> None:
    if how == "a flipped bit":
        content = bytearray((folder / "records.jsonl.xz").read_bytes())
        content[len(content) // 2] ^= 1
        (folder / "records.jsonl.xz").write_bytes(content)
    elif how == "cut":
        (folder / "records.jsonl.xz").write_bytes((folder / "records.jsonl.xz").read_bytes()[:200])
    elif how == "no archive":
        (folder / "records.jsonl.xz").write_bytes(b"something else")
    elif how == "an edited table":
        (folder / "summary.csv").write_text((folder / "summary.csv").read_text().replace("gru", "lstm", 1))
    elif how == "a table gone":
        (folder / "trainings.csv.gz").unlink()
    elif how == "an edited manifest":
        path = folder / "experiment.json"
        path.write_text(path.read_text().replace('"budget": "quick"', '"budget": "full"'))
    elif how == "no manifest":
        (folder / "experiment.json").unlink()
    else:
        manifest = json.loads((folder / "experiment.json").read_text())
        del manifest["published"]
        (folder / "experiment.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "how",
    ["a flipped bit", "cut", "no archive", "an edited table", "a table gone", "an edited manifest", "no manifest", "x"],
)
def test_a_damaged_or_foreign_folder_is_one_line(folder: Path, tmp_path: Path, how: str) -> None:
    damage(folder, how)
    done = CliRunner().invoke(main, ["report", str(folder), "--reports", str(tmp_path / "reports")])
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert done.output.startswith("error: ")
    assert not (tmp_path / "reports").exists()
    diagnosed = CliRunner().invoke(main, ["doctor", str(folder)])
    assert diagnosed.exit_code in (1, 2)
    assert str(folder) in diagnosed.output


def test_an_archive_without_end_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "LARGEST", 1000)
    with pytest.raises(UserError, match=r"records\.jsonl\.xz is damaged \(it holds more than 1,000 bytes\)"):
        load("study", folder.parent)


def test_nothing_is_written_where_it_can_not_be_published(
    synthetic: ModuleType, records: list[dict[str, Any]], folder: Path, tmp_path: Path
) -> None:
    run = load("mine", tmp_path / "results")
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    for where in (other, tmp_path / "results" / "mine", other / "thesis.tex"):
        with pytest.raises(UserError, match="--to is"):
            publish(run, where)
    with pytest.raises(UserError, match="is published already"):
        publish(load("study", folder.parent), tmp_path / "copy")
    with (tmp_path / "results" / "mine" / "records.jsonl").open("a") as file:
        file.write("{\n")
    with pytest.raises(UserError, match="doctor"):
        publish(load("mine", tmp_path / "results"), tmp_path / "copy")
    assert [path.name for path in other.iterdir()] == ["thesis.tex"]
    assert not (tmp_path / "copy").exists()


def test_no_run_writes_into_it(folder: Path, toy_plugin: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run = ["run", "--plugin", toy_plugin, "--tasks", "toy", "--models", "linear", "--budget", "smoke", "--quiet"]
    for more in ([], ["--fresh"]):
        command = [*run, "--name", "study", "--results", str(folder.parent), "--executor", "inline", *more]
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 2
        assert "holds a published experiment" in done.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_rendering_a_published_run_shows_no_address_of_tables_that_are_not_there(folder: Path, tmp_path: Path) -> None:
    (page, *_) = render("study", folder.parent, tmp_path / "reports", ["markdown"])
    assert "curves.csv" not in page.read_text(encoding="utf-8").partition("All numbers, as tables")[2][:300]


def test_the_archive_is_read_by_other_programs(folder: Path) -> None:
    lines = lzma.decompress((folder / "records.jsonl.xz").read_bytes()).splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_a_publication_with_failures_is_shown_without_commands(
    synthetic: ModuleType, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    for record in records:
        if record["stage"] == "trial" and record["replicate"] == 1 and record["model"]["name"] == "gru":
            record.update(status="diverged", error="the loss was not finite", test=None)
    synthetic.write(tmp_path / "results", "mine", records)
    publish(load("mine", tmp_path / "results"), tmp_path / "study")
    done = CliRunner().invoke(main, ["report", str(tmp_path / "study"), "--reports", str(tmp_path / "reports")])
    assert (done.exit_code, done.exception) == (0, None)
    assert "the loss was not finite" in done.output
    assert "again:" not in done.output


def test_two_publications_do_not_mix(folder: Path, tmp_path: Path) -> None:
    other = FolderLock(folder)
    other.acquire()
    try:
        with pytest.raises(UserError, match=r"is in use by process \d+ .*: wait for it, stop it, or give another --to"):
            publish(load("mine", tmp_path / "results"), folder)
    finally:
        other.release()
    assert bench.load(str(folder)).verdicts


def test_tables_that_were_edited_and_sealed_again_are_found(folder: Path) -> None:
    (folder / "pairs.csv").write_text((folder / "pairs.csv").read_text().replace("gru", "rnn", 1))
    manifest.write(folder, json.loads((folder / "experiment.json").read_text(encoding="utf-8")))
    done = CliRunner().invoke(main, ["doctor", str(folder)])
    assert done.exit_code == 1
    assert "pairs.csv is not what this bench derives from the records" in done.output
    assert "summary.csv" not in done.output


def test_other_last_digits_are_no_difference(folder: Path) -> None:
    table = pd.read_csv(folder / "pairs.csv")
    table["loss_ratio"] *= 1 + 1e-9
    table.to_csv(folder / "pairs.csv", index=False)
    manifest.write(folder, json.loads((folder / "experiment.json").read_text(encoding="utf-8")))
    assert CliRunner().invoke(main, ["doctor", str(folder)]).exit_code == 0


@pytest.mark.parametrize("command", ["report", "doctor"])
def test_records_of_a_run_do_not_lie_in_a_publication(folder: Path, command: str) -> None:
    (folder / "records.jsonl").write_text("")
    done = CliRunner().invoke(main, [command, str(folder)])
    assert done.exit_code == 2
    assert "is a publication, but has records.jsonl" in done.output


@pytest.mark.parametrize("command", ["report", "doctor"])
def test_a_path_without_records_is_named(tmp_path: Path, command: str) -> None:
    for path, why in ((tmp_path / "nowhere", "is no folder"), (tmp_path, "has neither records.jsonl nor")):
        done = CliRunner().invoke(main, [command, str(path)])
        assert done.exit_code == 2
        assert f"{path} {why}" in done.output


def test_what_is_not_complete_says_so(synthetic: ModuleType, records: list[dict[str, Any]], tmp_path: Path) -> None:
    synthetic.write(tmp_path / "results", "mine", records, status="in part", trainings_planned=999)
    asked = ["publish", "mine", "--results", str(tmp_path / "results"), "--to", str(tmp_path / "study")]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0
    assert re.search(r"^not complete \(in part\): \d+ of 999 trainings", done.output, flags=re.MULTILINE)


def test_a_repaired_experiment_can_be_published(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "results" / "mine" / "experiment.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    manifest.write(path.parent, {**content, manifest.NOTICED: ["1 damaged line was left out; repaired"]})
    run = load("mine", tmp_path / "results")
    assert run.changed
    publish(run, tmp_path / "again")
    assert bench.load(str(tmp_path / "again")).changed == run.changed


@pytest.mark.parametrize("what", ["schema", "protocol"])
def test_a_folder_of_a_newer_bench_is_refused(folder: Path, what: str) -> None:
    content = json.loads((folder / "experiment.json").read_text(encoding="utf-8"))
    manifest.write(folder, {**content, what: 99})
    with pytest.raises(UserError, match=f"has {what} 99, this bench reads up to"):
        bench.load(str(folder))


def test_a_table_that_cannot_be_read_is_no_sound_folder(folder: Path) -> None:
    (folder / "pairs.csv").unlink()
    (folder / "pairs.csv").mkdir()
    assert not diagnose(str(folder)).is_sound


def test_a_link_that_leads_nowhere_is_no_place(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "at" / "all")
    asked = ["publish", "mine", "--results", str(tmp_path / "results"), "--to", str(tmp_path / "dangling")]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 2
    assert "a link that leads nowhere" in done.output
