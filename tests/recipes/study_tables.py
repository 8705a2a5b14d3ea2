"""The tables of the reference study's pages, from its published folders. `write_findings.py` puts them there."""

from __future__ import annotations

import math
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))
from page import table

from bench.analysis.formatting import MISSING, is_missing, number
from bench.analysis.results import Results

if TYPE_CHECKING:
    import pandas as pd

    from bench.analysis.verdict import Verdict

SKILLED = ["test_loss", "skill_low"]
SCHEMES = ("orthogonal", "forget_bias", "chrono")


def tasks_table(results: Results) -> str:
    """A row a task: the answer, the best net beside the best predictor without one, and which cells are told apart."""
    cells = ("GRU or LSTM", "GRU's loss ÷ LSTM's", "plain RNN", "RNN's loss ÷ GRU's")
    header = ["task", "answer", "best net, its loss", "best without a net", *cells]
    verdicts = {verdict.task: verdict for verdict in results.verdicts if verdict.match == "tuned"}
    return table(header, [_row(results, verdicts[task]) for task in sorted(verdicts, key=_natural)])


def counts_table(results: Results) -> str:
    """On how many tasks each statement is true."""
    rules = list(dict.fromkeys(verdict.match for verdict in results.verdicts))
    verdicts = {(verdict.task, verdict.match): verdict for verdict in results.verdicts}
    tasks = list(dict.fromkeys(verdict.task for verdict in results.verdicts))
    rows = []
    for said, is_true in STATEMENTS.items():
        true = {rule: {task for task in tasks if is_true(verdicts[task, rule])} for rule in rules}
        columns = [*true.values(), set.union(*true.values()), set.intersection(*true.values())]
        rows.append([said, *map(len, columns)])
    return table([f"of {len(tasks)} tasks", *(f"`{rule}`" for rule in rules), "under any rule", "under all"], rows)


def _beats(verdict: Verdict, cell: str, other: str) -> bool:
    """Whether the first cell has the clearly lower loss."""
    return _leader(verdict, cell, other) == cell


def _leader(verdict: Verdict, *cells: str) -> str | None:
    """Of two cells the one with the clearly lower loss; None where neither has it."""
    if frozenset(cells) not in verdict.different:
        return None
    return next(name for name, _ in verdict.ranking if name in cells)


def _rnn(verdict: Verdict) -> tuple[str, str]:
    """The gated cells that the plain RNN is clearly ahead of, and those that it is clearly behind, in words."""
    ahead = [cell for cell in ("gru", "lstm") if _beats(verdict, "rnn", cell)]
    behind = [cell for cell in ("gru", "lstm") if _beats(verdict, cell, "rnn")]
    return "+".join(ahead), "+".join(behind)


STATEMENTS: dict[str, Callable[[Verdict], bool]] = {
    "a net is needed": lambda verdict: verdict.need.state == "yes",
    "no net is needed": lambda verdict: verdict.need.state == "no",
    "whether a net is needed is undecided": lambda verdict: verdict.need.state == "can't tell yet",
    "the GRU is clearly ahead of the LSTM": lambda verdict: _beats(verdict, "gru", "lstm"),
    "the LSTM is clearly ahead of the GRU": lambda verdict: _beats(verdict, "lstm", "gru"),
    "no clear difference between GRU and LSTM": lambda verdict: frozenset(("gru", "lstm")) not in verdict.different,
    "the RNN is clearly behind both": lambda verdict: _rnn(verdict) == ("", "gru+lstm"),
    "the RNN is clearly behind the GRU alone": lambda verdict: _rnn(verdict) == ("", "gru"),
    "the RNN is clearly behind the LSTM alone": lambda verdict: _rnn(verdict) == ("", "lstm"),
    "the RNN is clearly ahead of both": lambda verdict: _rnn(verdict) == ("gru+lstm", ""),
    "the RNN is clearly ahead of the GRU alone": lambda verdict: _rnn(verdict) == ("gru", ""),
    "the RNN is clearly ahead of the LSTM alone": lambda verdict: _rnn(verdict) == ("lstm", ""),
    "no clear difference between the RNN and either": lambda verdict: _rnn(verdict) == ("", ""),
    "nothing is clearly ahead of the GRU": lambda verdict: not any(_beats(verdict, x, "gru") for x in ("lstm", "rnn")),
    "nothing is clearly ahead of the LSTM": lambda verdict: not any(_beats(verdict, x, "lstm") for x in ("gru", "rnn")),
    "nothing is clearly ahead of the RNN": lambda verdict: not _rnn(verdict)[1],
}


