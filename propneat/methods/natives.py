"""The native studies by name: every paper's method on the paper's own problem."""

from propneat.methods.contract import NativeStudy
from propneat.methods.forward_gradients import NATIVE as FORWARD_GRADIENTS
from propneat.methods.modprop import NATIVE as MODPROP
from propneat.methods.rate_backprop import NATIVE as RATE_BACKPROP
from propneat.methods.vsml import NATIVE as VSML

__all__ = ["NATIVES"]

NATIVES: dict[str, NativeStudy] = {
    study.name: study
    for study in (
        FORWARD_GRADIENTS,
        MODPROP,
        RATE_BACKPROP,
        VSML,
    )
}
