"""Sparse Fourier backpropagation: volumes on a grid, linear in a code, learnt from slices that touch few of their voxels.

Heterogeneous reconstruction of single particles in cryo electron microscopy: simulator, slice operator with its twins,
autoencoder, consensus, shell correlation, and maps and stacks as MRC files. The method is a classifier of rows whose decoder
is the same grid; the native study finds a hidden angle and measures what a step costs.
"""

from typing import Any

from propneat.methods.contract import Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = "Kimanius, Jamali and Scheres 2022, Sparse Fourier backpropagation in cryo-EM reconstruction (NeurIPS)"


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.sparse_fourier.classifier import SparseFourierClassifier

    return on_table(SparseFourierClassifier(random_state=random_state, **options), keeps_gaps=True)


METHOD = Method(
    name="sparse-fourier",
    summary="Supervised variational autoencoder that must explain each row from a sparse grid of Fourier coefficients",
    make=_make,
    needs=("torch",),
    cost="about 8 s on one core for any number of rows that fits in memory: 7 networks of up to 600 updates",
    paper=_PAPER,
    size=size_of_last,
    quick={"hidden": (8,), "box": 5, "updates": (2, 4), "n_folds": 2},
    seconds=lambda n_rows, n_features, n_classes: 8.0 + 2e-5 * n_rows + 0.005 * n_features,
)

NATIVE = NativeStudy(
    name="sparse-fourier",
    summary="A hidden angle and its volumes from simulated particles, step time of sparse slices against two twins",
    paper=_PAPER,
    home="propneat.methods.sparse_fourier.native:run",
)
