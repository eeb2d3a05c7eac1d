"""ModProp: recurrent rate networks under Dale's law, whose errors cross any number of synapses by fixed filter taps.

The rules that it stands beside, BPTT, e-prop and MDGL, are members of the same family here. The method is a classifier that
reads a row's features a few at a time; the native study is delayed XOR, the alignment of gradients, and digits row by row.
"""

from types import MappingProxyType
from typing import Any

from propneat.methods.contract import Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = (
    "Liu et al. 2022, Biologically-plausible backpropagation through arbitrary timespans via local neuromodulators "
    "(arXiv 2206.01338)"
)


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.modprop.classifier import ModPropClassifier

    return on_table(ModPropClassifier(random_state=random_state, **options))


METHOD = Method(
    name="modprop",
    summary="Recurrent network under Dale's law that reads features in chunks, trained by ModProp over W or its type averages",
    make=_make,
    needs=("torch",),
    cost="about 10 to 20 s on one core for 500 rows of 20 features, and little more for more rows: 2,000 updates at most",
    paper=_PAPER,
    size=size_of_last,
    quick={"max_updates": 2, "slopes": (0.1,)},
)

NATIVE = NativeStudy(
    name="modprop",
    summary="Delayed XOR, alignment of gradients with BPTT during training, and digits row by row, by seven learning rules",
    paper=_PAPER,
    home="propneat.methods.modprop.native:run",
    flags=MappingProxyType({"real": "MNIST by rows, and the speech of nine speakers."}),
)
