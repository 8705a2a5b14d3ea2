import pytest

from bench.config.matching import Matching, matchings
from bench.config.resolve import resolve
from tasks.errors import UserError

SIZES, LAYERS = (64, 16, 32), (2, 1)


def test_tuned_leaves_all_open_and_the_others_fix_the_middle_size_and_the_first_depth() -> None:
    found = matchings(("tuned", "hidden", "params"), SIZES, LAYERS, ())
    assert found == [
        Matching("tuned", "tuned", SIZES, LAYERS),
        Matching("hidden", "hidden", (32,), (2,)),
        Matching("params", "params", (32,), (2,)),
    ]


def test_each_size_and_depth_is_a_comparison_of_its_own() -> None:
    found = matchings(("each",), (20, 50), (1, 2), ())
    assert [m.label for m in found] == ["hidden 20×1", "hidden 50×1", "hidden 20×2", "hidden 50×2"]
    assert [(m.hidden_sizes, m.layers) for m in found] == [((20,), (1,)), ((50,), (1,)), ((20,), (2,)), ((50,), (2,))]


def test_every_parameter_budget_is_a_comparison_of_its_own() -> None:
    found = matchings(("params",), (20,), (1,), (1000, 10_000))
    assert [(m.label, m.parameters) for m in found] == [("params 1000", 1000), ("params 10000", 10_000)]


def test_equal_amounts_start_from_the_middle_size() -> None:
    found = matchings(("flops", "state", "time"), SIZES, LAYERS, ())
    assert found == [Matching(kind, kind, (32,), (2,)) for kind in ("flops", "state", "time")]


def test_a_tolerance_needs_a_comparison_at_equal_amounts() -> None:
    with pytest.raises(UserError, match="--match-tolerance belongs to --match params"):
        resolve({"models": "gru", "match_tolerance": 0.1})
    assert resolve({"models": "gru", "match": "params"}).tolerances["params"] == 0.05
    assert resolve({"models": "gru", "match": "time"}).tolerances["time"] == 0.1
    assert resolve({"models": "gru", "match": "time", "match_tolerance": 0.2}).tolerances["time"] == 0.2


def test_an_experiment_has_its_comparisons_in_the_order_asked() -> None:
    experiment = resolve({"models": "gru", "match": "params,each", "hidden_sizes": "4,8", "layers": "1"})
    assert [m.label for m in experiment.matchings] == ["params", "hidden 4×1", "hidden 8×1"]
