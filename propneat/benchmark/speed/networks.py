"""Networks and rows to train on: random NEAT-like graphs, ladders of a given depth, and a task of made-up rows."""

import numpy as np

from propneat.compiler import PopulationPlan
from propneat.genome import Genome, NodeKind, activation_code, make_genome
from propneat.training import Samples

__all__ = ["ladder_network", "made_up_rows", "multiply_adds", "random_network", "random_population"]


def random_network(n_inputs: int, n_hidden: int, rng: np.random.Generator) -> Genome:
    """Return a NEAT-like graph: half the inputs to the output, hidden nodes with three sources each and one target."""
    output = n_inputs + n_hidden
    pairs = {(i, output) for i in range(n_inputs) if rng.random() < 0.5}
    for hidden in range(n_inputs, output):
        pairs |= {(int(source), hidden) for source in rng.choice(hidden, size=3, replace=False)}
        pairs.add((hidden, int(rng.integers(hidden + 1, output + 1))))
    return _relu_network(n_inputs, n_hidden, pairs, rng)


def random_population(n_genomes: int, n_inputs: int, n_hidden: int, rng: np.random.Generator) -> list[Genome]:
    """Return random networks with n_hidden / 2 to n_hidden hidden nodes each."""
    return [random_network(n_inputs, int(rng.integers(n_hidden // 2, n_hidden + 1)), rng) for _ in range(n_genomes)]


def ladder_network(depth: int, n_inputs: int, n_hidden: int, rng: np.random.Generator) -> Genome:
    """Return a network with `depth` layers of equally many hidden nodes, and as many connections whatever the depth.

    Every hidden node has four sources: one in the layer before and three inputs, in the first layer four inputs. All feed the
    output, which makes 5 * n_hidden connections. `depth` divides `n_hidden`, and there are at least four inputs.
    """
    width = n_hidden // depth
    output = n_inputs + n_hidden
    pairs = {(hidden, output) for hidden in range(n_inputs, output)}
    for hidden in range(n_inputs, output):
        is_first = hidden < n_inputs + width
        pairs |= {(int(source), hidden) for source in rng.choice(n_inputs, size=4 if is_first else 3, replace=False)}
        if not is_first:
            pairs.add((hidden - width, hidden))
    return _relu_network(n_inputs, n_hidden, pairs, rng)


def _relu_network(n_inputs: int, n_hidden: int, pairs: set[tuple[int, int]], rng: np.random.Generator) -> Genome:
    relu, output = activation_code("relu"), n_inputs + n_hidden
    nodes = [(i, 0.0, NodeKind.INPUT, 0, 0) for i in range(n_inputs)]
    nodes += [(i, 0.0, NodeKind.HIDDEN, relu, 0) for i in range(n_inputs, output)] + [(output, 0.0, NodeKind.OUTPUT, 0, 0)]
    return make_genome(nodes, [(k, *pair, 0.3 * rng.standard_normal(), True) for k, pair in enumerate(sorted(pairs))])


def multiply_adds(plan: PopulationPlan) -> int:
    """Return how many multiply-adds an epoch cannot do without for one row: the useful work, of two operations each.

    Every edge takes one forward and one for the gradient of its weight. One more passes the gradient on to its source, unless
    that is an input.
    """
    return 2 * len(plan.edge_source) + int((plan.edge_source >= plan.n_inputs).sum())


def made_up_rows(n_rows: int, n_inputs: int, rng: np.random.Generator) -> Samples:
    """Return normal inputs and a binary target that depends on the product of the first two."""
    X = rng.standard_normal((n_rows, n_inputs), dtype=np.float32)
    return Samples.make(X, X[:, 0] * X[:, 1] > 0)
