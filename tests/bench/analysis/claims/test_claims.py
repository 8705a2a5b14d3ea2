"""No claim reads better than its data: flipped data flip the judgement, few data settle nothing, no GPU is said so."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

from bench.analysis.claims import CLAIMS, claims
from bench.analysis.claims.learning import gap_closed
from bench.analysis.claims.part import Part, combine
from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.measure.gradient_flow import EXPANDING
from bench.report.document import Document, Section, Table
from bench.report.latex import latex
from bench.report.markdown import markdown
from bench.report.page import page
from bench.report.sections.claims import claims_section

from .scenarios import (
    REPLICATES,
    SCENARIOS,
    Rows,
    each,
    in_turn,
    judge,
    probe,
    scenario_2,
    scenario_3,
    scenario_4,
    scenario_5,
    scenario_8,
    scenario_10,
    scenario_12,
    timing,
    training,
)


def test_there_are_twelve_with_all_that_a_reader_needs() -> None:
    assert [claim.number for claim in CLAIMS] == list(range(1, 13))
    for claim in CLAIMS:
        assert claim.statement.endswith(".")
        assert claim.source
        assert claim.needs


@pytest.mark.parametrize("number", SCENARIOS)
def test_data_that_agree_support_it(number: int) -> None:
    found = judge(number, SCENARIOS[number](True))
    assert found.state == "supported", found.sentence
    assert str(number) in found.sentence
    assert "nan" not in found.sentence


@pytest.mark.parametrize("number", SCENARIOS)
def test_flipped_data_refute_it(number: int) -> None:
    found = judge(number, SCENARIOS[number](False))
    assert found.state == "refuted", found.sentence
    assert "nan" not in found.sentence


@pytest.mark.parametrize("number", [n for n in SCENARIOS if n not in (1, 2)])
def test_four_replicates_settle_nothing(number: int) -> None:
    few = [r for r in SCENARIOS[number](True) if (r["replicate"] or 0) <= 4]
    found = judge(number, few)
    assert found.state == "not_settled"
    assert "too few" in found.why


@pytest.mark.parametrize("number", [n for n in SCENARIOS if n not in (1, 2)])
def test_data_that_say_now_this_now_that_settle_nothing(number: int) -> None:
    """Odd seeds agree with the claim, even ones with its contrary."""
    both = zip(SCENARIOS[number](True), SCENARIOS[number](False), strict=True)
    mixed = [yes if (yes["replicate"] or 1) % 2 else no for yes, no in both]
    assert judge(number, mixed).state == "not_settled"


@pytest.mark.parametrize("number", SCENARIOS)
def test_without_data_a_claim_is_not_tested_and_says_what_would_test_it(number: int) -> None:
    found = judge(number, [])
    assert found.state == "not_tested"
    assert found.why.startswith(f"python -m bench run --recipe {found.claim.recipe} ")
    assert found.claim.needs in found.why
    assert all(part.why for part in found.parts)


def test_a_missing_gpu_and_a_missing_kernel_are_not_measured_here() -> None:
    found = judge(2, [r for r in scenario_2(True) if r["kernel"] != "onednn"])
    states = {part.name.partition(", ")[2].partition(" (")[0]: part.state for part in found.parts}
    assert states["on cuDNN"] == "not_measured_here"
    assert states["as torch picks them on a CPU"] == "not_measured_here"
    assert found.state == "supported"
    assert combine([part for part in found.parts if "cuDNN" in part.name]) == "not_measured_here"


def test_on_a_cpu_with_the_fused_kernel_the_speed_claim_is_refuted_and_says_why() -> None:
    sides = (("gru", "aten", 2e-3), ("lstm", "onednn", 1e-3), ("lstm", "aten", 3e-3))
    found = judge(2, in_turn([timing(task, *side) for task in ("sine", "copy") for side in sides]))
    assert found.state == "refuted"
    assert "GRU aten, LSTM onednn" in found.why
    assert "oneDNN" in found.claim.note
    own = next(part for part in found.parts if "torch's own" in part.name)
    assert own.state == "supported"


def test_where_several_parts_decide_one_sentence_says_how_many_and_the_page_folds_them() -> None:
    sides = (("gru", "aten", 2e-3), ("lstm", "onednn", 1e-3), ("lstm", "aten", 3e-3))
    records = in_turn([timing(task, *side) for task in ("sine", "copy") for side in sides])
    found = judge(2, records)
    refuting = [part for part in found.parts if part.state == "refuted"]
    assert len(refuting) > 1
    effects = sorted(part.effect for part in refuting)
    assert found.summary.startswith(f"{len(refuting)} of {len(found.parts)} parts refute it (GRU takes ")
    assert number(effects[0]) in found.summary
    assert "3 support it" in found.summary
    assert "cannot be measured here" in found.summary
    results = Results("timed", tuple(records), {})
    table = next(block for block in claims_section(results).blocks if isinstance(block, Table))
    (cell,) = [cell for row in table.rows for cell in row.cells if cell.details]
    assert list(cell.details) == [f"{part.sentence}." for part in refuting]
    assert len(cell.text) < 200
    report = Document("timed", "complete", True, [], [Section("claims", "Claims", [table])])
    html, text, tex = page(report), markdown(report), latex(report)
    assert f"<summary>{len(refuting)} parts</summary>" in html
    assert text.count("\n  - ") == len(refuting)
    assert max(map(len, text.splitlines())) < 800
    assert tex.count(r"\item") == len(refuting)


def test_one_deciding_part_stands_in_the_cell_itself() -> None:
    found = judge(1, SCENARIOS[1](True))
    assert found.summary == found.why


def test_a_part_without_data_is_counted() -> None:
    found = judge(4, [record for record in SCENARIOS[4](True) if record["match"] == "hidden"])
    assert found.state == "not_settled"
    assert found.summary.startswith("1 of 2 parts supports it (GRU's test loss is ")
    assert found.summary.endswith(" times LSTM's) and 1 has no data")


def test_times_whose_spreads_overlap_settle_nothing() -> None:
    records = scenario_2(True)
    for record in records:
        for key in ("step_seconds", "forward_seconds", "latency_seconds"):
            record["timing"][f"{key}_iqr"] = 2 * record["timing"][key]
    assert judge(2, records).state == "not_settled"


@pytest.mark.parametrize("number", [2, 9])
def test_times_of_a_busy_machine_settle_nothing(number: int) -> None:
    records = SCENARIOS[number](True)
    timed = [record for record in records if record.get("timing")]
    for record in timed[: len(timed) // 2]:
        record["timing"]["has_warnings"] = True
    assert judge(number, records).state == "supported"
    for record in timed:
        record["timing"]["has_warnings"] = True
    busy = judge(number, records)
    assert busy.state == "not_settled"
    assert f"the machine was not quiet in {len(timed)} of {len(timed)} timings" in busy.why or number == 2


def test_a_gradient_that_grows_by_lag_explodes_and_one_that_shrinks_does_not() -> None:
    for factor, state in ((1.2, "supported"), (0.8, "refuted")):
        records = each(lambda r, f=factor: probe("rnn", r, **{EXPANDING: f}))
        part = next(part for part in judge(6, records).parts if "explodes" in part.name)
        assert part.state == state
        assert part.effect == pytest.approx(factor, rel=0.02)


def test_short_sequences_decide_nothing_about_long_ones() -> None:
    records = each(lambda r: training("copy", "gru", r, 0.9, parameters={"delay": 20}))
    records += each(lambda r: training("copy", "lstm", r, 0.1, parameters={"delay": 20}))
    found = judge(5, records)
    assert found.state == "not_tested"
    assert "the longest tried has 20 steps" in found.parts[0].why


def test_where_there_is_no_gap_nothing_closes_it() -> None:
    found = each(lambda r: training("copy", "gru", r, 0.1)) + each(lambda r: training("copy", "lstm", r, 0.1))
    found += each(lambda r: training("copy", "lstm", r, 0.05, init="forget_bias"))
    assert judge(7, found).state == "not_settled"
    parts = [Part("gap", state="refuted"), Part("closed", state="supported"), Part("better", state="supported")]
    assert gap_closed(parts) == "not_settled"
    assert gap_closed([Part("gap", state="not_tested"), *parts[1:]]) == "not_tested"


def test_where_a_larger_net_overfits_the_report_says_from_which_size() -> None:
    losses = {8: 0.4, 16: 0.2, 32: 0.1, 64: 0.3}
    found: Rows = []
    for hidden, loss in losses.items():
        found += each(lambda r, h=hidden, x=loss: training("regression", "gru", r, x, hidden=h, match=f"hidden {h}×1"))
    error = judge(9, found).parts[0]
    assert "lowest at 32, worse again by 64" in error.why


def test_unequal_parameter_counts_are_not_compared_by_depth() -> None:
    found = each(lambda r: training("copy", "gru", r, 0.2, match="params 4000"))
    found += each(lambda r: training("copy", "gru", r, 0.1, match="params 4000", layers=2, hidden=20, total=5000))
    assert "no experiments with one and with two layers" in judge(10, found).parts[0].why


def test_an_experiment_of_one_seed_does_not_take_the_seeds_of_the_others_away() -> None:
    short = [r for r in scenario_8(False) if r["replicate"] == 1]
    results = [Results("learnt", tuple(scenario_8(True)), {}), Results("timed", tuple(short), {})]
    found = next(v for v in claims(results) if v.claim.number == 8)
    assert found.state == "supported"
    assert found.parts[0].n == REPLICATES


def test_the_control_task_is_no_evidence() -> None:
    records = [{**r, "task": {**r["task"], "name": "noise"}} for r in scenario_8(True)]
    assert judge(8, records).state == "not_tested"


def test_experiments_that_belong_together_are_read_together_and_never_paired_across() -> None:
    one, two = (
        Results(name, tuple(r for r in scenario_10(True) if r["model"]["num_layers"] == layers), {})
        for name, layers in (("a", 1), ("b", 2))
    )
    assert next(v for v in claims([one, two]) if v.claim.number == 10).state == "supported"
    gru, lstm = (
        Results(name, tuple(r for r in scenario_4(True) if r["model"]["name"] == name), {}) for name in ("gru", "lstm")
    )
    assert next(v for v in claims([gru, lstm]) if v.claim.number == 4).state == "not_tested"


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
    alone = judge(8, [*base, *weak]).parts[0]
    assert alone.p < 0.05
    assert alone.state == "supported"
    others = [*scenario_3(True), *scenario_12(True)]
    noisy = copy.deepcopy(others)
    for record in noisy:
        record["steps_to_target"] = record["steps_to_target"] and float(rng.lognormal(6, 1))
        if "counts_to" in (record["test"] or {}):
            record["test"]["counts_to"] = float(rng.integers(50, 400))
    assert judge(8, [*base, *weak, *noisy]).parts[0].state == "not_settled"


def test_the_false_positives_of_all_claims_together() -> None:
    """Models that are all alike: hardly ever is any claim about learning settled (equivalence is true here)."""
    rng, settled = np.random.default_rng(0), 0
    template = [*scenario_3(True), *scenario_5(True), *scenario_8(True), *scenario_10(True), *scenario_12(True)]
    for _ in range(40):
        for record in (r for r in template if r["test"]):
            record["test"] |= {"loss": float(rng.gamma(3, 0.1)), "skill": float(rng.normal(0.5, 0.1))}
            record["steps_to_target"] = float(rng.lognormal(6, 0.5))
            if "counts_to" in record["test"]:
                record["test"]["counts_to"] = float(200 * rng.lognormal(0, 0.2))
        found = claims(Results("synthetic", tuple(template), {}))
        settled += any(
            p.state in ("supported", "refuted") for v in found if v.claim.number in (3, 5, 8, 10, 12) for p in v.parts
        )
    assert settled <= 6  # 5 % of 40, and three standard deviations
