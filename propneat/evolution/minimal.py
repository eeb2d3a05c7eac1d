"""Minimal genomes, of which a first generation is made, in one compiled call."""

import numpy as np

from propneat.base.native import inner, outer
from propneat.evolution.config import EvolutionConfig, part_of
from propneat.evolution.innovation import InnovationTracker, link_innovation
from propneat.genome import CONNECTION_DTYPE, NODE_DTYPE, GenePool, NodeKind, activation_code, aggregation_code, frozen

__all__ = ["minimal_generation"]

_OUTPUT, _HIDDEN = int(NodeKind.OUTPUT), int(NodeKind.HIDDEN)
_UNKNOWN = -1
_WORDS = 2**32


def minimal_generation(
    inputs: np.ndarray, outputs: np.ndarray, config: EvolutionConfig, rng: np.random.Generator, tracker: InnovationTracker
) -> GenePool:
    """Return a population of minimal genomes between input nodes and output nodes with the ids given.

    Each joins inputs to outputs directly, and to and from at most `initial_hidden` hidden nodes, whose ids are new in the run;
    weights and biases come from N(0, weight_sigma^2).
    """
    n_inputs, n_outputs = len(inputs), len(outputs)
    n_hidden, n_drawn = _sizes(n_inputs, n_outputs, config)
    ids = np.concatenate([inputs, outputs, tracker.new_nodes(n_hidden)])
    tracker.reserve(n_inputs * (n_outputs + n_hidden) + n_hidden * n_outputs)
    most_genes = n_drawn * (n_outputs + n_hidden) + n_hidden * n_outputs
    nodes = np.zeros(config.population_size * len(ids), NODE_DTYPE)
    connections = np.zeros(config.population_size * most_genes, CONNECTION_DTYPE)
    starts = _fill(
        ids,
        np.argsort(ids, kind="stable"),
        (n_inputs, n_outputs, n_drawn),
        activation_code(config.output_activation),
        np.array([activation_code(name) for name in config.activations]),
        np.array([aggregation_code(name) for name in config.aggregations]),
        float(config.weight_sigma),
        (tracker.state, tracker.links),
        nodes,
        connections,
        np.zeros((2, config.population_size + 1), np.int64),
        rng,
    )
    n_nodes, n_genes = starts[:, -1]
    # of hidden nodes there may be fewer than there is room for
    nodes, connections = (
        array[:n] if n == len(array) else array[:n].copy() for array, n in ((nodes, n_nodes), (connections, n_genes))
    )
    return GenePool(frozen(nodes), frozen(starts[0].copy()), frozen(connections), frozen(starts[1].copy()))


