"""Genomes as graphs for other tools: networkx, GraphML and Graphviz DOT. Every gene is kept, disabled ones included."""

from collections.abc import Hashable, Mapping, Sequence
from numbers import Integral, Real

import networkx
import numpy as np

from propneat.base.errors import ConfigError, GenomeError
from propneat.genome.genes import ACTIVATIONS, AGGREGATIONS, MAX_IDENTIFIER, NodeKind
from propneat.genome.genome import Genome, make_genome
from propneat.genome.own_functions import FunctionNames
from propneat.genome.presentation import clean_text, node_names, sign_colour, weight_strengths
from propneat.genome.validation import validate

__all__ = ["from_networkx", "to_dot", "to_graphml", "to_networkx"]

_KINDS = tuple(kind.name.lower() for kind in NodeKind)


def to_networkx(genome: Genome) -> networkx.DiGraph:
    """Return the genome as a directed graph whose nodes are node ids.

    Node attributes: kind ("input", "output" or "hidden"), bias, activation, aggregation, and of those that have one
    time_constant. Edge attributes: innovation, weight,
    enabled. All values are plain Python ones. A recurrent genome becomes a networkx.MultiDiGraph, because two nodes may be
    joined both within a step and from the step before, and its edges have the attribute recurrent too.
    """
    graph = networkx.MultiDiGraph() if genome.is_recurrent else networkx.DiGraph()
    for node, bias, kind, activation, aggregation, time_constant in genome.nodes.tolist():
        slow = {"time_constant": time_constant} if time_constant else {}
        functions = {"activation": ACTIVATIONS[activation], "aggregation": AGGREGATIONS[aggregation]}
        graph.add_node(node, kind=_KINDS[kind], bias=bias, **functions, **slow)
    for innovation, source, target, weight, enabled, recurrent in genome.connections.tolist():
        kind = {"recurrent": recurrent} if genome.is_recurrent else {}
        graph.add_edge(source, target, innovation=innovation, weight=weight, enabled=enabled, **kind)
    return graph


def from_networkx(graph: networkx.DiGraph) -> Genome:
    """Return the genome of a graph that has the attributes `to_networkx` gives; other attributes are ignored.

    Node ids may also be decimal text, which is what networkx makes of them when it reads GraphML. An edge without the attribute
    recurrent is not recurrent. Raises GenomeError when the graph is not a directed one, when an attribute is missing or of the
    wrong type, and when the genome breaks a rule of `validate`.
    """
    if not graph.is_directed():
        raise GenomeError(f"a genome needs a directed graph (networkx.DiGraph or MultiDiGraph), not a {type(graph).__name__}")
    nodes = []
    for node, attributes in graph.nodes(data=True):
        what = f"node {node!r}"
        nodes.append(
            (
                _identifier(node, "node id"),
                _number(attributes, "bias", what),
                _position(attributes, "kind", _KINDS, what),
                _function(attributes, "activation", ACTIVATIONS, what),
                _function(attributes, "aggregation", AGGREGATIONS, what),
                _number(attributes, "time_constant", what) if "time_constant" in attributes else 0.0,
            )
        )
    connections = []
    for source, target, attributes in graph.edges(data=True):
        what = f"the connection from node {source!r} to node {target!r}"
        innovation = _identifier(_attribute(attributes, "innovation", what), f"the innovation number of {what}")
        flags = [_truth("enabled", _attribute(attributes, "enabled", what), what)]
        flags.append(_truth("recurrent", attributes.get("recurrent", False), what))
        ends = _identifier(source, "node id"), _identifier(target, "node id")
        connections.append((innovation, *ends, _number(attributes, "weight", what), *flags))
    return validate(make_genome(nodes, connections))


def _truth(name: str, value: object, what: str) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise GenomeError(f"{name} of {what} must be True or False, not {value!r}")
    return bool(value)


def _attribute(attributes: Mapping[str, object], name: str, what: str) -> object:
    if name not in attributes:
        raise GenomeError(f"{what} has no attribute {name}; a genome's graph needs it")
    return attributes[name]


def _identifier(value: Hashable, what: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(MAX_IDENTIFIER)):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= value <= MAX_IDENTIFIER:
        raise GenomeError(f"{what} must be a whole number within 0..{MAX_IDENTIFIER}, not {value!r}")
    return int(value)


