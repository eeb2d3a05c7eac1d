"""Genomes as programs: the flat arrays that compiled walks read, of a whole population end to end."""

from dataclasses import dataclass, fields

import numpy as np

from propneat.compiler.plan import PopulationPlan
from propneat.compiler.walk import pack_programs

__all__ = ["Programs", "compile_programs"]


@dataclass(frozen=True, eq=False)
class Programs:
    """The programs of a population, for `propneat.compiler.walk.step` and its like.

    Genome g's begins at `code[code_start[g]]` and `numbers[number_start[g]]`, and its memory is
    `slot_start[g + 1] - slot_start[g]` float64 numbers. A program is of one step: what a recurrent network keeps stands in its
    memory after the inputs (see `propneat.compiler.unfold`).
    """

    n_inputs: int
    n_outputs: int
    code: np.ndarray
    """int32: n_inputs, n_kept, n_slots, n_outputs, the slot of every output, the slot of every value kept, and then of every
    slot after these: activation, aggregation, number of edges, and the slot at the source of each."""
    numbers: np.ndarray
    """float64: of every slot after the inputs and what is kept, its bias, then the weight of each of its edges."""
    code_start: np.ndarray
    """int64, shape (n_genomes + 1,)."""
    number_start: np.ndarray
    """int64, shape (n_genomes + 1,)."""
    slot_start: np.ndarray
    """int64, shape (n_genomes + 1,)."""

    def __len__(self) -> int:
        return len(self.slot_start) - 1


def compile_programs(plan: PopulationPlan) -> Programs:
    """Return the programs of all genomes of a plan, in one compiled call, in time linear in its slots and edges."""
    packed = pack_programs(
        plan.n_inputs, plan.slot_start, plan.genome_edge_start, plan.output_slot, plan.activation, plan.aggregation,
        plan.edge_start, plan.edge_source, plan.edge_recurrent, plan.weights, plan.biases,
    )  # fmt: skip
    programs = Programs(plan.n_inputs, plan.n_outputs, *packed)
    for field in fields(programs):
        if isinstance(value := getattr(programs, field.name), np.ndarray):
            value.flags.writeable = False
    return programs
