"""Whether a second run answers as the first one does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType

import pytest

from bench.analysis.compare_answers import Agreement, agreement, answers_of
from bench.analysis.results import Results
from bench.analysis.verdict import Need, Verdict

Build = Callable[..., Results]


def verdict(need: str, ranking: Sequence[str], beaten: Sequence[str] = (), winner: str | None = None) -> Verdict:
    losses = tuple((name, 0.1 * place) for place, name in enumerate(ranking, 1))
    return Verdict(
        match="tuned",
        task="sine",
        state="settled" if winner else "not settled",
        ranking=losses,
        winner=winner,
        beaten=tuple(beaten),
        need=Need(state=need),  # type: ignore[arg-type]
    )


GRU = verdict("yes", ("gru", "lstm", "rnn"), ("lstm", "rnn"), "gru")
LSTM = verdict("yes", ("lstm", "gru", "rnn"), ("gru", "rnn"), "lstm")
EITHER = verdict("yes", ("lstm", "gru", "rnn"), ("rnn",))
NO_NET = verdict("no", ("gru", "lstm", "rnn"), ("lstm", "rnn"), "gru")
NO_NET_LSTM = verdict("no", ("lstm", "gru", "rnn"), ("gru", "rnn"), "lstm")
OPEN = verdict("can't tell yet", ("lstm", "gru", "rnn"), ("rnn",))
TWO_CELLS = verdict("yes", ("gru", "lstm"), ("lstm",), "gru")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (GRU, GRU, "same"),
        (NO_NET, NO_NET_LSTM, "same"),  # what to use is the same, whichever net leads
        (GRU, EITHER, "no contradiction"),
        (OPEN, EITHER, "no contradiction"),
        (OPEN, NO_NET, "no contradiction"),
        (GRU, LSTM, "contradiction"),
        (GRU, NO_NET, "contradiction"),
        (GRU, TWO_CELLS, "other models"),
    ],
)
def test_answers_agree_where_both_can_be_true(first: Verdict, second: Verdict, expected: Agreement) -> None:
    assert agreement(first, second) == expected
    assert agreement(second, first) == expected


def test_every_task_that_two_experiments_share_has_a_row(synthetic: ModuleType, results_of: Build) -> None:
    both = results_of(synthetic.experiment(("sine", "copy"), seeds=5, trials=1, matches=("tuned", "params")))
    part = results_of(synthetic.experiment(("copy", "regression"), seeds=5, trials=1))
    found = answers_of([both, part, both])
    assert [(each.match, each.task) for each in found] == [
        ("tuned", "sine"),
        ("tuned", "copy"),
        ("params", "sine"),
        ("params", "copy"),
    ]
    assert [each.agreements for each in found] == [(None, "same"), ("same", "same"), (None, "same"), (None, "same")]
    assert answers_of([part, both])[0].task == "copy"
