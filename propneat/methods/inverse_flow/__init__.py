"""Inverse-Flow: flows whose layer from image to latent is the exact inverse of a convolution.

The inverse is solved along anti-diagonals, and its gradient by the same solver, in H + W - 1 steps each. On it stand a
multi-scale flow of images, a class-conditional flow that classifies rows by Bayes' rule (the method), and the native study.
"""

from types import MappingProxyType
from typing import Any

from propneat.methods.contract import Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = (
    "Nagar and Varma 2025, Parallel backpropagation for inverse of a convolution with application to normalizing flows "
    "(arXiv 2410.14634)"
)


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.inverse_flow.classifier import InverseFlowClassifier

    return on_table(InverseFlowClassifier(random_state=random_state, **options))


METHOD = Method(
    name="inverse-flow",
    summary="Class-conditional flow of inverse convolutions along the features, decided by Bayes' rule",
    make=_make,
    needs=("torch",),
    cost="about 15 s on one core for 500 rows of 2 classes, 35 s for 1,000 rows or more of 10: up to 7 flows of 60 epochs",
    paper=_PAPER,
    size=size_of_last,
    quick={"max_epochs": 2, "n_folds": 2},
    seconds=lambda n_rows, n_features, n_classes: 3.0 + (0.02 + 0.002 * n_classes) * min(n_rows, 1000) + 0.05 * n_features,
)

NATIVE = NativeStudy(
    name="inverse-flow",
    summary="Inverse convolutions by wavefront: steps, speed and gradients; flows of digits both ways; deblurring; classes",
    paper=_PAPER,
    home="propneat.methods.inverse_flow.native:run",
    flags=MappingProxyType({"real": "The drawn classifier on 5,000 images of MNIST."}),
)
