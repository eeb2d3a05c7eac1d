"""Graph-theoretic recomputation: training under a memory budget by computing values again instead of keeping them.

Dynamic programmes over the lower sets of any computation graph say what to keep; a schedule can be replayed, or followed with
real tensors, and any torch module or evolved network can be made to train within a number of bytes, with the same bits.
"""

from typing import Any

from propneat.methods.contract import ANY_TASK, Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = (
    "Kusumoto, Inoue, Watanabe, Akiba, Koyama 2019, A graph theoretic framework of recomputation algorithms for "
    "memory-efficient backpropagation (NeurIPS, arXiv 1905.11722)"
)


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.recomputation.classifier import RecomputedNetworkClassifier

    return on_table(RecomputedNetworkClassifier(random_state=random_state, **options))


def _make_regressor(random_state: int, **options: Any) -> Any:
    from propneat.methods.recomputation.classifier import RecomputedNetworkRegressor

    return on_table(RecomputedNetworkRegressor(random_state=random_state, **options))


METHOD = Method(
    name="recomputed-nn",
    summary="Deep residual network of 18 layers, trained in half the memory of ordinary backpropagation with the same bits",
    make=_make,
    needs=("torch",),
    cost="about 4 to 8 s on one core for 500 rows of 20 features, half of it planning; up to 60 epochs",
    paper=_PAPER,
    size=size_of_last,
    quick={"width": 4, "n_blocks": 2, "max_epochs": 2},
    seconds=lambda n_rows, n_features, n_classes: 3.0 + 0.007 * n_rows,
    tasks=ANY_TASK,
    make_regressor=_make_regressor,
)

NATIVE = NativeStudy(
    name="recomputation",
    summary="Least memory of seven convolutional networks by three planners, schedules run with real tensors, time against memory",
    paper=_PAPER,
    home="propneat.methods.recomputation.native:run",
    is_cpu_only=True,
)
