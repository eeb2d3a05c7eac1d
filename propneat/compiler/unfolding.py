"""One step of a recurrent network as a network without memory: what it keeps goes in as inputs and comes out as outputs."""

from dataclasses import replace

import numpy as np

from propneat.compiler.plan import LayerPlan
from propneat.genome import activation_code, aggregation_code

__all__ = ["kept_slots", "unfold"]

_IDENTITY, _SUM = activation_code("identity"), aggregation_code("sum")


def kept_slots(plan: LayerPlan) -> np.ndarray:
    """Return the slots whose values the next step reads, in order, int64, shape (n_kept,)."""
    return np.unique(plan.edge_source[plan.edge_recurrent]).astype(np.int64)


def unfold(plan: LayerPlan) -> LayerPlan:
    """Return the plan of one step, which has no recurrent edges, and the same weights and biases in the same order.

    Its inputs are those of the plan, then what the step before kept, in the order of `kept_slots`; its outputs likewise. All
    other slots follow in their order, n_kept places later.
    """
    kept, n = kept_slots(plan), plan.n_inputs
    moved = np.where(plan.edge_source < n, plan.edge_source, plan.edge_source + len(kept))
    before = n + np.searchsorted(kept, plan.edge_source)

    def widened(values: np.ndarray, filling: np.ndarray | int) -> np.ndarray:
        return np.insert(values, n, np.broadcast_to(np.asarray(filling, values.dtype), len(kept)))

    return replace(
        plan,
        n_inputs=n + len(kept),
        slot_gene=widened(plan.slot_gene, plan.slot_gene[kept]),
        depth=widened(plan.depth, 0),
        activation=widened(plan.activation, _IDENTITY),
        aggregation=widened(plan.aggregation, _SUM),
        edge_start=widened(plan.edge_start, 0),
        edge_source=np.where(plan.edge_recurrent, before, moved).astype(plan.edge_source.dtype),
        edge_recurrent=np.zeros_like(plan.edge_recurrent),
        output_slot=np.concatenate([plan.output_slot, kept]).astype(plan.output_slot.dtype) + np.int32(len(kept)),
    )