def _sizes(n_inputs: int, n_outputs: int, config: EvolutionConfig) -> tuple[int, int]:
    """Return the most hidden nodes of a first genome and the inputs that each of its nodes draws, within the limits."""
    n_hidden, n_drawn = int(config.for_rows(0).initial_hidden), part_of(config.initial_connection_fraction, n_inputs)
    if config.max_hidden is not None:
        n_hidden = min(n_hidden, config.max_hidden)
    if config.max_connections is not None:
        least = min(n_drawn, 1)
        while n_hidden > 0 and n_hidden * n_outputs + least * (n_outputs + n_hidden) > config.max_connections:
            n_hidden -= 1
        n_drawn = min(n_drawn, (config.max_connections - n_hidden * n_outputs) // (n_outputs + n_hidden))
    return n_hidden, n_drawn


@inner
def _draw_nodes(ids, order, sizes, n_hidden, output_activation, activations, aggregations, sigma, nodes, rng):
    """Write the nodes of one genome, in order of id; numbers are drawn in the order inputs, outputs, hidden."""
    n_inputs, n_fixed = sizes[0], sizes[0] + sizes[1]
    n_nodes = n_fixed + n_hidden
    row = np.empty(n_nodes, np.int64)
    k = 0
    for position in order:
        if position < n_nodes:
            row[position] = k
            nodes[k].id = ids[position]
            k += 1
    for position in range(n_inputs, n_nodes):
        nodes[row[position]].bias = sigma * rng.standard_normal()
        nodes[row[position]].kind = _OUTPUT if position < n_fixed else _HIDDEN
        nodes[row[position]].activation = output_activation
    for position in range(n_fixed, n_nodes):
        nodes[row[position]].activation = activations[rng.integers(0, activations.shape[0])]
    for position in range(n_fixed, n_nodes):
        nodes[row[position]].aggregation = aggregations[rng.integers(0, aggregations.shape[0])]
    return n_nodes


@inner
def _shuffle(sources, rng):
    """Fill an array with its positions in random order: those that `rng.permutation` draws, at a tenth of the time to compile."""
    mask = 1
    for k in range(sources.shape[0]):
        sources[k] = k
        if k > mask:
            mask = 2 * mask + 1
    for last in range(sources.shape[0] - 1, 0, -1):
        while mask >> 1 >= last:
            mask = mask >> 1
        k = rng.integers(0, _WORDS) & mask
        while k > last:
            k = rng.integers(0, _WORDS) & mask
        sources[last], sources[k] = sources[k], sources[last]


@inner
def _draw_pairs(sizes, n_hidden, order, pairs, rng):
    """Write source and target, as positions, of the connections of one genome, in the order drawn; returns their number."""
    n_inputs, n_outputs, n_drawn = sizes
    n_fixed, m = n_inputs + n_outputs, 0
    for target in range(n_inputs, n_fixed + n_hidden):
        _shuffle(order, rng)
        for k in range(n_drawn):
            pairs[m, 0], pairs[m, 1] = order[k], target
            m += 1
    for source in range(n_fixed, n_fixed + n_hidden):
        for target in range(n_inputs, n_fixed):
            pairs[m, 0], pairs[m, 1] = source, target
            m += 1
    return m


@inner
def _number_pairs(ids, n_inputs, pairs, number_of, tracker, at):
    """Put the position of every pair where its innovation number says in `at`; returns the lowest and the highest number."""
    state, links = tracker
    lowest, highest = at.shape[0], -1
    for k in range(pairs.shape[0]):
        source, target = pairs[k, 0], pairs[k, 1]
        number = number_of[source, target - n_inputs]
        if number == _UNKNOWN:
            number = link_innovation(state, links, ids[source], ids[target], False)
            number_of[source, target - n_inputs] = number
        at[number] = k
        lowest, highest = min(lowest, number), max(highest, number)
    return lowest, highest


@inner
def _write_genes(ids, pairs, at, lowest, highest, sigma, weights, genes, rng):
    """Write the connection genes of one genome, in order of number; weights are drawn in the order of pairs. Clears `at`."""
    for k in range(pairs.shape[0]):
        weights[k] = sigma * rng.standard_normal()
    row = 0
    for number in range(lowest, highest + 1):
        k = at[number]
        if k >= 0:
            at[number] = -1
            genes[row].innovation = number
            genes[row].source = ids[pairs[k, 0]]
            genes[row].target = ids[pairs[k, 1]]
            genes[row].weight = weights[k]
            genes[row].enabled = True
            row += 1


@outer
def _fill(ids, order, sizes, output_activation, activations, aggregations, sigma, tracker, nodes, connections, starts, rng):
    """Draw every genome into `nodes` and `connections`, and where each begins into `starts`, which is returned.

    The innovation number of a pair of positions is looked up once, in `number_of`, however many genomes have it. Genes are
    sorted by number without comparing them: each is put where its number says, and what is there is read in order.
    """
    n_inputs, most_hidden = sizes[0], ids.shape[0] - sizes[0] - sizes[1]
    n_genomes = starts.shape[1] - 1
    number_of = np.full((ids.shape[0], ids.shape[0] - n_inputs), _UNKNOWN, np.int64)
    at = np.full(tracker[0][0] + number_of.size, -1, np.int64)
    room = connections.shape[0] // n_genomes
    drawn, pairs, weights = np.empty(n_inputs, np.int64), np.empty((room, 2), np.int64), np.empty(room)
    for g in range(n_genomes):
        n_hidden = rng.integers(0, most_hidden + 1)
        own = nodes[starts[0, g] :]
        starts[0, g + 1] = starts[0, g] + _draw_nodes(
            ids, order, sizes, n_hidden, output_activation, activations, aggregations, sigma, own, rng
        )
        m = _draw_pairs(sizes, n_hidden, drawn, pairs, rng)
        lowest, highest = _number_pairs(ids, n_inputs, pairs[:m], number_of, tracker, at)
        genes = connections[starts[1, g] : starts[1, g] + m]
        _write_genes(ids, pairs[:m], at, lowest, highest, sigma, weights, genes, rng)
        starts[1, g + 1] = starts[1, g] + m
    return starts
