"""The Triton engine: the whole population in one launch per batch on a GPU, one genome and some tiles of rows per work item.

The walk over nodes is that of the CPU kernels, in slot order. An item's tiles depend on the batch alone and their gradients are
added up in a fixed order, so a genome trains to the same bits whatever other genomes there are.
"""

import math
from importlib import import_module
from types import ModuleType

import numpy as np
import torch

from propneat.base.errors import ConfigError
from propneat.base.extras import need
from propneat.base.words import count
from propneat.compiler import PopulationPlan
from propneat.training.devices import usable_device
from propneat.training.flat_plan import number_through
from propneat.training.population_loop import Batch, TrainingRows, train_numbers
from propneat.training.settings import LOSSES, Samples, TrainedPopulation, TrainingConfig

__all__ = ["TritonGradient", "scratch_bytes", "train"]

TILE_ROWS = 128
"""Rows that a program computes at a time: four for each thread of its one warp."""
MOST_PARTS = 32
"""Work items that the batch of a genome is divided into at most."""
PROGRAMS_PER_PROCESSOR = 16
"""Programs that run at a time on a multiprocessor, so that one computes while others wait for memory."""
DEFAULT_BUDGET = 2**30
"""Bytes of scratch memory for all programs together where no budget is given."""
_SUM_WIDTH = 256
_RMSE = LOSSES.index("rmse")


def _load_kernels() -> ModuleType:
    """Import the kernels, and with them triton; raises ConfigError where it is not installed."""
    need("triton", "the triton engine", "choose engine 'padded'")
    return import_module("propneat.training.triton_kernels")


