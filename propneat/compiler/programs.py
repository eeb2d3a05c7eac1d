"""Genomes as programs: the flat arrays that compiled walks read, of a whole population end to end."""

from dataclasses import dataclass, fields

import numpy as np

from propneat.compiler.walk import pack_programs
from propneat.genome import frozen

__all__ = ["Programs"]


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

    @classmethod
    def pack(cls, n_inputs: int, output_slot: np.ndarray, *arrays: np.ndarray) -> "Programs":
        """Pack the arrays of plans, see `propneat.compiler.walk.pack_programs`, in one compiled call that is linear in them."""
        # code is compiled anew for arrays that may be written
        read_only = (frozen(array.view()) for array in (output_slot, *arrays))
        programs = cls(n_inputs, output_slot.shape[1], *pack_programs(n_inputs, *read_only))
        for field in fields(programs):
            if isinstance(value := getattr(programs, field.name), np.ndarray):
                value.flags.writeable = False
        return programs

    def __setstate__(self, state: dict[str, object]) -> None:
        """Restore pickled or deeply copied programs, read-only as they were: for others code is compiled anew."""
        for name, value in state.items():
            object.__setattr__(self, name, frozen(value) if isinstance(value, np.ndarray) else value)

    def __len__(self) -> int:
        return len(self.slot_start) - 1
