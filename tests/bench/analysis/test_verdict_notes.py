"""What a verdict says besides who wins: solved replicates, what is smaller or faster, what an interval leaves out."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from bench.analysis import stats
from bench.analysis.results import Results
from bench.analysis.verdict import Verdict

Build = Callable[..., Results]
LOW, HIGH = [0.1, 0.11, 0.09, 0.1, 0.105, 0.1, 0.098], [0.3, 0.31, 0.32, 0.29, 0.3, 0.3, 0.31]


def only(results: Results) -> Verdict:
    (verdict,) = results.verdicts
    return verdict


def test_solved_replicates_are_counted_for_each_model(synthetic: ModuleType, results_of: Build) -> None:
    records = [synthetic.training("copy", "gru", i, quality=0.01) for i in range(1, 6)]
    records += [synthetic.training("copy", "lstm", i, quality=0.01 if i == 1 else 0.8) for i in range(1, 6)]
    assert "gru reached the target in 5 of 5 replicates, lstm in 1." in only(results_of(records)).notes
    none = [synthetic.training("copy", m, i, quality=0.9) for m in ("gru", "lstm") for i in range(1, 8)]
    assert "Neither reached the target in any of 7 replicates." in only(results_of(none)).notes


def test_what_is_as_good_and_smaller_or_faster_is_named(synthetic: ModuleType, results_of: Build) -> None:
    records = synthetic.with_losses({"lstm": [x * 1.01 for x in HIGH], "rnn": HIGH[::-1], "gru": LOW})
    records += [synthetic.timing("sine", model) for model in ("lstm", "rnn", "gru")]
    tied = [record for record in records if record["model"]["name"] != "gru"]
    verdict = only(results_of(tied))
    assert verdict.leader == "rnn"  # the smaller and faster one already
    assert not any("not clearly worse" in note for note in verdict.notes)
    other = synthetic.with_losses({"lstm": HIGH[::-1], "rnn": [x * 1.01 for x in HIGH]})
    slower = only(results_of([*other, *(synthetic.timing("sine", model) for model in ("lstm", "rnn"))]))
    assert slower.leader == "lstm"
    gains = "smaller (1,153 against 4,513 parameters) and faster (900 µs against 1.60 ms a step)"
    assert f"rnn is not clearly worse, and {gains}." in slower.notes
    won = only(results_of([r for r in records if r["model"]["name"] != "rnn"]))
    assert won.winner == "gru"
    assert not any("smaller" in note for note in won.notes)  # the loser is far behind


def test_another_implementation_of_the_winner_that_is_faster_is_named(synthetic: ModuleType, results_of: Build) -> None:
    records = synthetic.with_losses({"gru": LOW, "numpy_gru": LOW, "lstm": HIGH})
    records += [synthetic.timing("sine", model) for model in ("gru", "numpy_gru", "lstm")]
    assert "numpy_gru is the same cell, and faster (2.10 ms against 2.90 ms a step)." in only(results_of(records)).notes


def test_the_cost_has_every_kernel_and_the_time_to_the_target(synthetic: ModuleType, results_of: Build) -> None:
    records = synthetic.with_losses({"gru": LOW, "lstm": HIGH})
    for record in records:
        record["steps_to_target"] = 100.0 if record["model"]["name"] == "gru" else None
    slow = synthetic.timing("sine", "lstm", kernel="aten")
    slow["timing"]["step_seconds"] = 4e-3
    records += [synthetic.timing("sine", "gru"), synthetic.timing("sine", "lstm"), slow]
    (cost,) = [note for note in only(results_of(records)).notes if note.startswith("Cost: ")]
    assert cost == (
        "Cost: gru 3,393 parameters, 2.90 ms a step (aten kernel) and 290 ms to the target; lstm 4,513 parameters and "
        "1.60 ms a step (onednn kernel; 4.00 ms with aten)."
    )


def test_one_search_for_all_says_what_the_interval_leaves_out(synthetic: ModuleType, results_of: Build) -> None:
    once, each = (results_of(synthetic.experiment(("sine",), seeds=5, trials=6, protocol=p)) for p in (1, 2))
    assert (once.protocol, each.protocol) == (1, 2)
    said = "one search of 6 trials chose; the interval does not cover the search"
    assert any(said in note for note in only(once).notes)
    pruned = [record for record in once.records if record["stage"] != "search"]
    for model in ("gru", "lstm"):  # 6 trials in 9 trainings
        pruned += [record | {"stage": "search"} for record in synthetic.pruned("sine", model, 0)]
    assert any(said in note for note in only(results_of(pruned)).notes)
    assert not any("cover the search" in note for note in only(each).notes)


def test_where_mean_skill_contradicts_the_winner_a_note_says_so(synthetic: ModuleType, results_of: Build) -> None:
    """Where nothing is settled no order is claimed, and another order of the means is noise."""
    said = "by mean skill lstm leads ("
    open_still = only(results_of(synthetic.with_losses({"gru": [*[0.01] * 6, 0.9], "lstm": [0.1] * 7})))
    assert (open_still.leader, open_still.winner) == ("gru", None)
    assert said not in open_still.sentence.lower()
    settled = only(results_of(synthetic.with_losses({"gru": [*[1e-4] * 29, 0.9], "lstm": [0.02] * 30})))
    assert settled.winner == "gru"
    assert f"{said}0.980 against 0.970)" in settled.sentence.lower()


def test_a_skewed_lead_is_tested_with_its_skewness(synthetic: ModuleType, results_of: Build) -> None:
    losses = {"gru": [0.05, 0.052, 0.049, 0.051, 0.05, 0.2, 0.051], "lstm": [0.1] * 7}
    results = results_of(synthetic.with_losses(losses))
    (pair,) = results.conclusions.pairs
    assert pair.skewed
    assert pair.p == max(stats.paired_difference(pair.differences, 0.0).p, stats.skew_adjusted(pair.differences).p)
    assert any("usually better than lstm and rarely much worse" in note for note in only(results).notes)
