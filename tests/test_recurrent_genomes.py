"""Recurrent connections as genes: what a genome may hold, where they come from, and that every form keeps them."""

import copy
import hashlib
import json
from dataclasses import replace
from xml.etree import ElementTree

import networkx
import numpy as np
import pytest
from random_genomes import random_genome, random_recurrent_genome

from propneat.base.errors import ConfigError, GenomeError
from propneat.compiler import compile_genome, compile_pool
from propneat.evolution import EvolutionConfig, InnovationTracker, Population, compatibility_distance, crossover, mutate
from propneat.genome import (
    GenePool,
    Genome,
    NodeKind,
    format_document,
    genome_from_document,
    genome_to_document,
    make_genome,
    parse_document,
    validate,
)
from propneat.genome.graph_form import from_networkx, to_dot, to_graphml, to_networkx
from propneat.report.network_svg import draw_network
from propneat.run.checkpoint.archive import pool_arrays, read_pool

NODES = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.5, NodeKind.OUTPUT, 0, 0)]
NODES += [(2, 0.1, NodeKind.HIDDEN, 3, 0), (3, 0.0, NodeKind.HIDDEN, 4, 0)]
FORWARD = [(0, 0, 2, 1.0, True), (1, 2, 1, 0.5, True), (2, 2, 3, -1.0, True), (3, 3, 1, 2.0, True)]
STILL = EvolutionConfig(
    add_connection_rate=0.0, add_node_rate=0.0, weight_mutation_rate=0.0, bias_mutation_rate=0.0, average_rate=0.0
)
GROWING = EvolutionConfig(
    population_size=30,
    add_connection_rate=0.6,
    add_node_rate=0.5,
    delete_connection_rate=0.2,
    delete_node_rate=0.1,
    toggle_rate=0.2,
    target_species=4,
    interspecies_rate=0.2,
    activations=("tanh", "relu"),
    activation_mutation_rate=0.3,
)


def genome_with(*recurrent: tuple) -> Genome:
    """The small network of NODES with further recurrent genes (innovation, source, target, weight, enabled)."""
    return validate(make_genome(NODES, [*FORWARD, *((*gene, True) for gene in recurrent)]))


def recurrent_genomes(count: int = 60) -> list[Genome]:
    return [random_recurrent_genome(np.random.default_rng(seed)) for seed in range(count)]


def grow(seed: int, n_generations: int, **options) -> Population:
    population = Population(3, 2, replace(GROWING, **options), seed=seed)
    for _ in range(n_generations):
        population.tell([float(len(genome.connections) % 7) for genome in population.ask()])
    return population


def recurrent_pairs(genome: Genome) -> set[tuple[int, int]]:
    return set(genome.connections[genome.connections["recurrent"]][["source", "target"]].tolist())


def test_a_recurrent_gene_may_close_a_cycle_a_loop_or_join_a_joined_pair():
    genome = genome_with((4, 2, 2, 1.0, True), (5, 3, 2, 1.0, True), (6, 1, 2, 1.0, False), (7, 2, 3, 1.0, True))
    assert genome.is_recurrent and not validate(make_genome(NODES, FORWARD)).is_recurrent


@pytest.mark.parametrize(
    ("gene", "message"),
    [
        ((4, 3, 2, 1.0, True, False), "only recurrent ones may close one"),
        ((4, 2, 2, 1.0, True, False), "only recurrent ones may close one"),
        ((4, 0, 2, 1.0, True, True), "connection 4 is recurrent and leaves input node 0"),
        ((4, 2, 0, 1.0, True, True), "enters input node 0"),
        ((4, 9, 2, 1.0, True, True), "has source 9"),
        ((5, 3, 3, 1.0, False, True), "nodes 3 and 3 are joined by two recurrent connections"),
    ],
)
def test_what_is_no_recurrent_gene_is_named(gene, message):
    with pytest.raises(GenomeError, match=message):
        validate(make_genome(NODES, [*FORWARD, (6, 3, 3, 1.0, True, True), gene]))


