"""Statistics of a comparison of methods over data sets: ranks, tests, effect sizes, Bayesian tests and bootstraps.

Scores are arrays of shape (n_datasets, n_methods), higher is better, already averaged over the folds of a data set; only
`nadeau_bengio` and `bayesian_correlated_t` take the folds of one data set. Scores are compared
to 12 significant digits, so that rounding errors do not part ties.
"""

from propneat.stats.bayes import BayesianResult, bayesian_signed_rank
from propneat.stats.families import FamilyBootstrap, bootstrap_families, one_per_family
from propneat.stats.folds import CorrectedTest, bayesian_correlated_t, nadeau_bengio
from propneat.stats.pairs import Comparison, PairwiseResult, against_one, holm, pairwise_wilcoxon, win_tie_loss
from propneat.stats.ranks import FriedmanResult, NemenyiResult, average_ranks, cliques, friedman, nemenyi
from propneat.stats.signed_rank import Interval, hodges_lehmann, wilcoxon

__all__ = [
    "BayesianResult",
    "Comparison",
    "CorrectedTest",
    "FamilyBootstrap",
    "FriedmanResult",
    "Interval",
    "NemenyiResult",
    "PairwiseResult",
    "against_one",
    "average_ranks",
    "bayesian_correlated_t",
    "bayesian_signed_rank",
    "bootstrap_families",
    "cliques",
    "friedman",
    "hodges_lehmann",
    "holm",
    "nadeau_bengio",
    "nemenyi",
    "one_per_family",
    "pairwise_wilcoxon",
    "wilcoxon",
    "win_tie_loss",
]
