"""The native studies by name: every paper's method on the paper's own problem."""

from propneat.methods import METHODS
from propneat.methods.contract import NativeStudy
from propneat.methods.evolved import NATIVE as PROPNEAT
from propneat.methods.forward_gradients import NATIVE as FORWARD_GRADIENTS
from propneat.methods.fusion_control import NATIVE as FUSION_CONTROL
from propneat.methods.inverse_flow import NATIVE as INVERSE_FLOW
from propneat.methods.modprop import NATIVE as MODPROP
from propneat.methods.rate_backprop import NATIVE as RATE_BACKPROP
from propneat.methods.recomputation import NATIVE as RECOMPUTATION
from propneat.methods.sparse_fourier import NATIVE as SPARSE_FOURIER
from propneat.methods.spike_train import NATIVE as SPIKE_TRAIN
from propneat.methods.vsml import NATIVE as VSML

__all__ = ["NATIVES", "studies_by_any_name"]

NATIVES: dict[str, NativeStudy] = {
    study.name: study
    for study in (
        FORWARD_GRADIENTS,
        FUSION_CONTROL,
        INVERSE_FLOW,
        MODPROP,
        PROPNEAT,
        RATE_BACKPROP,
        RECOMPUTATION,
        SPARSE_FOURIER,
        SPIKE_TRAIN,
        VSML,
    )
}


def studies_by_any_name() -> dict[str, NativeStudy]:
    """Return the studies by their names and by those of the methods of the same paper."""
    by_paper = {study.paper: study for study in NATIVES.values()}
    return {name: by_paper[method.paper] for name, method in METHODS.items() if method.paper in by_paper} | NATIVES
