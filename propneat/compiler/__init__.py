"""From genome to layer plan and back: topological order, exact trainable numbers, and the gene each belongs to.

The torch forms live in `propneat.compiler.network` and `recurrent_network`, imported on their own because torch is slow to
load.
"""

from propneat.compiler.evaluation import evaluate, evaluate_pool
from propneat.compiler.plan import (
    LayerPlan,
    PopulationPlan,
    compile_genome,
    compile_pool,
    compile_programs,
    compile_structure,
    without_past,
)
from propneat.compiler.programs import Programs
from propneat.compiler.reference import apply_activation
from propneat.compiler.time_constants import timeless
from propneat.compiler.unfolding import kept_slots, unfold
from propneat.compiler.write_back import fixed_numbers, write_back, write_back_pool

__all__ = [
    "LayerPlan",
    "PopulationPlan",
    "Programs",
    "apply_activation",
    "compile_genome",
    "compile_pool",
    "compile_programs",
    "compile_structure",
    "evaluate",
    "evaluate_pool",
    "fixed_numbers",
    "kept_slots",
    "timeless",
    "unfold",
    "without_past",
    "write_back",
    "write_back_pool",
]