def test_json_keeps_every_recurrent_gene_and_raises_the_schema_for_them_alone():
    for genome in recurrent_genomes():
        text = format_document(genome_to_document(genome))
        assert genome_from_document(parse_document(text)) == genome
        assert json.loads(text)["schema"] == ("propneat.genome/3" if genome.is_recurrent else "propneat.genome/2")
    loop = {"innovation": 4, "source": 2, "target": 2, "weight": 1.0, "enabled": True, "recurrent": True}
    assert genome_to_document(genome_with((4, 2, 2, 1.0, True)))["connections"][-1] == loop


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["connections"][0].update(recurrent=1), "'recurrent' of connection 0 must be true or false, not 1"),
        (lambda d: d["connections"][0].pop("recurrent"), "a connection lacks 'recurrent'"),
        (lambda d: d.update(schema="propneat.genome/2"), "unknown key 'recurrent'"),
    ],
)
def test_a_wrong_recurrent_key_gets_one_sentence(change, message):
    document = json.loads(format_document(genome_to_document(genome_with((4, 2, 2, 1.0, True)))))
    change(document)
    with pytest.raises(GenomeError, match=message):
        genome_from_document(document)


def test_graphs_and_graphml_keep_every_recurrent_gene():
    for genome in recurrent_genomes():
        assert from_networkx(to_networkx(genome)) == genome
        assert from_networkx(networkx.parse_graphml(to_graphml(genome))) == genome
    graph = to_networkx(genome_with((4, 2, 2, 1.0, True)))
    graph.edges[2, 2, 0].update(recurrent="yes")
    with pytest.raises(GenomeError, match="recurrent of the connection from node 2 to node 2 must be True or False"):
        from_networkx(graph)


def test_dot_and_the_drawing_show_what_leads_back():
    genome = genome_with((4, 2, 2, 1.0, True), (5, 3, 2, -1.0, True), (6, 1, 3, 1.0, False))
    lines = [line for line in to_dot(genome).splitlines() if "constraint=false" in line]
    assert ["dotted" in line for line in lines] == [True, True, False] and all("arrowhead=empty" in line for line in lines)
    root = ElementTree.fromstring(draw_network(genome).encode())
    paths = list(root.iter("{http://www.w3.org/2000/svg}path"))
    dashed = [path for path in paths if path.get("stroke-dasharray")]
    assert len(paths) == 6 and len(dashed) == 2
    assert all("of the step before" in path[0].text for path in dashed)
    assert "6 connections, 2 recurrent" in draw_network(genome)
    assert "step before" not in draw_network(make_genome(NODES, FORWARD))


def test_arcs_lie_on_the_canvas():
    for genome in recurrent_genomes():
        text = draw_network(genome)
        root = ElementTree.fromstring(text.encode())
        shift_x, shift_y = (float(part) for part in root.find("{http://www.w3.org/2000/svg}g").get("transform")[10:-1].split())
        for path in root.iter("{http://www.w3.org/2000/svg}path"):
            numbers = [float(part) for part in path.get("d").replace("M", " ").replace("L", " ").replace("C", " ").split()]
            x, y = np.array(numbers).reshape(-1, 2).T
            assert (x + shift_x >= 0).all() and (x + shift_x <= float(root.get("width"))).all()
            assert (y + shift_y >= 0).all() and (y + shift_y <= float(root.get("height"))).all()
        assert text == draw_network(genome)


def test_an_archive_keeps_every_recurrent_gene_and_is_as_before_without_any():
    pool = GenePool.pack(recurrent_genomes())
    arrays = pool_arrays("pool", pool)
    assert list(read_pool("pool", arrays)) == list(pool)
    assert set(arrays["pool_connections"]["enabled"].tolist()) == {0, 1, 2, 3}
    arrays["pool_connections"]["enabled"][3] = 4
    with pytest.raises(ValueError, match="neither enabled nor disabled"):
        read_pool("pool", arrays)
    plain = pool_arrays("pool", [random_genome(np.random.default_rng(3))])
    assert set(plain["pool_connections"]["enabled"].tolist()) <= {0, 1}


