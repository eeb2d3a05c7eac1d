"""Meta learning backpropagation: every weight is a tiny LSTM, all share their parameters, and their states do the learning.

The method reads training rows one by one with parameters that were meta-trained on synthetic tasks and come with the
package; no gradient is taken. The native study clones backpropagation, compares the meta-trained learner with online
gradient descent on data it has never seen, and follows it beyond the episodes it was meta-trained on.
"""

from types import MappingProxyType
from typing import Any

from propneat.methods.contract import Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = "Kirsch and Schmidhuber 2021, Meta learning backpropagation and improving it (arXiv 2012.14905)"


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.vsml.classifier import VSMLClassifier

    return on_table(VSMLClassifier(random_state=random_state, **options))


METHOD = Method(
    name="vsml",
    summary="A dense layer of meta-trained LSTMs that reads the training rows and learns from them without any gradient",
    make=_make,
    cost="about 2 s on one core for 500 rows of 20 features, 15 s for 1,300 of 64 and 10 classes; 1,000 rows of a pass at most",
    paper=_PAPER,
    options=MappingProxyType({"n_members": 8, "max_passes": 4, "n_random": 100}),
    size=size_of_last,
    quick=MappingProxyType({"n_members": 1, "max_passes": 1}),
)

NATIVE = NativeStudy(
    name="vsml",
    summary="Backpropagation cloned into an LSTM; unseen data sets learnt by what synthetic tasks taught; longer episodes",
    paper=_PAPER,
    home="propneat.methods.vsml.native:run",
    is_cpu_only=True,
    flags=MappingProxyType(
        {
            "meta-train": "Make the shared parameters anew, about half an hour on one core, and study those.",
            "real": "5,000 images of MNIST in place of the other data sets.",
        }
    ),
)