def _number(attributes: Mapping[str, object], name: str, what: str) -> float:
    value = _attribute(attributes, name, what)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise GenomeError(f"{name} of {what} must be a number, not {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise GenomeError(f"{name} of {what} must be a finite number, and the one given is too large") from None


def _function(attributes: Mapping[str, object], name: str, known: FunctionNames, what: str) -> int:
    try:
        known.find(attributes.get(name))
    except ConfigError as error:
        raise GenomeError(f"the {name} of {what} is not there: {error}") from error
    return _position(attributes, name, known, what)


def _position(attributes: Mapping[str, object], name: str, known: tuple[str, ...], what: str) -> int:
    value = _attribute(attributes, name, what)
    if not isinstance(value, str) or value not in known:
        raise GenomeError(f"{name} of {what} must be one of {', '.join(known)}, not {value!r}")
    return known.index(value)


def to_graphml(genome: Genome, names: Mapping[int, str] | None = None) -> str:
    """Return the genome as GraphML; `from_networkx(networkx.parse_graphml(text))` is the same genome.

    `names` maps node ids to names (see `node_names`), which are written, cleaned, as the attribute "label" of those nodes.
    """
    graph = to_networkx(genome)
    for node, name in (names or {}).items():
        if node not in graph:
            raise GenomeError(f"a name was given for node {node}, which is not a node of this genome")
        graph.nodes[node]["label"] = clean_text(name)
    # generate_graphml always uses the standard library's XML, so that the bytes do not depend on what else is installed
    return "\n".join(networkx.generate_graphml(graph, named_key_ids=True)) + "\n"


def to_dot(genome: Genome, input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None) -> str:
    """Return the genome as Graphviz DOT text, every gene included.

    Inputs and outputs stand in one rank each; a connection has its sign as colour (blue positive, orange negative), its size as
    pen width, and is dashed when disabled, dotted with a hollow arrow when recurrent (both: dashed, hollow). Raises ConfigError
    when the number of names is not that of the nodes.
    """
    names = node_names(genome, input_names, output_names)
    lines = [
        "digraph genome {",
        '  graph [rankdir=LR, bgcolor="white", ranksep=1.2, nodesep=0.15];',
        '  node [fontname="Helvetica", fontsize=11, style="filled,rounded", fillcolor="#f2f2f2", color="#555555", shape=box];',
        "  edge [arrowsize=0.5];",
        *_dot_rank(genome, NodeKind.INPUT, "source", names),
        *_dot_rank(genome, NodeKind.OUTPUT, "same", names),
        *_dot_nodes(genome, NodeKind.HIDDEN, names, "  "),
    ]
    strengths, _ = weight_strengths(genome.connections["weight"])
    for (_, source, target, weight, *flags), strength in zip(genome.connections.tolist(), strengths.tolist(), strict=True):
        when = ", of the step before" if flags[1] else ""
        lines.append(
            f'  {source} -> {target} [color="{sign_colour(weight)}", penwidth={0.5 + 3.5 * strength:.2f}, '
            f'{_dot_style(*flags)}, tooltip="weight {weight:.6g}{when}"];'
        )
    return "\n".join([*lines, "}", ""])


def _dot_style(enabled: bool, recurrent: bool) -> str:
    if not recurrent:
        return "style=solid" if enabled else "style=dashed"
    # what goes back in time does not say which node stands to the right
    return f"style={'dotted' if enabled else 'dashed'}, arrowhead=empty, constraint=false"


def _dot_rank(genome: Genome, kind: NodeKind, rank: str, names: Mapping[int, str]) -> list[str]:
    return ["  {", f"    rank={rank};", *_dot_nodes(genome, kind, names, "    "), "  }"]


def _dot_nodes(genome: Genome, kind: NodeKind, names: Mapping[int, str], indent: str) -> list[str]:
    lines = []
    for node, bias, _, activation, aggregation, time_constant in genome.nodes[genome.nodes["kind"] == kind].tolist():
        parts = [_dot_escape(names[node])] if node in names else []
        if kind != NodeKind.INPUT:
            joined = "" if aggregation == 0 else f" of {AGGREGATIONS[aggregation]}"
            parts += [ACTIVATIONS[activation] + joined, f"bias {bias:.3g}"]
            parts += [f"time constant {time_constant:.3g}"] if time_constant else []
        lines.append(f'{indent}{node} [label="' + "\\n".join(parts) + '"];')
    return lines


def _dot_escape(text: str) -> str:
    """Escape a name for a quoted DOT label, where quotes, backslash sequences and HTML entities have a meaning."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
