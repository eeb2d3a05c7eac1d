"""Recomputation: any torch module or evolved network trains within a number of bytes, with the same bits as without.

Dynamic programmes over the lower sets of a computation graph say which values to keep and which to compute again on the way
back. Source: Kusumoto, Inoue, Watanabe, Akiba and Koyama, A graph theoretic framework of recomputation algorithms for
memory-efficient backpropagation (NeurIPS 2019).
"""

from propneat.recompute.budget import RecomputationPlan, least_peak, plan_recomputation
from propneat.recompute.training import plans_of, train_under_budget

__all__ = ["RecomputationPlan", "least_peak", "plan_recomputation", "plans_of", "train_under_budget"]
