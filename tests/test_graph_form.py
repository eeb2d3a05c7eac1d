"""Genomes as networkx graphs, GraphML and DOT: nothing is lost, anything wrong is refused, networkx agrees with the plan."""

import math
import re
from xml.etree import ElementTree

import networkx
import numpy as np
import pytest
from random_genomes import random_genome

from propneat.base.errors import ConfigError, GenomeError
from propneat.compiler import compile_genome
from propneat.genome import Genome, NodeKind, make_genome
from propneat.genome.graph_form import from_networkx, to_dot, to_graphml, to_networkx
from propneat.genome.presentation import node_names

NASTY = ['a "quoted" name', "back\\slash\\", "\\N \\n \\G", "<b> & &lt;", 'end \\"', "🎉 \x00\x1b \ud800", "];\n}", "", "年齢"]
TOKEN = re.compile(r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<word>[\w.#-]*[\w.])|(?P<mark>->|[{}\[\];,=]))')


def genomes(count: int = 100) -> list[Genome]:
    return [random_genome(np.random.default_rng(seed)) for seed in range(count)]


def small_graph() -> networkx.DiGraph:
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (5, 0.5, NodeKind.OUTPUT, 1, 0), (7, -0.5, NodeKind.HIDDEN, 3, 1)]
    return to_networkx(make_genome(nodes, [(0, 0, 7, 1.5, True), (1, 7, 5, -2.5, False)]))


def dot_tokens(text: str) -> list[str]:
    """Cut DOT text into its tokens; fails on anything that is none, such as a quote out of place."""
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        assert match, text[at : at + 40]
        tokens.append(match.group().strip())
        at = match.end()
    return tokens


def dot_statements(text: str) -> list[tuple[tuple[str, ...], dict[str, str]]]:
    """Read the node and edge statements of DOT text: their ids and attributes."""
    tokens, statements, k = dot_tokens(text), [], 0
    assert tokens.count("{") == tokens.count("}") and tokens.count("[") == tokens.count("]")
    while "[" in tokens[k:]:
        k = tokens.index("[", k)
        start = max(index for index, token in enumerate(tokens[:k]) if token in ("{", "}", ";"))
        end = tokens.index("]", k)
        body = [token for token in tokens[k + 1 : end] if token != ","]
        assert body[1::3] == ["="] * (len(body) // 3)
        statements.append((tuple(t for t in tokens[start + 1 : k] if t != "->"), dict(zip(body[::3], body[2::3], strict=True))))
        k = end
    return [(ids, attributes) for ids, attributes in statements if ids[0].isdigit()]


def test_to_the_graph_and_back_is_the_identity_to_the_bit():
    for genome in genomes():
        assert from_networkx(to_networkx(genome)) == genome
    edge = make_genome([(0, 0.0, 0, 0, 0), (2**31 - 1, -0.0, 1, 0, 0)], [(2**31 - 1, 0, 2**31 - 1, 5e-324, True)])
    assert from_networkx(to_networkx(edge)) == edge == from_networkx(networkx.parse_graphml(to_graphml(edge)))


def test_graphml_with_any_names_loads_back_to_the_same_genome():
    rng = np.random.default_rng(1)
    for genome in genomes():
        inputs, outputs = rng.choice(NASTY, genome.n_inputs).tolist(), rng.choice(NASTY, genome.n_outputs).tolist()
        text = to_graphml(genome, node_names(genome, inputs, outputs))
        ElementTree.fromstring(text.encode())
        assert from_networkx(networkx.parse_graphml(text)) == genome
        assert from_networkx(networkx.parse_graphml(to_graphml(genome), node_type=int)) == genome
        assert text == to_graphml(genome, node_names(genome, inputs, outputs))


def test_graphml_carries_the_names_as_labels():
    graph = small_graph()
    text = to_graphml(from_networkx(graph), {0: "age & <sex>", 5: 'the "class"\x00'})
    labels = networkx.get_node_attributes(networkx.parse_graphml(text), "label")
    assert labels == {"0": "age & <sex>", "5": 'the "class"\ufffd'}
    with pytest.raises(GenomeError, match="node 99"):
        to_graphml(from_networkx(graph), {99: "nobody"})


def test_networkx_agrees_with_the_compiler_on_needed_nodes_and_depth():
    for genome in genomes():
        plan = compile_genome(genome)
        graph = to_networkx(genome)
        graph.remove_edges_from([(s, t) for s, t, enabled in graph.edges(data="enabled") if not enabled])
        kinds = networkx.get_node_attributes(graph, "kind")
        needed = {node for node, kind in kinds.items() if kind != "hidden"}
        for output in [node for node, kind in kinds.items() if kind == "output"]:
            needed |= networkx.ancestors(graph, output)
        ids = genome.nodes["id"][plan.slot_gene].tolist()
        assert set(ids) == needed and len(ids) == len(needed)
        assert plan.n_edges == graph.subgraph(needed).number_of_edges()
        for node, depth in zip(ids, plan.depth.tolist(), strict=True):
            above = graph.subgraph(networkx.ancestors(graph, node) | {node})
            # a path that begins at a constant node counts one more, as if an input fed it
            lengths = [
                networkx.dag_longest_path_length(
                    above.subgraph((networkx.descendants(above, root) | {root}) & (networkx.ancestors(above, node) | {node})),
                    weight=None,
                    default_weight=1,
                )
                + (kinds[root] != "input")
                for root in above
                if above.in_degree(root) == 0
            ]
            assert depth == max(lengths)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda graph: graph.nodes[7].pop("bias"), "node 7 has no attribute bias"),
        (lambda graph: graph.nodes[7].update(bias="0.5"), "bias of node 7 must be a number"),
        (lambda graph: graph.nodes[7].update(bias=10**400), "too large"),
        (lambda graph: graph.nodes[7].update(bias=math.nan), "not a finite number"),
        (lambda graph: graph.nodes[7].update(kind="secret"), "kind of node 7 must be one of input, output, hidden"),
        (lambda graph: graph.nodes[7].update(activation=["tanh"]), "activation of node 7"),
        (lambda graph: graph.nodes[7].update(aggregation="median"), "aggregation of node 7"),
        (lambda graph: graph.add_node("seven", **graph.nodes[7]), "node id must be a whole number .* not 'seven'"),
        (lambda graph: graph.add_node(2**31, **graph.nodes[7]), "node id must be a whole number"),
        (lambda graph: graph.add_node(True, **graph.nodes[7]), "node id must be a whole number"),
        (lambda graph: graph.add_node(8.5, **graph.nodes[7]), "node id must be a whole number"),
        (lambda graph: graph.add_node("7", **graph.nodes[7]), "node id 7 appears twice"),
        (lambda graph: graph.edges[0, 7].pop("weight"), "from node 0 to node 7 has no attribute weight"),
        (lambda graph: graph.edges[0, 7].update(weight=math.inf), "weight that is not a finite number"),
        (lambda graph: graph.edges[0, 7].update(enabled=1), "enabled .* must be True or False"),
        (lambda graph: graph.edges[0, 7].update(innovation=-1), "innovation number .* must be a whole number"),
        (lambda graph: graph.edges[0, 7].update(innovation=1), "innovation number 1 appears twice"),
        (lambda graph: graph.add_edge(5, 7, innovation=9, weight=1.0, enabled=False), "cycle"),
        (lambda graph: graph.add_edge(7, 0, innovation=9, weight=1.0, enabled=True), "enters input node 0"),
        (lambda graph: graph.add_node(9), "node 9 has no attribute bias"),
        (lambda graph: graph.remove_node(0), "at least one input"),
    ],
)
def test_anything_wrong_in_a_graph_is_named(what, message):
    graph = small_graph()
    from_networkx(graph)
    what(graph)
    with pytest.raises(GenomeError, match=message):
        from_networkx(graph)


