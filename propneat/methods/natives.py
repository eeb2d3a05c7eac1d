"""The native studies by name: every paper's method on the paper's own problem."""

from propneat.methods.contract import NativeStudy
from propneat.methods.forward_gradients import NATIVE as FORWARD_GRADIENTS
from propneat.methods.fusion_control import NATIVE as FUSION_CONTROL
from propneat.methods.inverse_flow import NATIVE as INVERSE_FLOW
from propneat.methods.modprop import NATIVE as MODPROP
from propneat.methods.rate_backprop import NATIVE as RATE_BACKPROP
from propneat.methods.recomputation import NATIVE as RECOMPUTATION
from propneat.methods.sparse_fourier import NATIVE as SPARSE_FOURIER
from propneat.methods.spike_train import NATIVE as SPIKE_TRAIN
from propneat.methods.vsml import NATIVE as VSML

__all__ = ["NATIVES"]

NATIVES: dict[str, NativeStudy] = {
    study.name: study
    for study in (
        FORWARD_GRADIENTS,
        FUSION_CONTROL,
        INVERSE_FLOW,
        MODPROP,
        RATE_BACKPROP,
        RECOMPUTATION,
        SPARSE_FOURIER,
        SPIKE_TRAIN,
        VSML,
    )
}
