"""ST-RSBP: spiking networks, recurrent ones too, trained by how whole spike trains affect each other.

The error crosses a recurrent layer by one linear system, not by unrolling time. The method is a classifier whose features
become spike trains; the native study is the rule against finite differences and BPTT, made-up words, and digits.
"""

from types import MappingProxyType
from typing import Any

from propneat.methods.contract import Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = (
    "Zhang and Li 2019, Spike-train level backpropagation for training deep recurrent spiking neural networks "
    "(NeurIPS, arXiv 1908.06378)"
)


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.spike_train.classifier import STRSBPClassifier

    return on_table(STRSBPClassifier(random_state=random_state, **options))


METHOD = Method(
    name="st-rsbp",
    summary="Recurrent spiking network on features as spike trains, trained by spike-train level backpropagation",
    make=_make,
    cost="about 2 to 13 s on one core for 500 rows of 20 features, 15 s for 900 of 64; 4,000 batches of 16 at most",
    paper=_PAPER,
    size=size_of_last,
    quick={"n_cells": 8, "max_rounds": 1},
    seconds=lambda n_rows, n_features, n_classes: 10.0 + 0.06 * n_features,
)

NATIVE = NativeStudy(
    name="st-rsbp",
    summary="Gradients against finite differences and BPTT, words made of the same sounds, and digits, by rules and networks",
    paper=_PAPER,
    home="propneat.methods.spike_train.native:run",
    is_cpu_only=True,
    flags=MappingProxyType({"real": "The speech of nine speakers."}),
)