def test_copies_and_equality_know_recurrent_genes():
    genome = genome_with((4, 2, 2, 1.0, True))
    twin = make_genome(NODES, [*FORWARD, (4, 2, 2, 1.0, True, False)])
    assert copy.deepcopy(genome) == genome != twin and len({genome, twin}) == 2


def test_a_recurrent_link_is_another_innovation_than_a_forward_one():
    tracker = InnovationTracker(next_node=9)
    last = 2**31 - 1
    numbers = [tracker.link(*link) for link in [(2, 3), (2, 3, True), (3, 2, True), (last, last, True), (last, last)]]
    assert numbers == [0, 1, 2, 3, 4]
    restored = InnovationTracker.from_arrays(tracker.to_arrays())
    assert restored.link(2, 3, True) == 1 and restored.link(3, 2) == 5
    followed = InnovationTracker.following(GenePool.pack([genome_with((7, 2, 3, 1.0, True), (9, 3, 3, 1.0, False))]))
    assert [followed.link(*link) for link in [(2, 3), (2, 3, True), (3, 3, True), (1, 1, True)]] == [2, 7, 9, 10]
    with pytest.raises(GenomeError, match="disagree about innovation numbers"):
        InnovationTracker.following(GenePool.pack([genome_with((7, 2, 3, 1.0, True)), genome_with((8, 2, 3, 1.0, True))]))


def test_a_mutation_finds_every_recurrent_pair_and_no_other():
    genome = validate(make_genome(NODES, FORWARD))
    tracker = InnovationTracker.following(GenePool.pack([genome]))
    config, rng = replace(STILL, add_connection_rate=1.0, recurrent_rate=1.0), np.random.default_rng(0)
    found = set().union(*(recurrent_pairs(mutate(genome, tracker, config, rng)) for _ in range(300)))
    # 2 leads to 3, and both to the output 1, which may lead back to all
    assert found == {(2, 2), (3, 3), (1, 1), (3, 2), (1, 2), (1, 3)}
    for pair in found:
        assert compatibility_distance(genome, genome_with((tracker.link(*pair, True), *pair, 1.0, True)), config) > 0


def test_the_recurrent_rate_is_the_share_of_new_connections():
    genome = validate(make_genome([*NODES, *((k, 0.0, NodeKind.HIDDEN, 3, 0) for k in range(4, 16))], FORWARD))
    tracker = InnovationTracker.following(GenePool.pack([genome]))
    config, rng = replace(STILL, add_connection_rate=1.0, recurrent_rate=0.3), np.random.default_rng(1)
    n_recurrent = sum(mutate(genome, tracker, config, rng).is_recurrent for _ in range(2000))
    assert abs(n_recurrent / 2000 - 0.3) < 0.04


def test_splitting_a_recurrent_connection_keeps_the_delay_of_one_step():
    genome = validate(make_genome(NODES[:2], [(3, 1, 1, 0.7, True, True)]))
    tracker = InnovationTracker.following(GenePool.pack([genome]))
    split = mutate(genome, tracker, replace(STILL, add_node_rate=1.0), np.random.default_rng(0))
    assert split.connections.tolist() == [(3, 1, 1, 0.7, False, True), (4, 1, 2, 1.0, True, True), (5, 2, 1, 0.7, True, False)]
    assert validate(split) == split
    assert InnovationTracker.following(GenePool.pack([split])).split(3) == 2


