"""What the compiled loops of training hand to each other, part by part with its name."""

from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Fixed", "GenomePlan", "Learning", "Outgoing", "Packed", "Scratch", "SequencePlan", "SequenceScratch", "SequenceTiles", "StepSettings",
    "Tiles", "Ways",
]  # fmt: skip


class Packed(NamedTuple):
    """The plans of all genomes end to end, as in PopulationPlan."""

    n_inputs: int
    slot_start: np.ndarray
    genome_edge_start: np.ndarray
    activation: np.ndarray
    aggregation: np.ndarray
    edge_start: np.ndarray
    edge_source: np.ndarray
    output_slot: np.ndarray


class Outgoing(NamedTuple):
    """The edges into sums and means by their source: those leaving slot s are `start[s]:start[s + 1]` of `target` and `edge`.

    `scattered` marks slots that feed another kind of node, whose gradients are scattered instead of gathered.
    """

    start: np.ndarray
    target: np.ndarray
    edge: np.ndarray
    scattered: np.ndarray


class Ways(NamedTuple):
    """What the walks would otherwise ask at every tile.

    `others`: the slots that neither add up nor average their inputs. For the rest, `share`: 1 over the number of terms of a
    mean, otherwise 1; `left`: the activation to apply, `least` standing for ReLU. For all, `adds`, `way` and `product_stop`
    as in `backward_run`. `cleared`: the slots whose gradients others' products, maxima and minima add up from 0, which are not
    the outputs', for they hold the loss's.
    """

    others: np.ndarray
    share: np.ndarray
    least: np.ndarray
    left: np.ndarray
    adds: np.ndarray
    way: np.ndarray
    product_stop: np.ndarray
    cleared: np.ndarray


class GenomePlan(NamedTuple):
    """A genome's part of the packed plans."""

    activation: np.ndarray
    aggregation: np.ndarray
    edge_start: np.ndarray
    edge_source: np.ndarray
    outputs: np.ndarray
    outgoing: Outgoing
    ways: Ways


class Fixed(NamedTuple):
    """Numbers that no step of the optimiser changes: their places among those of a genome, and what they are.

    Of all genomes end to end, those of genome g are `start[g]:start[g + 1]`.
    """

    places: np.ndarray
    values: np.ndarray
    start: np.ndarray


class SequencePlan(NamedTuple):
    """The plan of one step, the slots that the next step reads, and the most steps that gradients go back."""

    step: GenomePlan
    kept: np.ndarray
    window: int
    edge_source: np.ndarray
    """That of the step, which `train_one` counts the edges by."""
    fixed: Fixed


class Tiles(NamedTuple):
    """Rows in tiles, batch by batch: X (n_tiles, n_inputs, ROWS), targets (n_tiles, n_outputs, ROWS), weights (n_tiles, ROWS).

    `first_tile` is where every batch begins, and the end; `totals` the weight of every batch.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    first_tile: np.ndarray
    totals: np.ndarray


class SequenceTiles(NamedTuple):
    """Sequences in tiles, which end together: X (n_tiles, n_steps, n_inputs, ROWS), targets (n_tiles, n_steps or 1, n_outputs, ROWS).

    Weights, first tiles and totals are as of rows. `starts` is the step at which every sequence begins, int64 (n_tiles, ROWS), and
    `begins` the first of every tile.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    first_tile: np.ndarray
    totals: np.ndarray
    starts: np.ndarray
    begins: np.ndarray


class Learning(NamedTuple):
    """Numbers, both moments of the optimiser, and the best numbers, each with room for a vector more than there are, set to 0."""

    numbers: np.ndarray
    first: np.ndarray
    second: np.ndarray
    best: np.ndarray


class StepSettings(NamedTuple):
    """How to train: codes of loss and optimiser, the step size, l2 / weight of the rows, and patience, 0 for none."""

    loss: int
    optimiser: int
    learning_rate: Any
    l2: Any
    patience: int


class Scratch(NamedTuple):
    """Room for one genome at a time: tiles (n_slots, ROWS) of values, gradients and slopes, and a gradient of its numbers."""

    values: np.ndarray
    gradients: np.ndarray
    slopes: np.ndarray
    gradient: np.ndarray


class SequenceScratch(NamedTuple):
    """Room for one genome at a time: tiles of values and slopes of a segment, gradients, a gradient of its numbers, gradients of
    kept values, states of all segments and one more, row weights, and sums."""

    values: np.ndarray
    slopes: np.ndarray
    gradients: np.ndarray
    gradient: np.ndarray
    future: np.ndarray
    states: np.ndarray
    at_step: np.ndarray
    sums: np.ndarray