@pytest.mark.parametrize("kind", [networkx.Graph, networkx.MultiGraph])
def test_other_kinds_of_graph_are_refused(kind):
    with pytest.raises(GenomeError, match=f"not a {kind.__name__}"):
        from_networkx(kind(small_graph()))


def test_numpy_numbers_are_numbers():
    graph = small_graph()
    genome = from_networkx(graph)
    graph.edges[0, 7].update(weight=np.float64(1.5), enabled=np.True_, innovation=np.int64(0))
    assert from_networkx(graph) == genome


def test_dot_holds_every_gene_and_escapes_any_name():
    rng = np.random.default_rng(2)
    for genome in genomes():
        inputs, outputs = rng.choice(NASTY, genome.n_inputs).tolist(), rng.choice(NASTY, genome.n_outputs).tolist()
        text = to_dot(genome, inputs, outputs)
        assert text == to_dot(genome, inputs, outputs)
        statements = dot_statements(text)
        assert sorted(int(ids[0]) for ids, _ in statements if len(ids) == 1) == genome.nodes["id"].tolist()
        edges = {tuple(map(int, ids)): attributes for ids, attributes in statements if len(ids) == 2}
        assert len(edges) == len(genome.connections)
        for _, source, target, _, enabled, _ in genome.connections.tolist():
            assert edges[source, target]["style"] == ("solid" if enabled else "dashed")


def test_a_dot_label_reads_back_as_the_name():
    genome = make_genome([(0, 0.0, 0, 0, 0), (1, 0.0, 1, 0, 0)], [])
    for name in NASTY:
        label = dict(dot_statements(to_dot(genome, [name])))[("0",)]["label"][1:-1]
        # what Graphviz does to a label: backslash escapes, then HTML entities
        shown = re.sub(r"\\(.)", r"\1", label).replace("&amp;", "&")
        assert shown == node_names(genome, [name])[0]


def test_wrong_numbers_of_names_are_refused():
    with pytest.raises(ConfigError, match="1 input nodes, but 2 input names"):
        to_dot(from_networkx(small_graph()), ["a", "b"])
