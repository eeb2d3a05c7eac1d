"""Laws of the compiler: the genome's function, exactly its trainable numbers, and a way back that changes nothing else."""

import math
import tracemalloc
from dataclasses import fields

import networkx as nx
import numpy as np
import pytest
from random_genomes import random_genome

from propneat.compiler import LayerPlan, compile_genome, compile_pool, evaluate, write_back, write_back_pool
from propneat.genome import (
    ACTIVATIONS,
    AGGREGATIONS,
    GenePool,
    Genome,
    NodeKind,
    activation_code,
    aggregation_code,
    make_genome,
)

TEXTBOOK = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 0.5 + 0.5 * math.tanh(0.5 * z),
    "steep_sigmoid": lambda z: 0.5 + 0.5 * math.tanh(2.45 * z),
    "tanh": math.tanh,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: max(z, 0.01 * z),
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "gelu": lambda z: 0.5 * z * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z))),
    "silu": lambda z: z * (0.5 + 0.5 * math.tanh(0.5 * z)),
    "softplus": lambda z: max(z, 0.0) + math.log1p(math.exp(-abs(z))),
    "sin": math.sin,
    "gauss": lambda z: math.exp(-z * z),
    "abs": abs,
    "square": lambda z: z * z,
}
JOINS = {"sum": sum, "mean": lambda terms: sum(terms) / len(terms), "product": math.prod, "max": max, "min": min}


def answer(genome: Genome, row: list[float]) -> list[float]:
    """The network's outputs for one row, straight from the genes, without any plan."""
    inputs = genome.nodes["id"][genome.nodes["kind"] == NodeKind.INPUT].tolist()
    values = dict(zip(inputs, row, strict=True))
    genes = {gene[0]: gene for gene in genome.nodes.tolist()}

    def value(node: int) -> float:
        if node not in values:
            _, bias, _, activation, aggregation, _ = genes[node]
            terms = [w * value(s) for _, s, t, w, enabled, _ in genome.connections.tolist() if enabled and t == node]
            joined = JOINS[AGGREGATIONS[aggregation]](terms) if terms else 0.0
            values[node] = TEXTBOOK[ACTIVATIONS[activation]](joined + bias)
        return values[node]

    return [value(node) for node in genome.nodes["id"][genome.nodes["kind"] == NodeKind.OUTPUT].tolist()]


def useful_graph(genome: Genome) -> nx.DiGraph:
    """Inputs, outputs and nodes that reach an output, with the enabled connections between them, by networkx."""
    graph = nx.DiGraph()
    graph.add_nodes_from(genome.nodes["id"].tolist())
    enabled = genome.connections[genome.connections["enabled"]]
    graph.add_edges_from(enabled[["source", "target"]].tolist())
    outputs = genome.nodes["id"][genome.nodes["kind"] == NodeKind.OUTPUT].tolist()
    reaching = set(outputs).union(*(nx.ancestors(graph, node) for node in outputs))
    inputs = set(genome.nodes["id"][genome.nodes["kind"] == NodeKind.INPUT].tolist())
    return graph.subgraph(reaching | inputs).copy()


def random_pool(seed: int, n_genomes: int, n_inputs: int = 4, n_outputs: int = 2) -> GenePool:
    rng = np.random.default_rng(seed)
    return GenePool.pack(random_genome(rng, n_inputs=n_inputs, n_outputs=n_outputs) for _ in range(n_genomes))


def ladder(depth: int) -> Genome:
    """Two nodes in each of `depth` layers, all joined to the next two: 2^depth paths through 4 * depth connections."""
    nodes = [(0, 0.0, 0, 0, 0), (1, 0.0, 0, 0, 0)]
    nodes += [(2 + k, 0.01, NodeKind.HIDDEN, activation_code("tanh"), 0) for k in range(2 * depth)]
    nodes.append((2 + 2 * depth, 0.0, NodeKind.OUTPUT, 0, 0))
    pairs = [(2 * k + a, 2 * k + 2 + b) for k in range(depth) for a in range(2) for b in range(2)]
    pairs += [(2 * depth, 2 * depth + 2), (2 * depth + 1, 2 * depth + 2)]
    return make_genome(nodes, [(k, s, t, 0.4, True) for k, (s, t) in enumerate(pairs)])


def test_a_thousand_plans_compute_what_the_genes_say():
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        genome = random_genome(rng)
        X = rng.standard_normal((2, genome.n_inputs))
        expected = [answer(genome, row) for row in X.tolist()]
        np.testing.assert_allclose(evaluate(compile_genome(genome), X), expected, rtol=1e-9, atol=1e-12, err_msg=str(seed))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_follow_the_textbook_far_out(activation):
    genome = make_genome([(0, 0.0, 0, 0, 0), (1, 0.0, 1, activation_code(activation), 0)], [(0, 0, 1, 1.0, True)])
    X = np.array([0.0, -0.0, 1e-300, -1e-9, 0.3, -2.0, 11.0, -37.0, 700.0, -750.0, 1e6, -1e100])
    expected = [TEXTBOOK[activation](x) for x in X.tolist()]
    np.testing.assert_allclose(evaluate(compile_genome(genome), X[:, None])[:, 0], expected, rtol=1e-13, atol=1e-15)


