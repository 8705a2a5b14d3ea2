"""No claim reads better than its data: flipped data flip the verdict, few data settle nothing, no GPU is said so."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.analysis.claims import CLAIMS, claims, columns, rows
from bench.analysis.claims.claim import Verdict
from bench.analysis.claims.learning import gap_closed
from bench.analysis.claims.part import Part, combine
from bench.analysis.results import Results
from bench.measure.gradient_flow import EXPANDING

SEEDS = 8
Rows = list[dict[str, Any]]


def training(
    task: str,
    cell: str,
    replicate: int,
    loss: float,
    *,
    match: str = "hidden",
    init: str = "default",
    hidden: int = 32,
    layers: int = 1,
    parameters: dict[str, Any] | None = None,
    steps_to_target: float | None = None,
    total: int = 4000,
    recurrent: int = 3000,
    **metrics: float,
) -> dict[str, Any]:
    """A confirmed training with what claims look at; losses get a little noise of their own."""
    wobble = np.random.default_rng([replicate, len(cell), hidden, layers, len(task)]).normal(0, 0.05)
    label = cell if init == "default" else f"{cell}[init={init}]"
    return {
        "schema": 1,
        "key": f"{task} {parameters} {label} {replicate} {match} {hidden} {layers}",
        "stage": "confirm",
        "match": match,
        "task": {"name": task, "label": f"{task}{parameters or ''}", "parameters": parameters or {}},
        "model": {"name": cell, "label": label, "hidden_size": hidden, "num_layers": layers, "init": init},
        "training": {"learning_rate": 0.01, "batch_size": 64, "steps": 1000},
        "replicate": replicate,
        "status": "ok",
        "steps_to_target": None if steps_to_target is None else steps_to_target * math.exp(wobble),
        "test": {"loss": loss * math.exp(wobble), "skill": 1 - loss * math.exp(wobble), **metrics},
        "parameters": {"recurrent": recurrent, "head": total - recurrent, "total": total},
    }


def timing(
    task: str, cell: str, kernel: str, seconds: float, hidden: int = 32, match: str = "hidden"
) -> dict[str, Any]:
    measures = dict.fromkeys(("step_seconds", "forward_seconds", "latency_seconds"), seconds)
    spreads = {f"{key}_iqr": seconds / 50 for key in measures}
    base = training(task, cell, 1, 1.0, hidden=hidden, match=match)
    return {
        **base,
        "stage": "time",
        "replicate": None,
        "kernel": kernel,
        "environment": "e",
        "timing": {**measures, **spreads},
    }


def reference(task: str, replicate: int, loss: float, parameters: dict[str, Any]) -> dict[str, Any]:
    base = training(task, "gru", replicate, 1.0, parameters=parameters)
    model = {"name": "linear_ar", "label": "linear_ar", "kind": "baseline", "how": "least squares"}
    return {
        "schema": 1,
        "key": "r",
        "stage": "reference",
        "match": None,
        "task": base["task"],
        "model": model,
        "replicate": replicate,
        "status": "ok",
        "test": {"loss": loss, "skill": 0.0},
    }


def probe(cell: str, replicate: int, **factors: float) -> dict[str, Any]:
    """factors: by scheme; the record of a task that looks far back."""
    record = training("adding", cell, replicate, 0.1, parameters={"length": 60})
    wobble = 1 + 0.01 * np.random.default_rng(replicate).normal()
    flow = {"state": "initial", "steps": 60, "cell_factor": None}
    record["gradient_flow"] = [{**flow, "init": init, "hidden_factor": f * wobble} for init, f in factors.items()]
    return record


def each(make: Callable[[int], dict[str, Any]], seeds: int = SEEDS) -> Rows:
    return [make(replicate) for replicate in range(1, seeds + 1)]


def scenario_1(holds: bool) -> Rows:
    lstm = 4000 if holds else 4001
    return [
        training("sine", "gru", 1, 0.1, recurrent=3000),
        training("sine", "lstm", 1, 0.1, recurrent=lstm, total=5000),
    ]


def scenario_2(holds: bool) -> Rows:
    fast, slow = (1e-3, 2e-3) if holds else (2e-3, 1e-3)
    pairs = [("gru", "aten", fast), ("lstm", "onednn", slow), ("lstm", "aten", slow)]
    pairs += [("numpy_gru", "numpy", fast), ("numpy_lstm", "numpy", slow)]
    return [timing(task, *pair) for task in ("sine", "copy") for pair in pairs]


def scenario_3(holds: bool) -> Rows:
    gru, lstm = (200.0, 500.0) if holds else (500.0, 200.0)
    found = []
    for match in ("hidden", "params"):
        found += each(lambda r, m=match: training("copy", "gru", r, 0.1, match=m, steps_to_target=gru))
        found += each(lambda r, m=match: training("copy", "lstm", r, 0.1, match=m, steps_to_target=lstm))
    return found


def scenario_4(holds: bool) -> Rows:
    found = []
    for match in ("hidden", "params"):
        found += each(lambda r, m=match: training("sine", "gru", r, 0.10, match=m))
        found += each(lambda r, m=match: training("sine", "lstm", r, 0.10 if holds else 0.20, match=m))
    return found


def scenario_5(holds: bool) -> Rows:
    gru, lstm = (0.9, 0.2) if holds else (0.2, 0.9)
    found = []
    for task, parameter in (("copy", "delay"), ("adding", "length")):
        found += each(lambda r, t=task, p=parameter: training(t, "gru", r, gru, parameters={p: 200}))
        found += each(lambda r, t=task, p=parameter: training(t, "lstm", r, lstm, parameters={p: 200}))
    return found


def scenario_6(holds: bool) -> Rows:
    found = each(lambda r: probe("rnn", r, default=0.6 if holds else 0.98, orthogonal=0.95, **{EXPANDING: 1.2}))
    for cell in ("gru", "lstm"):
        found += each(lambda r, c=cell: probe(c, r, default=0.97 if holds else 0.6, chrono=0.98))
    return found


def scenario_7(holds: bool) -> Rows:
    found = each(lambda r: training("copy", "gru", r, 0.1))
    found += each(lambda r: training("copy", "lstm", r, 0.5))
    return found + each(lambda r: training("copy", "lstm", r, 0.1 if holds else 0.8, init="forget_bias"))


def scenario_8(holds: bool) -> Rows:
    gated, plain = (0.1, 0.4) if holds else (0.4, 0.1)
    found = each(lambda r: training("copy", "rnn", r, plain, match="params"))
    for cell in ("gru", "lstm"):
        found += each(lambda r, c=cell: training("copy", c, r, gated, match="params"))
    return found


def scenario_9(holds: bool) -> Rows:
    sign = 1 if holds else -1
    found = []
    for hidden in (8, 16, 32, 64):
        match = f"hidden {hidden}×1"
        size = (hidden / 8) ** (-0.5 * sign)
        found += each(lambda r, h=hidden, m=match, s=size: training("regression", "gru", r, 0.4 * s, hidden=h, match=m))
        found.append(timing("regression", "gru", "aten", 1e-3 / size, hidden=hidden, match=match))
    return found


def scenario_10(holds: bool) -> Rows:
    two = 0.1 if holds else 0.4
    found = []
    for cell in ("gru", "lstm"):
        found += each(lambda r, c=cell: training("copy", c, r, 0.2, match="params 4000", hidden=32))
        found += each(
            lambda r, c=cell: training("copy", c, r, two, match="params 4000", hidden=20, layers=2, total=4100)
        )
    return found


def scenario_11(holds: bool) -> Rows:
    linear = 1.0 if holds else 1e-6
    found = []
    for noise in (0.0, 0.1):
        parameters = {"noise": noise}
        found += each(lambda r, p=parameters: training("sine", "gru", r, 0.01, parameters=p, match="tuned"))
        found += each(lambda r, p=parameters: reference("sine", r, linear, p))
    return found


def scenario_12(holds: bool) -> Rows:
    lstm, gru = (900.0, 120.0) if holds else (120.0, 900.0)

    def counted(cell: str, to: float) -> Callable[[int], dict[str, Any]]:
        return lambda r: training("counting", cell, r, 0.1, parameters={"longest": 100}, counts_to=to + 5 * r)

    return each(counted("lstm", lstm)) + each(counted("gru", gru))


SCENARIOS = {number: globals()[f"scenario_{number}"] for number in range(1, 13)}


def verdict(number: int, records: Rows) -> Verdict:
    """Of one claim. Depths are experiments of their own: an experiment confirms one configuration of a model."""
    depths = sorted({record["model"].get("num_layers", 1) for record in records}) or [1]
    results = [
        Results(f"depth {n}", tuple(copy.deepcopy([r for r in records if r["model"].get("num_layers", 1) == n])), {})
        for n in depths
    ]
    return next(found for found in claims(results) if found.claim.number == number)


def test_there_are_twelve_with_all_that_a_reader_needs() -> None:
    assert [claim.number for claim in CLAIMS] == list(range(1, 13))
    for claim in CLAIMS:
        assert claim.statement.endswith(".")
        assert claim.source
        assert claim.needs


@pytest.mark.parametrize("number", SCENARIOS)
def test_data_that_agree_support_it(number: int) -> None:
    found = verdict(number, SCENARIOS[number](True))
    assert found.state == "supported", found.sentence
    assert str(number) in found.sentence
    assert "nan" not in found.sentence


@pytest.mark.parametrize("number", SCENARIOS)
def test_flipped_data_refute_it(number: int) -> None:
    found = verdict(number, SCENARIOS[number](False))
    assert found.state == "refuted", found.sentence
    assert "nan" not in found.sentence


@pytest.mark.parametrize("number", [n for n in SCENARIOS if n not in (1, 2)])
def test_four_seeds_settle_nothing(number: int) -> None:
    few = [r for r in SCENARIOS[number](True) if (r["replicate"] or 0) <= 4]
    found = verdict(number, few)
    assert found.state == "not settled"
    assert "too few" in found.why


@pytest.mark.parametrize("number", [n for n in SCENARIOS if n not in (1, 2)])
def test_data_that_say_now_this_now_that_settle_nothing(number: int) -> None:
    """Odd seeds agree with the claim, even ones with its contrary."""
    both = zip(SCENARIOS[number](True), SCENARIOS[number](False), strict=True)
    mixed = [yes if (yes["replicate"] or 1) % 2 else no for yes, no in both]
    assert verdict(number, mixed).state == "not settled"


@pytest.mark.parametrize("number", SCENARIOS)
def test_without_data_nothing_is_settled_and_the_reason_is_given(number: int) -> None:
    found = verdict(number, [])
    assert found.state == "not settled"
    assert found.why
    assert all(part.why for part in found.parts)


def test_a_missing_gpu_and_a_missing_kernel_are_not_measured_here() -> None:
    found = verdict(2, [r for r in scenario_2(True) if r["kernel"] != "onednn"])
    states = {part.name.partition(", ")[2].partition(" (")[0]: part.state for part in found.parts}
    assert states["on cuDNN"] == "not measured here"
    assert states["as torch picks them on a CPU"] == "not measured here"
    assert found.state == "supported"
    assert combine([part for part in found.parts if "cuDNN" in part.name]) == "not measured here"


def test_on_a_cpu_with_the_fused_kernel_the_speed_claim_is_refuted_and_says_why() -> None:
    records = [
        timing(t, *p)
        for t in ("sine", "copy")
        for p in (("gru", "aten", 2e-3), ("lstm", "onednn", 1e-3), ("lstm", "aten", 3e-3))
    ]
    found = verdict(2, records)
    assert found.state == "refuted"
    assert "GRU aten, LSTM onednn" in found.why
    assert "oneDNN" in found.claim.note
    own = next(part for part in found.parts if "torch's own" in part.name)
    assert own.state == "supported"


def test_times_whose_spreads_overlap_settle_nothing() -> None:
    records = scenario_2(True)
    for record in records:
        for key in ("step_seconds", "forward_seconds", "latency_seconds"):
            record["timing"][f"{key}_iqr"] = 2 * record["timing"][key]
    assert verdict(2, records).state == "not settled"


@pytest.mark.parametrize("number", [2, 9])
def test_times_of_a_busy_machine_settle_nothing(number: int) -> None:
    records = SCENARIOS[number](True)
    timed = [record for record in records if record.get("timing")]
    for record in timed[: len(timed) // 2]:
        record["timing"]["has_warnings"] = True
    assert verdict(number, records).state == "supported"
    for record in timed:
        record["timing"]["has_warnings"] = True
    busy = verdict(number, records)
    assert busy.state == "not settled"
    assert f"the machine was not quiet in {len(timed)} of {len(timed)} timings" in busy.why or number == 2


def test_a_gradient_that_grows_by_lag_explodes_and_one_that_shrinks_does_not() -> None:
    for factor, state in ((1.2, "supported"), (0.8, "refuted")):
        records = each(lambda r, f=factor: probe("rnn", r, **{EXPANDING: f}))
        part = next(part for part in verdict(6, records).parts if "explodes" in part.name)
        assert part.state == state
        assert part.effect == pytest.approx(factor, rel=0.02)


def test_short_sequences_decide_nothing_about_long_ones() -> None:
    records = each(lambda r: training("copy", "gru", r, 0.9, parameters={"delay": 20}))
    records += each(lambda r: training("copy", "lstm", r, 0.1, parameters={"delay": 20}))
    found = verdict(5, records)
    assert found.state == "not settled"
    assert "the longest tried has 20 steps" in found.why


def test_where_there_is_no_gap_nothing_closes_it() -> None:
    found = each(lambda r: training("copy", "gru", r, 0.1)) + each(lambda r: training("copy", "lstm", r, 0.1))
    found += each(lambda r: training("copy", "lstm", r, 0.05, init="forget_bias"))
    assert verdict(7, found).state == "not settled"
    parts = [Part("gap", state="refuted"), Part("closed", state="supported"), Part("better", state="supported")]
    assert gap_closed(parts) == "not settled"


def test_where_a_larger_net_overfits_the_report_says_from_which_size() -> None:
    losses = {8: 0.4, 16: 0.2, 32: 0.1, 64: 0.3}
    found: Rows = []
    for hidden, loss in losses.items():
        found += each(lambda r, h=hidden, x=loss: training("regression", "gru", r, x, hidden=h, match=f"hidden {h}×1"))
    error = verdict(9, found).parts[0]
    assert "lowest at 32, overfits by 64" in error.why


def test_unequal_parameter_counts_are_not_compared_by_depth() -> None:
    found = each(lambda r: training("copy", "gru", r, 0.2, match="params 4000"))
    found += each(lambda r: training("copy", "gru", r, 0.1, match="params 4000", layers=2, hidden=20, total=5000))
    assert "no experiments with one and with two layers" in verdict(10, found).parts[0].why


def test_a_seed_that_failed_on_one_side_is_left_out_on_both() -> None:
    records = scenario_8(True)
    for record in records:
        if record["model"]["name"] == "rnn" and record["replicate"] > 5:
            record.update(status="diverged", test=None)
    assert verdict(8, records).parts[0].n == 5


def test_an_experiment_of_one_seed_does_not_take_the_seeds_of_the_others_away() -> None:
    short = [r for r in scenario_8(False) if r["replicate"] == 1]
    results = [Results("learnt", tuple(scenario_8(True)), {}), Results("timed", tuple(short), {})]
    found = next(v for v in claims(results) if v.claim.number == 8)
    assert found.state == "supported"
    assert found.parts[0].n == SEEDS


def test_the_control_task_is_no_evidence() -> None:
    records = [{**r, "task": {**r["task"], "name": "noise"}} for r in scenario_8(True)]
    assert verdict(8, records).state == "not settled"


def test_experiments_that_belong_together_are_read_together_and_never_paired_across() -> None:
    one, two = (
        Results(name, tuple(r for r in scenario_10(True) if r["model"]["num_layers"] == layers), {})
        for name, layers in (("a", 1), ("b", 2))
    )
    assert next(v for v in claims([one, two]) if v.claim.number == 10).state == "supported"
    gru, lstm = (
        Results(name, tuple(r for r in scenario_4(True) if r["model"]["name"] == name), {}) for name in ("gru", "lstm")
    )
    assert next(v for v in claims([gru, lstm]) if v.claim.number == 4).state == "not settled"


def test_all_parts_of_all_claims_are_one_family() -> None:
    """A difference that would do alone does not survive beside many others that were looked for."""
    rng = np.random.default_rng(3)
    base = each(lambda r: training("copy", "rnn", r, 0.1, match="params"), 6)
    weak = []
    for record in base:
        better = copy.deepcopy(record)
        better["model"] |= {"name": "gru", "label": "gru"}
        better["test"]["loss"] = record["test"]["loss"] * math.exp(rng.normal(-0.12, 0.07))
        weak.append(better)
    alone = verdict(8, [*base, *weak]).parts[0]
    assert alone.p < 0.05
    assert alone.state == "supported"
    others = [*scenario_3(True), *scenario_12(True)]
    noisy = copy.deepcopy(others)
    for record in noisy:
        record["steps_to_target"] = record["steps_to_target"] and float(rng.lognormal(6, 1))
        if "counts_to" in record["test"]:
            record["test"]["counts_to"] = float(rng.integers(50, 400))
    assert verdict(8, [*base, *weak, *noisy]).parts[0].state == "not settled"


def test_rows_of_text_for_a_report() -> None:
    found = rows(claims(Results("synthetic", tuple(scenario_1(True)), {})))
    assert len(found) == 12
    assert all(len(row) == len(columns) for row in found)
    assert found[0][2] == "supported"


def test_the_false_positives_of_all_claims_together() -> None:
    """Models that are all alike: hardly ever is any claim about learning settled (equivalence is true here)."""
    rng, settled = np.random.default_rng(0), 0
    template = [*scenario_3(True), *scenario_5(True), *scenario_8(True), *scenario_10(True), *scenario_12(True)]
    for _ in range(40):
        for record in template:
            record["test"] |= {"loss": float(rng.gamma(3, 0.1)), "skill": float(1 - rng.gamma(3, 0.1))}
            record["steps_to_target"] = float(rng.lognormal(6, 0.5))
            if "counts_to" in record["test"]:
                record["test"]["counts_to"] = float(200 * rng.lognormal(0, 0.5))
        found = claims(Results("synthetic", tuple(template), {}))
        settled += any(
            p.state in ("supported", "refuted") for v in found if v.claim.number in (3, 5, 8, 10, 12) for p in v.parts
        )
    assert settled <= 6  # 5 % of 40, and three standard deviations
