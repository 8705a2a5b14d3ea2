"""What several experiments answer, side by side on the page of `bench compare`."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.compare_answers import Answers
from bench.analysis.formatting import MISSING, listed
from bench.report.document import Row, Table, TableCell

WORDS = {
    "same": "the same",
    "no contradiction": "no contradiction",
    "contradiction": "a contradiction",
    "other models": "about other models",
}
IN_A_SENTENCE = {
    "same": "the same answer on {}",
    "no contradiction": "another that does not contradict it on {}",
    "contradiction": "one that contradicts it on {}",
    "other models": "nothing to compare on {}, where the answers are about different models",
}
NAMED = 6  # answers in a sentence; the table has all


def answers_sentence(answers: Sequence[Answers], place: int, names: Sequence[str]) -> str:
    """Whether the other experiment in this place answers as the first one does; empty where they share no task.

    names: of the first experiment and of this other one.
    """
    found = [(each, agreement) for each in answers if (agreement := each.agreements[place])]
    if not found:
        return ""
    counts = [words.format(n) for state, words in IN_A_SENTENCE.items() if (n := sum(s == state for _, s in found))]
    other = [
        f"{each.task}, {each.match}: “{first.answer}” in {names[0]}, “{second.answer}” in {names[1]}"
        for wanted in ("contradiction", "no contradiction")
        for each, agreement in found
        if agreement == wanted and (first := each.verdicts[0]) and (second := each.verdicts[place + 1])
    ]
    more = [f"{len(other) - NAMED} more in the table"] if len(other) > NAMED else []
    named = f" ({'; '.join([*other[:NAMED], *more])})" if other else ""
    rules = "task and rule of fairness" if len(found) == 1 else "tasks and rules of fairness"
    return f"What to use on {len(found)} {rules}: {listed(counts)}{named}."


def answers_table(answers: Sequence[Answers], names: Sequence[str]) -> Table:
    """A row a task and rule of fairness, a column an experiment."""
    rows = []
    for each in answers:
        agreements = ("", *(agreement or "" for agreement in each.agreements))
        cells = [
            TableCell(verdict.answer, WORDS.get(agreement, "")) if verdict else TableCell(MISSING)
            for verdict, agreement in zip(each.verdicts, agreements, strict=True)
        ]
        rows.append(Row([TableCell(each.task, each.match), *cells]))
    caption = (
        f"What to use, as each experiment's own page says, and whether that agrees with {names[0]}. Two answers do not "
        "contradict each other where both can be true, as “gru” and “gru or lstm”: one of them is the more certain."
    )
    return Table("Answers", ("Task", *names), rows, caption, texts=1 + len(names))