def test_a_row_is_answered_alike_to_the_bit_whatever_stands_beside_it():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        plan = compile_genome(random_genome(rng, n_inputs=20))
        X = rng.standard_normal((11, 20))
        together = evaluate(plan, X)
        order = rng.permutation(11)
        assert evaluate(plan, X[order]).tobytes() == together[order].tobytes()
        assert np.concatenate([evaluate(plan, X[k : k + 1]) for k in range(11)]).tobytes() == together.tobytes()


def test_many_rows_go_through_in_blocks():
    plan = compile_genome(ladder(2))
    X = np.random.default_rng(0).standard_normal((40_000, 2))
    together = evaluate(plan, X)
    assert together[[0, 16_383, 16_384, 39_999]].tobytes() == evaluate(plan, X[[0, 16_383, 16_384, 39_999]]).tobytes()
    assert evaluate(plan, X[:0]).shape == (0, 1)


@pytest.mark.parametrize("numbers", [1, 40, 2**26])
def test_blocks_of_rows_change_no_bit(monkeypatch, numbers):
    rng = np.random.default_rng(11)
    genomes, X = [random_genome(rng, n_inputs=3) for _ in range(40)], rng.standard_normal((50, 3))
    whole = [evaluate(compile_genome(genome), X) for genome in genomes]
    monkeypatch.setattr("propneat.compiler.evaluation._NUMBERS_AT_ONCE", numbers)
    for genome, answers in zip(genomes, whole, strict=True):
        assert evaluate(compile_genome(genome), X).tobytes() == answers.tobytes()