def test_equals_give_their_recurrent_genes_and_no_cycle_within_a_step():
    a, b = genome_with((6, 2, 2, 1.0, True)), genome_with((7, 3, 2, 1.0, True), (8, 2, 3, 1.0, True))
    child = crossover(a, b, replace(STILL, crossover_rate=1.0), np.random.default_rng(0), tie=True)
    assert recurrent_pairs(validate(child)) == {(2, 2), (3, 2), (2, 3)}
    forward = make_genome(NODES, [*FORWARD[:2], (9, 3, 2, 1.0, True), *FORWARD[3:]])
    child = crossover(a, forward, STILL, np.random.default_rng(0), tie=True)
    assert 9 not in child.connections["innovation"] and validate(child).is_recurrent


def test_a_run_with_recurrent_genes_keeps_every_rule_and_every_number_its_meaning():
    meaning = {}
    for seed in range(4):
        population = grow(seed, 15, recurrent_rate=0.4)
        pool = population.ask()
        meaning = {}
        for genome in pool:
            validate(genome)
            for number, *link, flag in genome.connections[["innovation", "source", "target", "recurrent"]].tolist():
                assert meaning.setdefault(number, (*link, flag)) == (*link, flag)
        assert len(set(meaning.values())) == len(meaning) and any(genome.is_recurrent for genome in pool)
        restored = Population.restore(population.state, population.config, seed)
        for twin in (population, restored):
            twin.tell(np.arange(30.0))
        assert list(population.ask()) == list(restored.ask())


def test_at_rate_zero_a_run_is_what_it_was_before_there_were_recurrent_genes():
    text = "".join(format_document(genome_to_document(genome)) for genome in grow(5, 12).ask())
    assert hashlib.sha256(text.encode()).hexdigest() == "c8d1fe80fd9bcd6ba65a6481b89475dd636db745aee797ec940a554b75204a29"


def test_genomes_told_may_not_change_the_kind_of_a_connection():
    population = grow(0, 8, recurrent_rate=0.5)
    pool = population.ask()
    connections = pool.connections.copy()
    connections["recurrent"][:] = False
    with pytest.raises(ConfigError, match="nodes and connections of those asked for"):
        population.tell(np.zeros(30), GenePool(pool.nodes, pool.node_start, connections, pool.connection_start))


def test_the_plan_has_every_useful_recurrent_edge_and_the_order_of_the_step_without_them():
    for genome in recurrent_genomes(200):
        plan = compile_genome(genome)
        ids = genome.nodes["id"][plan.slot_gene]
        enabled = genome.connections[genome.connections["enabled"]]
        graph = networkx.MultiDiGraph()
        graph.add_nodes_from(genome.nodes["id"].tolist())
        graph.add_edges_from(enabled[["source", "target"]].tolist())
        kinds = dict(genome.nodes[["id", "kind"]].tolist())
        needed = {node for node, kind in kinds.items() if kind != NodeKind.HIDDEN}
        needed |= set().union(*(networkx.ancestors(graph, node) for node, kind in kinds.items() if kind == NodeKind.OUTPUT))
        assert set(ids.tolist()) == needed
        useful = [gene for gene in enabled[["source", "target", "weight", "recurrent"]].tolist() if gene[1] in needed]
        edges = zip(ids[plan.edge_source], ids[plan.edge_target], plan.weights, plan.edge_recurrent, strict=True)
        assert sorted(map(tuple, np.array(list(edges), dtype=object).reshape(-1, 4))) == sorted(useful)
        forward = ~plan.edge_recurrent
        assert (plan.edge_source[forward] < plan.edge_target[forward]).all()
        late_first = np.where(plan.edge_source < plan.n_inputs, 0, np.where(plan.edge_recurrent, 1, 2))
        keys = list(zip(plan.edge_target, late_first, plan.edge_source, strict=True))
        assert keys == sorted(keys)


def test_without_recurrent_genes_the_plan_is_that_of_the_forward_network():
    pool = GenePool.pack([random_genome(np.random.default_rng(seed), n_inputs=3, n_outputs=2) for seed in range(50)])
    plan = compile_pool(pool)
    assert not plan.is_recurrent and plan.edge_recurrent.shape == plan.edge_source.shape
