"""How much a search would have found with fewer trials."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import Array


def selected_so_far(valid: ArrayLike, test: ArrayLike) -> Array:
    """The test loss of the trial that is best on validation data among the first 1, 2, … t: `(t,)`.

    valid, test: losses of the trials in their order; a trial that failed is NaN in `valid`. NaN as long as none has
    ended well. Of trials with equal validation losses the first is selected. A search's trials are a sequence of which
    a shorter search has the beginning, so this is what a search of k trials selects, whatever the sampler learns.
    """
    if not np.size(valid):
        return np.array([])
    order, scores = np.asarray(valid, dtype=np.float64).ravel(), np.asarray(test, dtype=np.float64).ravel()
    best = np.minimum.accumulate(np.where(np.isnan(order), np.inf, order))
    improves = best < np.concatenate([[np.inf], best[:-1]])
    places = np.maximum.accumulate(np.where(improves, np.arange(len(order)), -1))
    return np.where(places >= 0, scores[places], np.nan)
