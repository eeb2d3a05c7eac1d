"""Rate-based backpropagation: deep spiking networks whose gradient is that of firing rates, without an axis of time.

Networks of leaky integrate-and-fire neurons, dense or convolutional with batch norm and shortcuts, are trained through time
(the reference) or by rates, all steps of a layer at once or one step at a time. The method is a classifier of rows; the native
study compares gradients, memory, time and accuracy of the ways.
"""

from types import MappingProxyType
from typing import Any

from propneat.methods.contract import Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = (
    "Yu et al. 2024, Advancing training efficiency of deep spiking neural networks through rate-based backpropagation "
    "(arXiv 2410.11488)"
)


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.rate_backprop.classifier import RateBackpropClassifier

    return on_table(RateBackpropClassifier(random_state=random_state, **options))


METHOD = Method(
    name="rate-backprop",
    summary="Spiking network with batch norm, rows as constant currents, trained by rate-based backpropagation",
    make=_make,
    needs=("torch",),
    cost="about 8 to 12 s on one core for any number of rows that fits in memory: 28 fits of 50 to 400 updates",
    paper=_PAPER,
    size=size_of_last,
    quick={"hidden": (8,), "steps": (2,), "updates": (2, 4), "n_folds": 2},
    seconds=lambda n_rows, n_features, n_classes: 10.0 + 4e-5 * n_rows + 0.006 * n_features,
)

NATIVE = NativeStudy(
    name="rate-backprop",
    summary="Gradients by rates against BPTT, memory and time by number of steps, accuracy on digits and moving bars",
    paper=_PAPER,
    home="propneat.methods.rate_backprop.native:run",
    flags=MappingProxyType({"real": "MNIST by convolutions, and the speech of nine speakers."}),
)
