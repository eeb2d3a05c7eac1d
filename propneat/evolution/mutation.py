"""Mutations of one genome in a work buffer, compiled."""

from typing import NamedTuple

import numpy as np

from propneat.base.native import inner
from propneat.evolution.config import EvolutionConfig
from propneat.evolution.editing import (
    closes_cycle,
    find_node,
    insert_connection,
    insert_node,
    remove_connection,
    remove_isolated,
    remove_node,
)
from propneat.evolution.innovation import link_innovation, split_node
from propneat.genome import MAX_IDENTIFIER, NodeKind, activation_code, aggregation_code

__all__ = ["MutationRates", "mutate_genes", "room_left"]

_INPUT, _OUTPUT, _HIDDEN = int(NodeKind.INPUT), int(NodeKind.OUTPUT), int(NodeKind.HIDDEN)
_TRIES = 20
_NO_LIMIT = MAX_IDENTIFIER


class MutationRates(NamedTuple):
    """The part of EvolutionConfig that compiled mutations read, as plain numbers."""

    add_connection: float
    delete_connection: float
    add_node: float
    delete_node: float
    toggle: float
    weight: float
    bias: float
    replace_fraction: float
    perturb_sigma: float
    weight_sigma: float
    activation: float
    aggregation: float
    recurrent: float
    time_constant: float
    longest: float
    max_connections: int
    max_hidden: int
    activations: np.ndarray
    aggregations: np.ndarray

    @classmethod
    def of(cls, config: EvolutionConfig) -> "MutationRates":
        """Read the rates from a configuration."""
        return cls(
            add_connection=float(config.add_connection_rate),
            delete_connection=float(config.delete_connection_rate),
            add_node=float(config.add_node_rate),
            delete_node=float(config.delete_node_rate),
            toggle=float(config.toggle_rate),
            weight=float(config.weight_mutation_rate),
            bias=float(config.bias_mutation_rate),
            replace_fraction=float(config.replace_fraction),
            perturb_sigma=float(config.perturb_sigma),
            weight_sigma=float(config.weight_sigma),
            activation=float(config.activation_mutation_rate),
            aggregation=float(config.aggregation_mutation_rate),
            recurrent=float(config.recurrent_rate),
            time_constant=float(config.time_constant_rate),
            longest=float(config.longest_time_constant),
            max_connections=_NO_LIMIT if config.max_connections is None else config.max_connections,
            max_hidden=_NO_LIMIT if config.max_hidden is None else config.max_hidden,
            activations=np.array([activation_code(name) for name in config.activations], np.int8),
            aggregations=np.array([aggregation_code(name) for name in config.aggregations], np.int8),
        )


@inner
def _one_of(options, rng):
    return options[rng.integers(0, options.shape[0])]


@inner
def _random_row_from(nodes, n, least, rng):
    """A random node's row, of those whose kind is `least` or one after it, or -1 when there is none."""
    n_options = 0
    for row in range(n):
        n_options += nodes[row].kind >= least
    if n_options == 0:
        return -1
    chosen = rng.integers(0, n_options)
    for row in range(n):
        if nodes[row].kind >= least:
            if chosen == 0:
                return row
            chosen -= 1
    return -1


@inner
def room_left(nodes, n, connections, m, rates):
    """How many more enabled connections and hidden nodes a genome may have; below 0 where it has too many."""
    n_connections, n_hidden = 0, 0
    for k in range(m):
        n_connections += connections[k].enabled
    for row in range(n):
        n_hidden += nodes[row].kind == _HIDDEN
    return rates.max_connections - n_connections, rates.max_hidden - n_hidden


@inner
def _add_node(nodes, n, connections, m, tracker, rates, rng):
    """Split a random enabled connection: it is disabled, the way in gets weight 1, the way out the old weight.

    Of a recurrent connection the way in is recurrent, so that a value arrives as late as before.
    """
    n_enabled = 0
    for k in range(m):
        n_enabled += connections[k].enabled
    if n_enabled == 0:
        return n, m
    chosen = rng.integers(0, n_enabled)
    row = 0
    while not connections[row].enabled or chosen > 0:
        chosen -= connections[row].enabled
        row += 1
    state, links, splits = tracker
    innovation, source, target = connections[row].innovation, connections[row].source, connections[row].target
    weight, recurrent = connections[row].weight, connections[row].recurrent
    connections[row].enabled = False
    occurrence = 0
    identifier = split_node(state, splits, innovation, occurrence)
    while find_node(nodes, n, identifier) >= 0:
        occurrence += 1
        identifier = split_node(state, splits, innovation, occurrence)
    activation, aggregation = _one_of(rates.activations, rng), _one_of(rates.aggregations, rng)
    n = insert_node(nodes, n, identifier, _HIDDEN, 0.0, activation, aggregation, 0.0)
    way_in = link_innovation(state, links, source, identifier, recurrent)
    m = insert_connection(connections, m, way_in, source, identifier, 1.0, True, recurrent)
    way_out = link_innovation(state, links, identifier, target, False)
    m = insert_connection(connections, m, way_out, identifier, target, weight, True, False)
    return n, m


