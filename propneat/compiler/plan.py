"""Layer plans: a genome as numbered slots in evaluation order, with the gene that every trainable number belongs to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from propneat.base.errors import GenomeError
from propneat.compiler.programs import Programs
from propneat.compiler.time_constants import spelled_out, timeless
from propneat.compiler.topology import plan_pool
from propneat.genome import GenePool, Genome, NodeKind, frozen, refuse_own
from propneat.genome.own_codes import OWN_NAMES, translated, with_names

__all__ = [
    "LayerPlan",
    "PopulationPlan",
    "compile_genome",
    "compile_pool",
    "compile_programs",
    "compile_structure",
    "refuse_recurrent",
    "without_past",
]


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """One genome, ready to compute.

    A slot is a place for one node's values. Slots 0..n_inputs-1 are the inputs in id order; the others follow in order of depth
    (longest path from the inputs), then id, so every edge leads from a lower slot to a higher one, unless it is recurrent.
    Nodes from which no output can be reached have no slot; disabled connections and those into such nodes have no edge.

    Slot s computes activation(aggregation(weights[e] * value[edge_source[e]] for its edges e) + bias), its edges being
    `edge_start[s]:edge_start[s + 1]`: from inputs, then recurrent ones, whose values are those of the step before (0 at the
    first step), then the rest, each of these sorted by source slot. Trainable numbers are exactly `weights` (one per edge) and
    `biases` (one per slot after the inputs), but for those that stand for a time constant: a node with one has two slots, see
    `propneat.compiler.time_constants`, and `propneat.compiler.fixed_numbers` says which.
    """

    n_inputs: int
    slot_gene: np.ndarray
    """Row in `genome.nodes` of every slot, int64, shape (n_slots,)."""
    depth: np.ndarray
    """Layer of every slot, int32, shape (n_slots,), 0 for inputs, non-decreasing."""
    activation: np.ndarray
    """Activation code of every slot, int8, shape (n_slots,)."""
    aggregation: np.ndarray
    """Aggregation code of every slot, int8, shape (n_slots,)."""
    edge_start: np.ndarray
    """First edge of every slot, int64, shape (n_slots + 1,)."""
    edge_source: np.ndarray
    """Source slot of every edge, int32, shape (n_edges,)."""
    edge_gene: np.ndarray
    """Row in `genome.connections` of every edge, int64, shape (n_edges,), -1 where its weight stands for a time constant."""
    edge_recurrent: np.ndarray
    """Whether every edge carries its source's value of the step before, bool, shape (n_edges,)."""
    output_slot: np.ndarray
    """Slot of every output in id order, int32, shape (n_outputs,)."""
    weights: np.ndarray
    """Weight of every edge when compiled, float64, shape (n_edges,)."""
    biases: np.ndarray
    """Bias of every slot after the inputs when compiled, float64, shape (n_slots - n_inputs,)."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the fields, and the names of functions of one's own."""
        return with_names(vars(self), vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled or copied plan; raises ConfigError for a function of one's own that cannot be imported."""
        own = state.get(OWN_NAMES)
        vars(self).update(translated({name: state[name] for name in state if name != OWN_NAMES}, own) if own else state)

    @property
    def n_slots(self) -> int:
        """Number of slots, inputs included."""
        return len(self.slot_gene)

    @property
    def n_edges(self) -> int:
        """Number of edges, which is the number of trainable weights."""
        return len(self.edge_source)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.output_slot)

    @property
    def n_layers(self) -> int:
        """Depth of the network: the number of layers after the inputs."""
        return int(self.depth[-1]) if len(self.depth) else 0

    @property
    def is_recurrent(self) -> bool:
        """Whether an answer depends on steps before its own."""
        return bool(self.edge_recurrent.any())

    @property
    def edge_target(self) -> np.ndarray:
        """Target slot of every edge, int64, shape (n_edges,)."""
        return np.repeat(np.arange(self.n_slots), np.diff(self.edge_start))

    @cached_property
    def program(self) -> Programs:
        """The plan as compiled walks read it; raises GenomeError for a function of one's own."""
        biases = np.concatenate([np.zeros(self.n_inputs), self.biases])
        starts = np.array([0, self.n_slots]), np.array([0, self.n_edges])
        return _packed(self, self.output_slot[None], *starts, biases)


