"""What `Population.tell` is given, checked before it changes anything: fitness values, and genomes that training changed."""

from collections.abc import Sequence
from numbers import Real

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.setting_types import shown
from propneat.genome import ACTIVATIONS, AGGREGATIONS, CONNECTION_DTYPE, NODE_DTYPE, GenePool, NodeKind

__all__ = ["check_fitness", "check_told"]

_LINK = ("innovation", "source", "target", "recurrent")


def check_fitness(fitness: Sequence[float] | np.ndarray, n_genomes: int) -> np.ndarray:
    """Return a copy of the fitness values, float64, shape (n_genomes,).

    Raises ConfigError for anything but that many numbers.
    """
    expected = f"expected one fitness for each of {n_genomes} genomes"
    try:
        values = np.asarray(fitness)
        strange = [] if values.dtype.kind in "biuf" else [value for value in values.flat if not isinstance(value, Real)]
        told = np.array([] if strange else values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"{expected}, got {shown(fitness)}") from error
    if strange:
        raise ConfigError(f"{expected}, a number, got {shown(strange[0])}: NaN is for a genome that has none")
    if told.shape != (n_genomes,):
        raise ConfigError(f"{expected}, got an array of shape {told.shape}")
    return told


def check_told(genomes: GenePool, asked: GenePool) -> GenePool:
    """Return trained genomes if they are those asked for but for their numbers and functions, else raise ConfigError."""
    if not isinstance(genomes, GenePool):
        raise ConfigError(f"genomes must be a GenePool, as `ask` returned it and GenePool.pack makes one, not {shown(genomes)}")
    if len(genomes) != len(asked):
        raise ConfigError(f"genomes must hold the {len(asked)} genomes asked for, not {len(genomes)}")
    if not _same_structure(genomes, asked):
        raise ConfigError("genomes must have the nodes and connections of those asked for, in their order: other ones came")
    if not (np.isfinite(genomes.nodes["bias"]).all() and np.isfinite(genomes.connections["weight"]).all()):
        raise ConfigError("genomes must hold finite weights and biases: keep the old ones of a broken genome, with fitness NaN")
    if not _valid_functions(genomes.nodes):
        raise ConfigError("genomes must hold known activations and aggregations, and input nodes that pass their value on")
    return genomes


def _same_structure(genomes: GenePool, asked: GenePool) -> bool:
    return (
        (genomes.nodes.dtype, genomes.connections.dtype) == (NODE_DTYPE, CONNECTION_DTYPE)
        and _same(genomes.node_start, asked.node_start)
        and _same(genomes.connection_start, asked.connection_start)
        and all(_same(genomes.nodes[name], asked.nodes[name]) for name in ("id", "kind"))
        and all(_same(genomes.connections[name], asked.connections[name]) for name in _LINK)
    )


def _same(told: np.ndarray, asked: np.ndarray) -> bool:
    return told is asked or np.array_equal(told, asked)


def _valid_functions(nodes: np.ndarray) -> bool:
    inputs = nodes[nodes["kind"] == NodeKind.INPUT]
    return (
        all(
            (nodes[field] >= 0).all() and (nodes[field] < most).all()
            for field, most in (("activation", ACTIVATIONS.n_codes), ("aggregation", AGGREGATIONS.n_codes))
        )
        and not np.any(inputs["bias"] != 0)
        and not np.any(inputs["activation"])
        and not np.any(inputs["aggregation"])
    )
