"""Multi-tangent forward gradients: training by directional derivatives alone, which one forward pass with dual numbers gives.

The method is a dense network trained by node perturbation, with k tangents whose derivatives are joined by orthogonal
projection; `champion` tunes the numbers of an evolved genome the same way. The native study minimises closed-form
functions, measures how well and how long estimates point, and compares networks with the same ones under backpropagation.
"""

from types import MappingProxyType
from typing import Any

from propneat.methods.contract import Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = "Flügel et al. 2024, Beyond backpropagation: optimization with multi-tangent forward gradients (arXiv 2410.17764)"


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.forward_gradients.classifier import ForwardGradientClassifier

    return on_table(ForwardGradientClassifier(random_state=random_state, **options))


METHOD = Method(
    name="forward-gradients",
    summary="Dense network 64-64 trained without a backward pass: nodes perturbed along 16 tangents, joined by projection",
    make=_make,
    needs=("torch",),
    cost="about 7 s on one core for 500 rows of 20 features, eight times as long by weight perturbation; at most 8,000 steps",
    paper=_PAPER,
    options=MappingProxyType({"aggregator": "projection", "k": 16}),
    size=size_of_last,
    quick=MappingProxyType({"max_steps": 2, "learning_rates": (0.1,)}),
    seconds=lambda n_rows, n_features, n_classes: 10.0 + 1e-5 * n_rows * n_features,
)

NATIVE = NativeStudy(
    name="forward-gradients",
    summary="Closed-form functions up to n = 1,024, direction and length of the estimates, digits beside backpropagation",
    paper=_PAPER,
    home="propneat.methods.forward_gradients.native:run",
    flags=MappingProxyType({"real": "5,000 images of MNIST in place of digits."}),
)
