"""Statistics of a comparison: pure functions on arrays. Whatever is random takes a generator and uses it.

Losses are compared on a logarithmic scale and by pairs (one replicate gives every model the same data and batches), so
an effect is a ratio of losses. SciPy is imported where it is needed: it costs more than the rest of a start.

    estimates   mean and paired difference with t-intervals, corrections for many tests, shares, effect size
    bootstrap   over tasks: interquartile mean, probability of improvement, performance profile
    survival    time to target under censoring: Kaplan-Meier, restricted mean, log-rank
    equivalence two one-sided tests, and the one-sided test that a limit asks for
    exact       sign flips, signed ranks, paired solve rates
    skew        whether differences are skewed against the leader, and a t-test that allows for it
    independent losses of two samples that share nothing
    losses      two models' losses compared, with failures, skew, forecast origins and repeated looks
    letters     groups without a clear difference
    sequential  a paired test and interval that may be looked at after every replicate
    prospects   what could have been found, and what more replicates may find
    folds       paired differences over forecast origins that share training data
    tuning      the score to expect of a search with fewer trials
"""

from bench.analysis.stats.bootstrap import (
    Profile,
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
)
from bench.analysis.stats.equivalence import Equivalence, below_limit, equivalence
from bench.analysis.stats.estimates import (
    CONFIDENCE,
    RESAMPLES,
    Estimate,
    Paired,
    benjamini_hochberg,
    effect_size,
    holm,
    mean_interval,
    paired_difference,
    solve_rate,
)
from bench.analysis.stats.exact import paired_rates, sign_flip, signed_ranks
from bench.analysis.stats.folds import corrected_paired
from bench.analysis.stats.independent import compare_independent
from bench.analysis.stats.letters import compact_letters
from bench.analysis.stats.losses import Folds, LossComparison, compare_losses
from bench.analysis.stats.prospects import detectable_difference, settle_chance
from bench.analysis.stats.sequential import (
    FIRST_LOOK,
    e_values,
    sequential_interval,
    sequential_p,
    sign_e_values,
)
from bench.analysis.stats.skew import skew_adjusted, skewed_against, skewness, wider
from bench.analysis.stats.survival import Survival, log_rank, time_to_target
from bench.analysis.stats.tuning import selected_so_far

__all__ = [
    "CONFIDENCE",
    "FIRST_LOOK",
    "RESAMPLES",
    "Equivalence",
    "Estimate",
    "Folds",
    "LossComparison",
    "Paired",
    "Profile",
    "Survival",
    "below_limit",
    "benjamini_hochberg",
    "compact_letters",
    "compare_independent",
    "compare_losses",
    "corrected_paired",
    "detectable_difference",
    "e_values",
    "effect_size",
    "equivalence",
    "holm",
    "interquartile_mean",
    "log_rank",
    "mean_interval",
    "paired_difference",
    "paired_rates",
    "performance_profile",
    "probability_of_improvement",
    "selected_so_far",
    "sequential_interval",
    "sequential_p",
    "settle_chance",
    "sign_e_values",
    "sign_flip",
    "signed_ranks",
    "skew_adjusted",
    "skewed_against",
    "skewness",
    "solve_rate",
    "time_to_target",
    "wider",
]
