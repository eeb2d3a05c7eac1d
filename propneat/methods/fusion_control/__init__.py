"""Backprop control of a proton-boron fusion plant, and the same feedback principle as a classifier of streamed rows.

The paper claims such control without giving a plant, a network or a number, so this is in its spirit: a zero-dimensional plant
from published physics, controllers trained by backprop through it beside classical ones, and a network whose every update is
the answer of a PID controller to the error of its predictions. This plant does not ignite, and nothing here says it does.
"""

from typing import Any

from propneat.methods.contract import Method, NativeStudy
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["METHOD", "NATIVE"]

_PAPER = (
    "AI-driven autonomous control of proton-boron fusion reactors using backpropagation neural networks 2024 (arXiv 2410.12871)"
)


def _make(random_state: int, **options: Any) -> Any:
    from propneat.methods.fusion_control.classifier import PIDBackpropClassifier

    return on_table(PIDBackpropClassifier(random_state=random_state, **options))


METHOD = Method(
    name="pid-backprop",
    summary="Network of one hidden layer that learns rows as a stream, each update a PID controller's answer to the gradient",
    make=_make,
    cost="about 1 s on one core for 500 rows of 20 features, growing with rows to about 20 s",
    paper=_PAPER,
    size=size_of_last,
    quick={"n_passes": 1, "max_updates": 4},
)

NATIVE = NativeStudy(
    name="fusion-control",
    summary="A proton-boron plant: its power balance, and open-loop, PI, PID, LQR, neural, online and evolved control of it",
    paper=_PAPER,
    home="propneat.methods.fusion_control.native:run",
)