def test_memory_of_an_evaluation_does_not_grow_with_nodes_times_rows(monkeypatch):
    """80,000 values of nodes at once, for 1,000 nodes that one node joins, on 800 rows: 6.4 MB if all were kept."""
    hidden = [(k, 0.5, 2, 3, 0) for k in range(2, 1002)]
    connections = [(2 * k, 0, k, 0.01, True) for k in range(2, 1002)] + [(2 * k + 1, k, 1, 0.01, True) for k in range(2, 1002)]
    plan = compile_genome(make_genome([(0, 0.0, 0, 0, 0), (1, 0.0, 1, 0, 0), *hidden], connections))
    X = np.linspace(-1, 1, 800)[:, None]
    monkeypatch.setattr("propneat.compiler.evaluation._NUMBERS_AT_ONCE", 80_000)
    tracemalloc.start()
    answers = evaluate(plan, X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6
    assert answers[:, 0] == pytest.approx(1000 * 0.01 * np.tanh(0.5 + 0.01 * X[:, 0]), rel=1e-12)


def test_rows_of_another_width_are_refused():
    plan = compile_genome(ladder(1))
    for X in (np.zeros((3, 1)), np.zeros(2), np.zeros((3, 2, 1))):
        with pytest.raises(ValueError, match="expected rows of 2 inputs"):
            evaluate(plan, X)


def test_a_thousand_genomes_come_back_as_they_went():
    """New numbers arrive in exactly the enabled genes that can matter, and the old ones leave no trace elsewhere."""
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        genome = random_genome(rng)
        plan = compile_genome(genome)
        assert write_back(genome, plan, plan.weights, plan.biases) == genome
        weights, biases = rng.standard_normal(plan.n_edges).astype(np.float32), rng.standard_normal(len(plan.biases))
        after = write_back(genome, plan, weights, biases)
        graph = useful_graph(genome)
        c, n = genome.connections, genome.nodes
        trained_edges = c["enabled"] & np.isin(c["target"], list(graph))
        trained_nodes = np.isin(n["id"], list(graph)) & (n["kind"] != NodeKind.INPUT)
        assert np.array_equal(np.sort(plan.edge_gene), np.flatnonzero(trained_edges))
        assert np.array_equal(np.sort(plan.slot_gene[plan.n_inputs :]), np.flatnonzero(trained_nodes))
        assert np.array_equal(after.connections["weight"][plan.edge_gene], weights.astype(np.float64))
        assert np.array_equal(after.nodes["bias"][plan.slot_gene[plan.n_inputs :]], biases)
        rest = [Genome(g.nodes[~trained_nodes], g.connections[~trained_edges]) for g in (genome, after)]
        assert rest[0] == rest[1]
        again = compile_genome(after)
        for field in fields(LayerPlan):
            if field.name not in ("weights", "biases"):
                assert np.array_equal(getattr(again, field.name), getattr(plan, field.name))


def test_depth_is_the_longest_path():
    for seed in range(300):
        genome = random_genome(np.random.default_rng(seed))
        plan = compile_genome(genome)
        kinds = dict(genome.nodes[["id", "kind"]].tolist())
        graph = useful_graph(genome)
        anchor = next(node for node, kind in kinds.items() if kind == NodeKind.INPUT)
        graph.add_edges_from([(anchor, v) for v in list(graph) if kinds[v] != NodeKind.INPUT and not graph.in_degree(v)])
        depth = {node: k for k, nodes in enumerate(nx.topological_generations(graph)) for node in nodes}
        ids = genome.nodes["id"][plan.slot_gene].tolist()
        assert ids == sorted(depth, key=lambda node: (depth[node], node))
        assert plan.depth.tolist() == [depth[node] for node in ids]
        assert plan.n_layers == max(depth.values())


def test_edges_lead_upwards_in_order_of_their_sources():
    for plan in compile_pool(random_pool(1, 100)):
        assert np.all(plan.edge_source < plan.edge_target)
        for slot in range(plan.n_slots):
            sources = plan.edge_source[plan.edge_start[slot] : plan.edge_start[slot + 1]]
            assert np.all(np.diff(sources) > 0)


def test_a_pool_is_compiled_as_its_genomes_are():
    pool = random_pool(2, 200)
    together = compile_pool(pool)
    assert len(together) == 200
    for plan, genome in zip(together, pool, strict=True):
        alone = compile_genome(genome)
        for field in fields(LayerPlan):
            ours, theirs = getattr(plan, field.name), getattr(alone, field.name)
            assert np.array_equal(ours, theirs) and getattr(ours, "dtype", None) == getattr(theirs, "dtype", None)


def test_a_pool_comes_back_as_its_genomes_do():
    pool = random_pool(3, 100)
    plan = compile_pool(pool)
    assert list(write_back_pool(pool, plan, plan.weights, plan.biases)) == list(pool)
    rng = np.random.default_rng(0)
    weights, biases = rng.standard_normal(len(plan.weights)), rng.standard_normal(len(plan.biases))
    after = write_back_pool(pool, plan, weights, biases)
    for g, genome in enumerate(pool):
        slots, edges = (slice(start[g], start[g + 1]) for start in (plan.slot_start, plan.genome_edge_start))
        assert after[g] == write_back(genome, plan[g], weights[edges], biases[slots][plan.n_inputs :])


def test_wrong_shapes_are_refused():
    pool = random_pool(4, 3)
    plan = compile_pool(pool)
    with pytest.raises(ValueError, match="expected"):
        write_back(pool[0], plan[0], plan[0].weights[1:], plan[0].biases)
    with pytest.raises(ValueError, match="expected"):
        write_back_pool(pool, plan, plan.weights, plan.biases[1:])


def test_a_ladder_with_two_to_the_thousand_paths_compiles():
    """Work that grows with the number of paths would not end; two ladders in a pool show the same for the packed form."""
    genome = ladder(1000)
    assert compile_genome(genome).n_layers == 1001
    plan = compile_pool(GenePool.pack([genome, ladder(3), genome]))
    assert [p.n_layers for p in plan] == [1001, 4, 1001]
    assert plan[2].n_edges == len(genome.connections) == 4002
    values = [0.3, -0.2]
    for _ in range(1000):
        values = [math.tanh(0.4 * values[0] + 0.4 * values[1] + 0.01)] * 2
    expected = 0.8 * values[0]
    np.testing.assert_allclose(evaluate(plan[2], np.array([[0.3, -0.2]])), [[expected]], rtol=1e-12)


def test_what_comes_back_cannot_be_written_to():
    pool = GenePool.pack(random_genome(np.random.default_rng(seed), n_inputs=3, n_outputs=2) for seed in range(5))
    plan = compile_pool(pool)
    trained = write_back_pool(pool, plan, plan.weights + 1, plan.biases)
    one = write_back(pool[0], plan[0], plan[0].weights + 1, plan[0].biases)
    for each in (trained, trained[0], one):
        arrays = [getattr(each, field.name) for field in fields(each)]
        assert arrays and not any(array.flags.writeable for array in arrays)
    for array in (trained.connections["weight"], trained.nodes["bias"], one.connections["weight"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7.0


def test_plans_cannot_be_written_to():
    plan = compile_pool(random_pool(5, 2))
    for array in (plan.weights, plan[1].weights, plan[0].biases, plan.edge_source):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_a_genome_without_connections_is_its_biases():
    nodes = [(3, 0.0, 0, 0, 0), (1, 0.5, 1, activation_code("square"), aggregation_code("product"))]
    plan = compile_genome(make_genome([*nodes, (2, 9.0, 2, 1, 0)], []))
    assert (plan.n_slots, plan.n_edges, plan.n_layers) == (2, 0, 1)
    np.testing.assert_array_equal(evaluate(plan, np.array([[7.0], [-7.0]])), [[0.25], [0.25]])
