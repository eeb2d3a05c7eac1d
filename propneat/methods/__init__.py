"""Ways to train a classifier or a regressor, by name: PropNEAT and its arms, baselines, and methods from other papers.

A method is one file (or one package) and one line here; the benchmark runs whatever this dict holds.
"""

from propneat.methods.baselines import BASELINES
from propneat.methods.contract import Method, Size
from propneat.methods.dense import DENSE
from propneat.methods.evolved import EVOLVED
from propneat.methods.forward_gradients import METHOD as FORWARD_GRADIENTS
from propneat.methods.fusion_control import METHOD as PID_BACKPROP
from propneat.methods.inverse_flow import METHOD as INVERSE_FLOW
from propneat.methods.kernel_ridge import KERNEL_RIDGE
from propneat.methods.modprop import METHOD as MODPROP
from propneat.methods.rate_backprop import METHOD as RATE_BACKPROP
from propneat.methods.recomputation import METHOD as RECOMPUTATION
from propneat.methods.sparse_fourier import METHOD as SPARSE_FOURIER
from propneat.methods.species_vote import SPECIES_VOTE
from propneat.methods.spike_train import METHOD as SPIKE_TRAIN
from propneat.methods.vsml import METHOD as VSML

__all__ = ["METHODS", "Method", "Size"]

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        *EVOLVED,
        SPECIES_VOTE,
        *BASELINES,
        KERNEL_RIDGE,
        *DENSE,
        FORWARD_GRADIENTS,
        INVERSE_FLOW,
        MODPROP,
        PID_BACKPROP,
        RATE_BACKPROP,
        RECOMPUTATION,
        SPARSE_FOURIER,
        SPIKE_TRAIN,
        VSML,
    )
}
