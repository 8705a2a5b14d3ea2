from collections.abc import Callable
from types import ModuleType

from bench.analysis.formatting import memory
from bench.analysis.notebook import styled
from bench.analysis.results import Results


def test_the_leaderboard_is_a_styled_table(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    results = results_of(synthetic.experiment(("sine",), ("gru", "<b>"), seeds=3, trials=1))
    html = styled(results.summary, "mine & yours").to_html()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "mine &amp; yours" in html
    assert "2.90 ms" in html
    assert "test loss" in html
    assert "nan" not in html.lower()
    assert results._repr_html_() == results._repr_html_()
    skills = styled(results.summary).data["skill"].tolist()
    assert skills == sorted(skills, reverse=True)


def test_the_lowest_loss_stands_first_on_the_screen(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    losses = {"gru": [0.4] * 3, "lstm": [0.1] * 3, "rnn": [0.2] * 3}
    results = results_of(synthetic.with_losses(losses, "sine") + synthetic.with_losses(losses, "copy"))
    models = [line.split()[1] for line in repr(results).splitlines() if line.split()[:1] == ["sine"]]
    assert [model for model in models if model in losses] == ["lstm", "rnn", "gru"]


def test_memory_in_the_unit_that_fits() -> None:
    assert (memory(300 * 2**20), memory(3 * 2**30), memory(None)) == ("300 MiB", "3.00 GiB", "–")
