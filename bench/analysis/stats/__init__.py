"""Statistics of a comparison: pure functions on arrays. Whatever is random takes a generator and uses it.

Losses are compared on a logarithmic scale and by pairs (one replicate gives every model the same data and batches), so
an effect is a ratio of losses. SciPy is imported where it is needed: it costs more than the rest of a start.

    estimates   mean and paired difference with t-intervals, Holm, shares, effect size
    bootstrap   paired intervals for skewed or censored values; over tasks: interquartile mean, probability of
                improvement, performance profile
    survival    time to target under censoring: Kaplan-Meier, restricted mean, log-rank
    equivalence two one-sided tests, and the one-sided test that a limit asks for
    folds       paired differences over forecast origins, whose training rows overlap (Nadeau & Bengio 2003)
    tuning      expected best validation loss against the number of trials
"""

from bench.analysis.stats.bootstrap import (
    Profile,
    interquartile_mean,
    paired_bootstrap,
    performance_profile,
    probability_of_improvement,
)
from bench.analysis.stats.equivalence import Equivalence, below_limit, equivalence
from bench.analysis.stats.estimates import (
    CONFIDENCE,
    RESAMPLES,
    Estimate,
    Paired,
    effect_size,
    holm,
    mean_interval,
    paired_difference,
    solve_rate,
)
from bench.analysis.stats.folds import corrected_paired
from bench.analysis.stats.survival import Survival, log_rank, restricted_difference, time_to_target
from bench.analysis.stats.tuning import expected_best

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "Equivalence",
    "Estimate",
    "Paired",
    "Profile",
    "Survival",
    "below_limit",
    "corrected_paired",
    "effect_size",
    "equivalence",
    "expected_best",
    "holm",
    "interquartile_mean",
    "log_rank",
    "mean_interval",
    "paired_bootstrap",
    "paired_difference",
    "performance_profile",
    "probability_of_improvement",
    "restricted_difference",
    "solve_rate",
    "time_to_target",
]