def steps_table(results: Results) -> str:
    """How long a training step takes."""
    return _beside_gru_in_time(results.summary, "hidden", "a step, 32 units (`hidden`)")


def targets_table(results: Results) -> str:
    """How long a training takes until it reaches the target: its median steps times the time of one."""
    rows = results.summary
    seconds = rows["step_seconds"] * rows["steps_to_target_median"]
    return _beside_gru_in_time(rows.assign(step_seconds=seconds), "tuned", "to the target (`tuned`)")


def _beside_gru_in_time(summary: pd.DataFrame, match: str, what: str) -> str:
    """A row a model: its `step_seconds` ÷ the GRU's on the same task (median, lowest, highest), and on how many tasks
    it is shorter than the GRU's. Tasks without both times do not count."""
    of_models = summary[(summary["match"] == match) & (summary["kind"] == "model")]
    seconds = of_models.pivot(index="task", columns="model", values="step_seconds").dropna(subset="gru")
    rows = []
    for model in dict.fromkeys(of_models["model"]):
        ratios = (seconds[model] / seconds["gru"]).dropna()
        spread = (
            f"{number(ratios.median())} ({number(ratios.min())} to {number(ratios.max())})" if len(ratios) else MISSING
        )
        shortest = (seconds.idxmin(axis=1) == model).sum()
        beside = ["1", MISSING] if model == "gru" else [spread, f"{(ratios < 1).sum()} of {len(ratios)}"]
        rows.append([model, *beside, f"{shortest} of {len(seconds)}"])
    return table(["model", f"{what}, as a multiple of the GRU's", "shorter than it", "the shortest of all"], rows)


def lengths_table(results: Results) -> str:
    """A row a task that grows with a length: what each cell ends at beside the naive loss; bold where its skill's
    interval is above 0."""
    rows = results.summary[results.summary["match"].isna() | (results.summary["match"] == "tuned")]
    cells = [name for name in results.models if name in set(rows["model"])]
    lines = []
    for task in sorted((task for task in results.tasks if task.partition("[")[0] in ("copy", "adding")), key=_natural):
        own = rows[rows["task"] == task].set_index("model")
        floor = own[own["kind"] == "floor"].iloc[0]
        shown = [f"**{number(loss)}**" if low > 0 else number(loss) for loss, low in own.loc[cells, SKILLED].to_numpy()]
        lines.append([f"`{task}`", f"{floor.name} {number(floor['test_loss'])}", *shown])
    return table(["task", "naive", *cells], lines)


def equal_parameters_table(results: Results) -> str:
    """A row a task: the losses of the gated cells as multiples of the plain RNN's, at equal parameters."""
    gated = ("gru", "lstm")
    ratios = {task: [_ratio(results, "params", task, cell, "rnn") for cell in gated] for task in results.tasks}
    return table(
        ["task", *(f"{cell} ÷ rnn" for cell in gated)],
        [[f"`{task}`", *ratios[task]] for task in sorted(ratios, key=_natural)],
    )


def schemes_table(results: Results) -> str:
    """A row a task and cell: the loss from PyTorch's initial weights, and what it is times from others."""
    cells = [model for model in results.models if "[" not in model]
    header = ["task", "cell", "loss from PyTorch's weights", *(f"{scheme} ÷ that" for scheme in SCHEMES)]
    rows = [
        [f"`{task}`", cell, number(_loss(results, task, cell))]
        + [_ratio(results, "tuned", task, f"{cell}[init={scheme}]", cell) for scheme in SCHEMES]
        for task in sorted(results.tasks, key=_natural)
        for cell in cells
    ]
    return table(header, rows)