@inner
def _add_connection(nodes, n, connections, m, tracker, rates, rng):
    """Join two random nodes that are not joined yet, without closing a cycle; a disabled connection found there is enabled.

    With the chance of the recurrent rate the nodes are others that a connection within a step could not join: one and itself,
    or two of which the target leads to the source, or the source is an output. The connection between them is recurrent.
    """
    state, links, _ = tracker
    recurrent = rates.recurrent > 0 and rng.random() < rates.recurrent
    for _ in range(_TRIES):
        if recurrent:
            source, target = _random_row_from(nodes, n, _OUTPUT, rng), _random_row_from(nodes, n, _OUTPUT, rng)
        else:
            source, target = rng.integers(0, n), rng.integers(0, n)
        if not recurrent and (source == target or nodes[source].kind == _OUTPUT or nodes[target].kind == _INPUT):
            continue
        a, b = nodes[source].id, nodes[target].id
        row = -1
        for k in range(m):
            if connections[k].source == a and connections[k].target == b and connections[k].recurrent == recurrent:
                row = k
        if row >= 0:
            if connections[row].enabled:
                continue
            connections[row].enabled = True
            return m
        if recurrent:
            if nodes[source].kind != _OUTPUT and not closes_cycle(nodes, n, connections, m, a, b):
                continue
        elif nodes[source].kind != _INPUT and closes_cycle(nodes, n, connections, m, a, b):
            continue
        weight = rates.weight_sigma * rng.standard_normal()
        return insert_connection(connections, m, link_innovation(state, links, a, b, recurrent), a, b, weight, True, recurrent)
    return m


@inner
def _mutated_number(value, rates, rng):
    if rng.random() < rates.replace_fraction:
        return rates.weight_sigma * rng.standard_normal()
    return value + rates.perturb_sigma * rng.standard_normal()


@inner
def mutate_genes(nodes, n, connections, m, tracker, rates, rng):
    """Mutate a genome in its work buffer, which needs room for one more node and three more connections.

    `tracker` is (state, links, splits) of an InnovationTracker with room for three events. Each kind of mutation happens or
    not on its own, in the order delete, add, toggle, numbers, functions. Returns the new numbers of nodes and connections.
    """
    n_before = m
    if rates.delete_node > 0 and rng.random() < rates.delete_node:
        row = _random_row_from(nodes, n, _HIDDEN, rng)
        if row >= 0:
            n, m = remove_node(nodes, n, connections, m, row)
    if rates.delete_connection > 0 and m > 0 and rng.random() < rates.delete_connection:
        m = remove_connection(connections, m, rng.integers(0, m))
    if m < n_before:
        n = remove_isolated(nodes, n, connections, m)
    if rates.add_node > 0 and rng.random() < rates.add_node:
        connections_left, hidden_left = room_left(nodes, n, connections, m, rates)
        if connections_left > 0 and hidden_left > 0:
            n, m = _add_node(nodes, n, connections, m, tracker, rates, rng)
    if rates.add_connection > 0 and rng.random() < rates.add_connection:
        if room_left(nodes, n, connections, m, rates)[0] > 0:
            m = _add_connection(nodes, n, connections, m, tracker, rates, rng)
    if rates.toggle > 0 and m > 0 and rng.random() < rates.toggle:
        row = rng.integers(0, m)
        if connections[row].enabled or room_left(nodes, n, connections, m, rates)[0] > 0:
            connections[row].enabled = not connections[row].enabled
    _mutate_numbers(nodes, n, connections, m, rates, rng)
    _mutate_functions(nodes, n, rates, rng)
    return n, m


@inner
def _mutate_numbers(nodes, n, connections, m, rates, rng):
    if rates.weight > 0 and rng.random() < rates.weight:
        for k in range(m):
            connections[k].weight = _mutated_number(connections[k].weight, rates, rng)
    if rates.bias > 0 and rng.random() < rates.bias:
        for row in range(n):
            if nodes[row].kind != _INPUT:
                nodes[row].bias = _mutated_number(nodes[row].bias, rates, rng)


@inner
def _mutated_time_constant(value, rates, rng):
    """A new one where there was none, uniform in its logarithm; else a perturbed one, or in one case of four none."""
    if value == 0:
        return np.exp(np.log(rates.longest) * rng.random())
    if rng.random() < 0.25:
        return 0.0
    return min(max(value * np.exp(0.5 * rng.standard_normal()), 1.0), rates.longest)


@inner
def _mutate_functions(nodes, n, rates, rng):
    if rates.activation > 0 and rng.random() < rates.activation:
        row = _random_row_from(nodes, n, _HIDDEN, rng)
        if row >= 0:
            nodes[row].activation = _one_of(rates.activations, rng)
    if rates.aggregation > 0 and rng.random() < rates.aggregation:
        row = _random_row_from(nodes, n, _HIDDEN, rng)
        if row >= 0:
            nodes[row].aggregation = _one_of(rates.aggregations, rng)
    if rates.time_constant > 0 and rng.random() < rates.time_constant:
        row = _random_row_from(nodes, n, _OUTPUT, rng)
        if row >= 0:
            nodes[row].time_constant = _mutated_time_constant(nodes[row].time_constant, rates, rng)