class TritonGradient:
    """Losses and gradients of a population, see `PopulationGradient`; batches are float32 and whole tiles long.

    `batch_rows` is the length of the batches that gradients are wanted of; `n_programs` run at a time at most, each with
    `scratch_bytes(plan)` of memory.
    """

    def __init__(self, plan: PopulationPlan, loss: str, device: torch.device, batch_rows: int, n_programs: int) -> None:
        flat = number_through(plan)
        self.kernels = _load_kernels()
        self.n_genomes, self.n_inputs, self.n_outputs = len(plan), plan.n_inputs, plan.n_outputs
        self.n_edges, self.n_numbers = flat.n_edges, flat.n_edges + flat.n_slots
        self.most_nodes, self.n_programs, self.loss_code = _most_nodes(plan), n_programs, LOSSES.index(loss)
        self.owner = torch.tensor(flat.number_genome, device=device)
        leaving = np.argsort(flat.edge_source, kind="stable")
        own_start = plan.slot_start[flat.slot_genome[flat.edge_target]]
        output_number = np.full(flat.n_slots, -1)
        output_number[plan.output_slot + plan.slot_start[:-1, None]] = np.arange(plan.n_outputs)
        arrays = (
            # the largest genomes are begun first, so that none is still at work when all others are done
            np.argsort(-np.diff(plan.genome_edge_start), kind="stable"), plan.slot_start, plan.activation, plan.aggregation,
            flat.edge_start, flat.edge_source - own_start,
            np.searchsorted(flat.edge_source[leaving], np.arange(flat.n_slots + 1)),
            (flat.edge_target - own_start)[leaving], leaving, plan.output_slot, output_number,
        )  # fmt: skip
        self.arrays = [torch.tensor(array, dtype=torch.int32, device=device) for array in arrays]
        self.scratch = torch.empty(n_programs * scratch_bytes(plan) // 4, device=device)
        # the biases of inputs are never written, and stay 0
        self.parts = torch.zeros(_n_parts(batch_rows), self.n_numbers, device=device)

    def loss(self, numbers: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return every genome's loss, shape (n_genomes,)."""
        mean = self._walk(numbers, batch, backward=False)
        return torch.sqrt(mean) if self.loss_code == _RMSE else mean

    def loss_and_gradient(self, numbers: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return every genome's loss and the gradient of their sum, shape (n_numbers,)."""
        mean = self._walk(numbers, batch, backward=True)
        gradient = self._add_up(self.parts)
        if self.loss_code != _RMSE:
            return mean, gradient
        root = torch.sqrt(mean)
        return root, gradient * torch.where(root > 0, 0.5 / root, root)[self.owner]

    def _walk(self, numbers: torch.Tensor, batch: Batch, backward: bool) -> torch.Tensor:
        """Return every genome's mean loss over rows, "rmse" counted as "mse"; fill `parts` if `backward`."""
        n_rows = len(batch.shares)
        n_parts = _n_parts(n_rows)
        losses = torch.empty(n_parts, self.n_genomes, device=numbers.device)
        self.kernels.walk_population[(min(self.n_programs, self.n_genomes * n_parts),)](
            numbers, batch.X, batch.targets, batch.shares, losses, self.parts, self.scratch, *self.arrays, self.n_genomes,
            self.n_edges, self.n_numbers, n_rows // TILE_ROWS, n_parts, self.n_inputs, self.n_outputs, self.most_nodes,
            LOSS=self.loss_code, BACKWARD=backward, ROWS=TILE_ROWS, num_warps=1,
        )  # fmt: skip
        return self._add_up(losses)

    def _add_up(self, parts: torch.Tensor) -> torch.Tensor:
        n_parts, n_numbers = parts.shape
        sums = torch.empty(n_numbers, device=parts.device)
        self.kernels.add_parts[(math.ceil(n_numbers / _SUM_WIDTH),)](parts, sums, n_numbers, n_parts, WIDTH=_SUM_WIDTH)
        return sums


def _n_parts(n_rows: int) -> int:
    """Number of parts that a batch is worked off in: by its length alone, so that other genomes change no bit."""
    return min(n_rows // TILE_ROWS, MOST_PARTS)


def _most_nodes(plan: PopulationPlan) -> int:
    return int(np.diff(plan.slot_start).max()) - plan.n_inputs


def scratch_bytes(plan: PopulationPlan) -> int:
    """Bytes of one program: a tile of values, of gradients and of chosen edges for every node of the largest genome."""
    return 3 * _most_nodes(plan) * TILE_ROWS * 4


def _count_programs(plan: PopulationPlan, place: torch.device, n_rows: int, budget: int | None) -> int:
    """Return how many programs run at a time: as many as keep the chip busy, have work, and fit the budget.

    Raises ConfigError when not even one fits a budget of the user's.
    """
    n_wanted = 1
    if place.type == "cuda":
        n_wanted = torch.cuda.get_device_properties(place).multi_processor_count * PROGRAMS_PER_PROCESSOR
    n_fitting = (DEFAULT_BUDGET if budget is None else budget) // scratch_bytes(plan)
    if n_fitting == 0 and budget is not None:
        raise ConfigError(
            f"training within {count(budget, 'byte')} is not possible: the triton engine needs {scratch_bytes(plan)} bytes for one program"
        )
    return min(n_wanted, max(n_fitting, 1), len(plan) * _n_parts(n_rows))


def _check_device(place: torch.device) -> None:
    """Raise ConfigError where compiled kernels would have no GPU to run on; Triton's interpreter works anywhere."""
    from triton.runtime import JITFunction

    is_compiled = isinstance(_load_kernels().walk_population, JITFunction)
    if is_compiled and place.type != "cuda":
        raise ConfigError(
            f"the triton engine works on a GPU, not on {place.type!r}: choose --device cuda, or engine 'padded' or 'numba'"
        )


def train(
    plan: PopulationPlan,
    train: Samples,
    validation: Samples | None,
    config: TrainingConfig,
    rng: np.random.Generator,
    device: str,
    memory_budget: int | None = None,
) -> TrainedPopulation:
    """Train all genomes at once in float32 by compiled kernels on a GPU; see `train_population`.

    Under a memory budget, by default 1 GiB, fewer programs run at a time, with the same bits. The steps of an epoch are
    recorded as a CUDA graph and replayed. With TRITON_INTERPRET=1 the kernels are interpreted, slowly, on any device.

    Raises ConfigError when triton is not installed, when the device cannot be used or is no GPU, and for a memory budget
    that the scratch memory of one program does not fit into.
    """
    _load_kernels()
    place = usable_device(device)
    _check_device(place)
    rows = TrainingRows.make(train, validation, config, rng, place, torch.float32, TILE_ROWS)
    batch_rows = rows.batches.shares.shape[1]
    judge_rows = 0 if rows.judge is None else len(rows.judge.shares)
    n_programs = _count_programs(plan, place, max(batch_rows, judge_rows), memory_budget)
    if place.type != "cuda":
        return train_numbers(TritonGradient(plan, config.loss, place, batch_rows, n_programs), plan, rows, config)
    # kernels are launched on the device that is current
    with torch.cuda.device(place):
        gradient = TritonGradient(plan, config.loss, place, batch_rows, n_programs)
        return train_numbers(gradient, plan, rows, config, use_graph=True)