def contenders_table(results: Results) -> str:
    """A row a model, those with the lowest losses first: on each task its loss as a multiple of the GRU's."""
    tasks = sorted(results.tasks, key=_natural)
    losses = {model: [_loss(results, task, model) for task in tasks] for model in results.models}
    ranked = sorted(losses, key=lambda model: statistics.fmean(map(math.log, losses[model])))
    header = ["model", *(f"`{task}`" for task in tasks)]
    return table(header, [[model, *(_beside_gru(results, task, model) for task in tasks)] for model in ranked])


def _beside_gru(results: Results, task: str, model: str) -> str:
    if model == "gru":
        return f"its loss: {number(_loss(results, task, model))}"
    (match,) = {verdict.match for verdict in results.verdicts}  # "params 10400"
    return _ratio(results, match, task, model, "gru")


def _natural(task: str) -> list[tuple[int, str]]:
    """A sort key that puts `copy[delay=20]` before `copy[delay=100]`."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", task)]


def _row(results: Results, verdict: Verdict) -> list[Any]:
    net, loss = verdict.ranking[0] if verdict.ranking else ("", None)
    without = verdict.need.reference
    return [
        f"`{verdict.task}`",
        verdict.answer,
        f"{net} {number(loss)}",
        MISSING if without is None else f"{without.name} {number(_loss(results, verdict.task, without.name))}",
        gru_or_lstm(results, verdict.task),
        _ratio(results, "tuned", verdict.task, "gru", "lstm"),
        plain_rnn(results, verdict.task),
        _ratio(results, "tuned", verdict.task, "rnn", "gru"),
    ]


def gru_or_lstm(results: Results, task: str) -> str:
    """Which of the two has the clearly lower loss, and under which rules."""
    ahead = _ahead(results, task, "gru", "lstm")
    return "; ".join(f"{cell} ({_rules(results, rules)})" for cell, rules in ahead.items()) or MISSING


def plain_rnn(results: Results, task: str) -> str:
    """Which of the others the plain RNN is clearly ahead of or behind, and under which rules."""
    said: dict[tuple[str, str], list[str]] = {}  # (ahead of or behind, rules): which cells
    for cell in ("gru", "lstm"):
        for leader, rules in _ahead(results, task, "rnn", cell).items():
            said.setdefault(("ahead of" if leader == "rnn" else "behind", _rules(results, rules)), []).append(cell)
    named = [f"{where} {' and '.join(cells)} ({rules})" for (where, rules), cells in said.items()]
    return "; ".join(named).replace("gru and lstm", "both") or MISSING


def _ahead(results: Results, task: str, *cells: str) -> dict[str, list[str]]:
    """Of two cells the one with the clearly lower loss, and the rules under which it is."""
    found: dict[str, list[str]] = {}
    for verdict in results.verdicts:
        if verdict.task == task and (leader := _leader(verdict, *cells)):
            found.setdefault(leader, []).append(verdict.match)
    return found


def _rules(results: Results, rules: list[str]) -> str:
    return "all rules" if len(rules) == len({verdict.match for verdict in results.verdicts}) > 1 else ", ".join(rules)


def _loss(results: Results, task: str, model: str) -> float:
    rows = results.summary
    return float(rows[(rows["task"] == task) & (rows["model"] == model)]["test_loss"].iloc[0])


def _ratio(results: Results, match: str, task: str, first: str, second: str) -> str:
    """The loss of `first` ÷ that of `second` with its interval; in bold where the page tells the two apart."""
    pairs = results.conclusions.pair_table
    pairs = pairs[(pairs["match"] == match) & (pairs["task"] == task)].set_index(["first", "second"])
    turned = (first, second) not in pairs.index
    names = (second, first) if turned else (first, second)
    if names not in pairs.index:
        return MISSING
    row = pairs.loc[names]
    value, *ends = (row[name] for name in ("loss_ratio", "loss_ratio_low", "loss_ratio_high"))
    if is_missing(value):
        return MISSING
    value, *ends = (1 / value, *(1 / end for end in reversed(ends))) if turned else (value, *ends)
    shown = f"{number(value)} ({number(ends[0])} to {number(ends[1])})"
    apart = next(verdict.different for verdict in results.verdicts if (verdict.match, verdict.task) == (match, task))
    return f"**{shown}**" if frozenset((first, second)) in apart else shown
