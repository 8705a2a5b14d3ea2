"""How often a training is evaluated on validation data."""

from __future__ import annotations

EVALUATIONS = 50  # of a training at most, besides step 0: one every 2 % of its steps


FEWEST_EVALUATIONS = 9  # so that --prune, which looks at a ninth and a third of the steps, finds some there


# How much of a training's time its evaluations may take: of one that results are made of, and of a trial of the search
# for all replicates, which is asked for its lowest validation loss alone.
RESULT_SHARE, SEARCH_SHARE = 0.03, 0.015


EVALUATED = 0.25  # what a sequence takes to evaluate, against one that is trained on (measured: 0.1 to 0.3)


def count_evaluations(trained: int, validation: int, share: float) -> int:
    """Evaluations on so many validation sequences that a training on `trained` sequences in all can afford."""
    affordable = int(share * trained / (EVALUATED * validation))
    return min(max(affordable, FEWEST_EVALUATIONS), EVALUATIONS)
