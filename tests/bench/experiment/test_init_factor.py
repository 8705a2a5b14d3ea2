"""An experiment whose entries differ in their initial weights: tables tell them apart, and pairs stay paired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.analysis.results import Results, load
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.rerun import rerun
from bench.experiment.run import run
from tasks.errors import UserError


def results(tmp_path: Path, **flags: Any) -> Results:
    made = {"models": "gru,lstm", "tasks": "sine", "budget": "smoke", "steps": 4, "name": "e", **flags}
    run(resolve({**made, "results": str(tmp_path)}), executor=InlineExecutor())
    return load(made["name"], tmp_path)


def test_crossed_schemes_are_entries_of_their_own_and_stay_paired(tmp_path: Path) -> None:
    found = results(tmp_path, init="default,forget_bias", replicates=3)
    assert found.models == ["gru", "lstm", "lstm[init=forget_bias]"]
    confirmed = found.selected
    assert dict(zip(confirmed["model"], confirmed["init"], strict=True)) == {
        "gru": "default",
        "lstm": "default",
        "lstm[init=forget_bias]": "forget_bias",
    }
    assert (confirmed.groupby("model").size() == 3).all()
    assert [(pair.first, pair.second, pair.n) for pair in found.conclusions.pairs] == [
        ("gru", "lstm", 3),
        ("gru", "lstm[init=forget_bias]", 3),
        ("lstm", "lstm[init=forget_bias]", 3),
    ]
    records = [r for r in found.records if r["stage"] == "trial" and (r["replicate"], r["trial"]) == (1, 0)]
    assert len({r["hashes"]["first_batch"] for r in records}) == 1
    assert len({r["hashes"]["weights"] for r in records}) == 3
    summary = found.summary[found.summary["kind"] == "model"]
    assert list(summary["init"]) == ["default", "default", "forget_bias"]


def test_a_searched_scheme_keeps_the_models_name_and_the_table_says_which_was_chosen(tmp_path: Path) -> None:
    found = results(tmp_path, models="lstm", init="default+chrono+forget_bias", trials=6)
    search = found.trainings[found.trainings["stage"] == "trial"]
    assert set(search["model"]) == {"lstm"}
    assert set(search["init"]) == {"default", "chrono", "forget_bias"}
    best = {search.loc[rows["valid_loss"].idxmin(), "init"] for _, rows in search.groupby("replicate")}
    assert set(found.selected["init"]) == best


def test_a_grid_has_every_scheme(tmp_path: Path) -> None:
    found = results(tmp_path, models="lstm", init="default+chrono", sampler="grid", trials=1, hidden_sizes="4,8")
    search = found.trainings[found.trainings["stage"] == "trial"]
    pairs = set(zip(search["hidden_size"], search["init"], strict=True))
    assert pairs == {(h, init) for h in (4, 8) for init in ("default", "chrono")}


def test_trainings_of_another_experiment_are_used_under_this_ones_names(tmp_path: Path) -> None:
    alone = results(tmp_path, models="lstm", init="chrono", name="alone")
    both = results(tmp_path, models="lstm", init="default,chrono", name="both")
    ours = [r for r in both.records if r["stage"] == "trial" and r["model"]["init"] == "chrono"]
    assert {r["key"] for r in ours} == {r["key"] for r in alone.records if r["stage"] == "trial"}
    assert {r["reused_from"] for r in ours} == {"alone"}
    assert {r["model"]["label"] for r in ours} == {"lstm[init=chrono]"}
    assert set(alone.selected["model"]) == {"lstm"}


def test_an_entry_can_be_trained_again(tmp_path: Path) -> None:
    found = results(tmp_path, init="default,chrono")
    record = next(r for r in found.records if r["stage"] == "trial" and r["model"]["init"] == "chrono")
    before, now = rerun("e", record["key"], tmp_path)
    assert now["curve"] == before["curve"]


def test_the_first_replicates_say_how_far_gradients_reach_and_the_first_shows_it(tmp_path: Path) -> None:
    found = results(tmp_path, models="gru,numpy_gru,rnn", init="default", replicates=7)
    for record in found.records:
        flow = record.get("gradient_flow")
        assert (flow is not None) == (record["stage"] == "examine" and record["replicate"] <= 5)
        if flow:
            states = [(each["init"], each["state"]) for each in flow]
            assert states[0] == ("default", "initial")
            assert states[-1] == ("default", "trained")
            assert flow[0]["lags"] == 10
            assert ("hidden" in flow[0]) == (record["replicate"] == 1)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'chrono'"):
        resolve({"init": "default,crono"})


def test_the_fused_lstm_is_also_timed_on_torchs_own_kernel(tmp_path: Path) -> None:
    found = results(tmp_path, models="lstm,gru,numpy_gru", replicates=1)
    kernels = {(r["model"]["name"], r["kernel"]) for r in found.records if r["stage"] == "time"}
    assert {("gru", "aten"), ("numpy_gru", "numpy"), ("lstm", "aten")} <= kernels
    assert kernels <= {("gru", "aten"), ("numpy_gru", "numpy"), ("lstm", "aten"), ("lstm", "onednn")}
    timing = next(r["timing"] for r in found.records if r["stage"] == "time")
    assert {"forward_seconds_iqr", "step_seconds_iqr", "latency_seconds_iqr"} <= timing.keys()