@dataclass(frozen=True, eq=False)
class PopulationPlan(Sequence[LayerPlan]):
    """The layer plans of a whole pool, packed end to end; `plan[g]` views genome g's part as a LayerPlan.

    Arrays are those of LayerPlan, joined. Genome g owns slots `slot_start[g]:slot_start[g + 1]` and edges
    `genome_edge_start[g]:genome_edge_start[g + 1]`. Inside them, `edge_start`, `edge_source`, `slot_gene`, `edge_gene`
    and `output_slot` count from the genome's own beginning. `edge_start` has n_slots + 1 entries per genome, `biases` one
    entry per slot, unused (0) for inputs; `output_slot` has shape (n_genomes, n_outputs).
    """

    n_inputs: int
    slot_start: np.ndarray
    genome_edge_start: np.ndarray
    slot_gene: np.ndarray
    depth: np.ndarray
    activation: np.ndarray
    aggregation: np.ndarray
    edge_start: np.ndarray
    edge_source: np.ndarray
    edge_gene: np.ndarray
    edge_recurrent: np.ndarray
    output_slot: np.ndarray
    weights: np.ndarray
    biases: np.ndarray

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the fields, and the names of functions of one's own."""
        return with_names(vars(self), vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled or copied plan; raises ConfigError for a function of one's own that cannot be imported."""
        own = state.get(OWN_NAMES)
        vars(self).update(translated({name: state[name] for name in state if name != OWN_NAMES}, own) if own else state)

    @property
    def n_outputs(self) -> int:
        """Number of outputs, the same for every genome."""
        return self.output_slot.shape[1]

    @property
    def is_recurrent(self) -> bool:
        """Whether any genome's answers depend on steps before their own."""
        return bool(self.edge_recurrent.any())

    def __len__(self) -> int:
        return len(self.slot_start) - 1

    def __iter__(self) -> Iterator[LayerPlan]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> LayerPlan:  # type: ignore[override]  # one plan at a time, and no slices
        g = range(len(self))[index]
        slots = slice(self.slot_start[g], self.slot_start[g + 1])
        edges = slice(self.genome_edge_start[g], self.genome_edge_start[g + 1])
        return LayerPlan(
            n_inputs=self.n_inputs,
            slot_gene=self.slot_gene[slots],
            depth=self.depth[slots],
            activation=self.activation[slots],
            aggregation=self.aggregation[slots],
            edge_start=self.edge_start[slots.start + g : slots.stop + g + 1],
            edge_source=self.edge_source[edges],
            edge_gene=self.edge_gene[edges],
            edge_recurrent=self.edge_recurrent[edges],
            output_slot=self.output_slot[g],
            weights=self.weights[edges],
            biases=self.biases[slots][self.n_inputs :],
        )


def compile_pool(pool: GenePool) -> PopulationPlan:
    """Compile every genome of a pool, in time linear in its genes (one binary search per connection end apart).

    All genomes must have the same numbers of inputs and outputs and be valid; the work is one compiled call.
    """
    if pool.nodes["time_constant"].any():
        spelled, *rows = spelled_out(pool)
        return _mapped_back(compile_pool(spelled), spelled, *rows)
    first = pool[0]
    n_inputs, n_outputs = first.n_inputs, first.n_outputs
    slot_start, slot_gene, depth, edge_count, genome_edge_start, edge_source, edge_gene = plan_pool(
        pool.nodes, pool.node_start, pool.connections, pool.connection_start
    )
    n_slots, n_edges = np.diff(slot_start), np.diff(genome_edge_start)
    nodes = pool.nodes[slot_gene + np.repeat(pool.node_start[:-1], n_slots)]
    connections = pool.connections[edge_gene + np.repeat(pool.connection_start[:-1], n_edges)]
    is_output = np.flatnonzero(nodes["kind"] == NodeKind.OUTPUT).reshape(len(pool), n_outputs)
    by_id = np.argsort(nodes["id"][is_output], axis=1)
    output_slot = np.take_along_axis(is_output - slot_start[:-1, None], by_id, axis=1).astype(np.int32)
    plan = PopulationPlan(
        n_inputs=n_inputs,
        slot_start=slot_start,
        genome_edge_start=genome_edge_start,
        slot_gene=slot_gene,
        depth=depth,
        activation=nodes["activation"].copy(),
        aggregation=nodes["aggregation"].copy(),
        edge_start=_edge_starts(slot_start, edge_count),
        edge_source=edge_source,
        edge_gene=edge_gene,
        edge_recurrent=connections["recurrent"].copy(),
        output_slot=output_slot,
        weights=connections["weight"].copy(),
        biases=nodes["bias"].copy(),
    )
    for field in fields(plan):
        value = getattr(plan, field.name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return plan


def compile_programs(plan: PopulationPlan) -> Programs:
    """Return the programs of all genomes of a plan, as compiled walks read them.

    Raises GenomeError for a function of one's own.
    """
    return _packed(plan, plan.output_slot, plan.slot_start, plan.genome_edge_start, plan.biases)


def _packed(plan: LayerPlan | PopulationPlan, output_slot: np.ndarray, *starts_and_biases: np.ndarray) -> Programs:
    slot_start, genome_edge_start, biases = starts_and_biases
    refuse_own(vars(plan), "compiled code")
    return Programs.pack(
        plan.n_inputs, output_slot, slot_start, genome_edge_start, plan.activation, plan.aggregation, plan.edge_start,
        plan.edge_source, plan.edge_recurrent, plan.weights, biases,
    )  # fmt: skip


def _edge_starts(slot_start: np.ndarray, edge_count: np.ndarray) -> np.ndarray:
    """Running sums of the edge counts that begin anew at 0 with every genome, n_slots + 1 entries per genome."""
    n_genomes = len(slot_start) - 1
    total = np.concatenate([[0], np.cumsum(edge_count)])
    position = np.arange(len(edge_count) + n_genomes)
    genome = np.repeat(np.arange(n_genomes), np.diff(slot_start) + 1)
    return total[position - genome] - total[slot_start[:-1]][genome]


def without_past(plan: LayerPlan, what: str) -> LayerPlan:
    """Return a plan whose answers depend on their own step alone; raises GenomeError for a recurrent one, no `what`."""
    if plan.is_recurrent:
        refuse_recurrent(what)
    return plan


def refuse_recurrent(what: str) -> NoReturn:
    """Raise the GenomeError that a recurrent network gets where `what` is asked of it."""
    raise GenomeError(
        f"{what} has no memory, and this network is recurrent: its answers depend on earlier steps, which propneat itself "
        "evaluates (propneat predict, propneat.compiler.evaluate)"
    )


def compile_genome(genome: Genome) -> LayerPlan:
    """Compile one valid genome; see `compile_pool`."""
    return compile_pool(GenePool.pack([genome]))[0]


def compile_structure(genome: Genome) -> LayerPlan:
    """Compile one valid genome as if nothing in it had a time constant: a slot is a node, and an edge a connection."""
    return compile_pool(timeless(GenePool.pack([genome])))[0]


def _mapped_back(plan: PopulationPlan, pool: GenePool, node_rows: np.ndarray, gene_rows: np.ndarray) -> PopulationPlan:
    """Return the plan of a pool that was spelled out, with the genes of the pool that it was before."""
    n_slots, n_edges = np.diff(plan.slot_start), np.diff(plan.genome_edge_start)
    return replace(
        plan,
        slot_gene=frozen(node_rows[plan.slot_gene + np.repeat(pool.node_start[:-1], n_slots)]),
        edge_gene=frozen(gene_rows[plan.edge_gene + np.repeat(pool.connection_start[:-1], n_edges)]),
    )
