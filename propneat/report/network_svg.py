"""A network as one self-contained SVG picture: layers from left to right, weights as colour and width, names and tooltips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from propneat.base.words import count
from propneat.compiler import LayerPlan, compile_structure
from propneat.genome import ACTIVATIONS, AGGREGATIONS, Genome, NodeKind
from propneat.genome.presentation import (
    NEGATIVE_COLOUR,
    POSITIVE_COLOUR,
    clean_text,
    node_names,
    sign_colour,
    weight_strengths,
)
from propneat.report.network_arcs import arcs, room_for_arcs
from propneat.report.network_layout import Layout, lay_out
from propneat.report.network_text import number, shorten, text_width

__all__ = ["draw_network"]

_MARGIN = 24.0
_HEADER, _FOOTER = 64.0, 52.0
_LEAST_WIDTH = 520.0
_BEFORE_WIDTH = 190.0
"""Room for the entry of the legend on recurrent connections."""

_DASHES = ' stroke-dasharray="6 4"'
"""What a line of a recurrent connection looks like."""

_FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_STYLE = ".propneat-network .edge:hover{stroke-opacity:1;stroke-width:5}"


@dataclass(frozen=True)
class _Node:
    """One drawn node: its slot, the lines of text on it, its tooltip and its box in pixels."""

    slot: int
    kind: NodeKind
    lines: list[str]
    tooltip: str
    width: float
    height: float


def draw_network(
    genome: Genome,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    title: str | None = None,
    marked: bool = False,
    weights: bool = False,
    notes: Mapping[int, str] | None = None,
) -> str:
    """Draw the network a genome computes as SVG text, the same bytes for the same arguments.

    Drawn are the connections that are enabled and on the way to an output, the inputs that have such a connection, every
    output, and the hidden nodes in between; a line below counts the other inputs. Blue connections have positive
    weights, orange ones negative weights; width and opacity grow with the size of the weight up to the 95 % quantile. Recurrent
    connections are dashed arcs that lead back above the nodes. Each
    hidden and output node names its activation, and its aggregation when it is not the sum; an output that only adds up has
    its name alone. Names that are too long are shortened in the middle; tooltips hold them in full, with weights and biases, and
    with the `notes` by slot. With `weights` every connection has its weight written beside it. With `marked`, nodes say their
    slot in the plan and connections their edge, as data-node and data-edge. Raises ConfigError when the number of names is not
    that of the nodes.
    """
    plan = compile_structure(genome)
    names = node_names(genome, input_names, output_names)
    nodes = _nodes(genome, plan, names, notes or {})
    layout = _layout(plan, nodes)
    heading = "Network" if title is None else clean_text(title)
    summary = _summary(plan, nodes)
    above, beside = room_for_arcs(plan, *_boxes_of(nodes, layout))
    least = _LEAST_WIDTH + (_BEFORE_WIDTH if plan.is_recurrent else 0.0)
    width = max(layout.width + beside + _input_label_width(nodes), least, 6.4 * len(summary)) + 2 * _MARGIN
    unused = _unused_inputs(genome, plan, nodes, names)
    height = _HEADER + above + layout.height + (28.0 if unused else 0.0) + _FOOTER
    shift = (width - layout.width - beside + _input_label_width(nodes)) / 2
    parts = [
        *_header(heading, summary, width, height),
        f'<g transform="translate({shift:.1f} {_HEADER + above:.0f})">',
        *_edges(plan, nodes, layout, marked),
        *(_weight_texts(plan, layout) if weights else []),
        *_boxes(nodes, layout, marked),
        *_unused_line(unused, layout),
        "</g>",
        *_legend(plan, height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _nodes(genome: Genome, plan: LayerPlan, names: dict[int, str], notes: Mapping[int, str]) -> list[_Node]:
    """Return the drawn nodes in slot order: inputs that feed something, then all others."""
    feeding = np.zeros(plan.n_slots, bool)
    feeding[plan.edge_source] = True
    feeding[plan.n_inputs :] = True
    nodes = []
    for slot in np.flatnonzero(feeding).tolist():
        gene = genome.nodes[plan.slot_gene[slot]]
        node, kind = int(gene["id"]), NodeKind(int(gene["kind"]))
        more = f"\n{notes[slot]}" if slot in notes else ""
        if kind == NodeKind.INPUT:
            nodes.append(_Node(slot, kind, [shorten(names[node])], f"{names[node]}\ninput node {node}{more}", 8.0, 8.0))
            continue
        function = ACTIVATIONS[plan.activation[slot]]
        lines = [function] if plan.aggregation[slot] == 0 else [function, f"of {AGGREGATIONS[plan.aggregation[slot]]}"]
        tooltip = f"{kind.name.lower()} node {node}\n{AGGREGATIONS[plan.aggregation[slot]]}, then {function}"
        tooltip += f"\nbias {number(plan.biases[slot - plan.n_inputs])}"
        if gene["time_constant"]:
            lines.append(f"\u03c4 {number(float(gene['time_constant']), 2)}")
            tooltip += f"\ntime constant {number(float(gene['time_constant']))} steps"
        tooltip += more
        if kind == NodeKind.OUTPUT:
            computes = [] if lines == ["identity"] else [" ".join(lines)]
            lines, tooltip = [shorten(names[node]), *computes], f"{names[node]}\n{tooltip}"
        width = max(text_width(line) * (1.0 if k == 0 else 0.9) for k, line in enumerate(lines)) + 18.0
        nodes.append(_Node(slot, kind, lines, tooltip, width, 24.0 + 13.0 * (len(lines) - 1)))
    return nodes


def _layout(plan: LayerPlan, nodes: list[_Node]) -> Layout:
    """Lay the nodes out by depth; outputs that feed nothing stand in the last column, and empty columns are left out."""
    row = {node.slot: k for k, node in enumerate(nodes)}
    forward = ~plan.edge_recurrent
    feeds = set(plan.edge_source[forward].tolist())
    column = [plan.n_layers if node.slot not in feeds else int(plan.depth[node.slot]) for node in nodes]
    return lay_out(
        np.unique(column, return_inverse=True)[1],
        np.array([row[slot] for slot in plan.edge_source[forward].tolist()], dtype=np.int64),
        np.array([row[slot] for slot in plan.edge_target[forward].tolist()], dtype=np.int64),
        np.array([node.width for node in nodes]),
        np.array([node.height for node in nodes]),
    )


def _boxes_of(nodes: list[_Node], layout: Layout) -> tuple[dict[int, int], Layout, np.ndarray, np.ndarray]:
    """Return what arcs are drawn around: the row of every drawn slot, where the rows are, and their widths and heights."""
    row = {node.slot: k for k, node in enumerate(nodes)}
    return row, layout, np.array([node.width for node in nodes]), np.array([node.height for node in nodes])


def _edges(plan: LayerPlan, nodes: list[_Node], layout: Layout, marked: bool) -> list[str]:
    """Return a path per edge, weak ones first so that strong ones lie on top."""
    name = {node.slot: node.lines[0] if node.kind == NodeKind.INPUT else node.tooltip.split("\n")[0] for node in nodes}
    strengths, _ = weight_strengths(plan.weights)
    targets = plan.edge_target
    paths = arcs(plan, *_boxes_of(nodes, layout))
    paths |= zip(np.flatnonzero(~plan.edge_recurrent).tolist(), map(_curve, layout.routes), strict=True)
    parts = ['<g fill="none" stroke-linecap="round">']
    for edge in np.argsort(strengths, kind="stable").tolist():
        weight, strength = float(plan.weights[edge]), float(strengths[edge])
        ends = f"{name[int(plan.edge_source[edge])]} \u2192 {name[int(targets[edge])]}"
        late = bool(plan.edge_recurrent[edge])
        ends += ", of the step before" if late else ""
        mark = f' data-edge="{edge}"' if marked else ""
        mark += _DASHES if late else ""
        parts.append(
            f'<path class="edge"{mark} d="{paths[edge]}" stroke="{sign_colour(weight)}" '
            f'stroke-width="{_stroke_width(strength):.2f}" stroke-opacity="{_stroke_opacity(strength):.2f}">'
            f"<title>{escape(ends)}\nweight {number(weight)}</title></path>"
        )
    return [*parts, "</g>"]


def _weight_texts(plan: LayerPlan, layout: Layout) -> list[str]:
    """Return the weight of every connection within a step, written where it leaves its source."""
    parts = ['<g class="weights" font-size="9" text-anchor="start" paint-order="stroke" stroke="#ffffff" stroke-width="3">']
    for edge, route in zip(np.flatnonzero(~plan.edge_recurrent).tolist(), layout.routes, strict=True):
        (x, y, _), (next_x, next_y, _) = route[1], route[2]
        place = f'x="{x + 0.3 * (next_x - x):.1f}" y="{y + 0.2 * (next_y - y) - 2:.1f}"'
        weight = float(plan.weights[edge])
        parts.append(f'<text {place} fill="{sign_colour(weight)}">{number(weight, 3)}</text>')
    return [*parts, "</g>"]


def _stroke_width(strength: float) -> float:
    return 0.8 + 3.2 * strength


def _stroke_opacity(strength: float) -> float:
    return 0.4 + 0.5 * strength


def _curve(points: list[tuple[float, float, float]]) -> str:
    """Return the path of a route: straight lines across columns, cubic curves between them."""
    x, y, slope = points[0]
    path = f"M{x:.1f} {y:.1f}"
    for k, (next_x, next_y, next_slope) in enumerate(points[1:]):
        reach = (next_x - x) / 2
        if k % 2 == 0:
            path += f"L{next_x:.1f} {next_y:.1f}" if next_x - x >= 0.1 else ""
        else:
            path += f"C{x + reach:.1f} {y + slope * reach:.1f} {x + reach:.1f} {next_y - next_slope * reach:.1f} "
            path += f"{next_x:.1f} {next_y:.1f}"
        x, y, slope = next_x, next_y, next_slope
    return path


def _boxes(nodes: list[_Node], layout: Layout, marked: bool) -> list[str]:
    parts = []
    size = _input_font(nodes, layout)
    for node, x, y in zip(nodes, layout.x.tolist(), layout.y.tolist(), strict=True):
        tooltip = f"<title>{escape(node.tooltip)}</title>"
        mark = f' data-node="{node.slot}"' if marked else ""
        if node.kind == NodeKind.INPUT:
            parts.append(
                f'<g class="input"{mark}>{tooltip}<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#333333"/>'
                f'<text x="{x - 10:.1f}" y="{y + 4:.1f}" font-size="{size:g}" text-anchor="end" fill="#222222">'
                f"{escape(node.lines[0])}</text></g>"
            )
            continue
        output = node.kind == NodeKind.OUTPUT
        fill, stroke, ink = ("#333333", "#333333", "#ffffff") if output else ("#ffffff", "#777777", "#222222")
        parts.append(
            f'<g class="{node.kind.name.lower()}"{mark}>{tooltip}<rect x="{x - node.width / 2:.1f}" y="{y - node.height / 2:.1f}" '
            f'width="{node.width:.1f}" height="{node.height:.1f}" rx="{5 if output else 12}" fill="{fill}" stroke="{stroke}"/>'
        )
        for k, line in enumerate(node.lines):
            baseline = y - node.height / 2 + 16 + 13 * k
            style = f'font-size="{12 if k == 0 else 10}"' + (' font-weight="bold"' if output and k == 0 else "")
            place = f'x="{x:.1f}" y="{baseline:.1f}" text-anchor="middle"'
            parts.append(f'<text {place} {style} fill="{ink}">{escape(line)}</text>')
        parts.append("</g>")
    return parts


def _input_font(nodes: list[_Node], layout: Layout) -> float:
    """Return the size of the names of inputs: 12, or what fits between them where they stand close."""
    places = np.sort([y for node, y in zip(nodes, layout.y.tolist(), strict=True) if node.kind == NodeKind.INPUT])
    closest = float(np.diff(places).min()) if len(places) > 1 else np.inf
    return round(min(12.0, max(6.0, 0.95 * closest)), 1)


def _unused_inputs(genome: Genome, plan: LayerPlan, nodes: list[_Node], names: dict[int, str]) -> list[str]:
    """Return the names of the inputs that feed nothing, in input order."""
    used = {node.slot for node in nodes if node.kind == NodeKind.INPUT}
    return [names[int(genome.nodes["id"][plan.slot_gene[slot]])] for slot in range(plan.n_inputs) if slot not in used]


def _unused_line(unused: list[str], layout: Layout) -> list[str]:
    if not unused:
        return []
    text = "1 input unused" if len(unused) == 1 else f"{len(unused)} inputs unused"
    return [
        f'<text class="unused" x="-6" y="{layout.height + 22:.1f}" font-size="12" font-style="italic" text-anchor="end" '
        f'fill="#777777"><title>{escape(", ".join(unused))}</title>{text}</text>'
    ]


def _header(heading: str, summary: str, width: float, height: float) -> list[str]:
    """Return the opening of the document: style, white background, title and summary."""
    room = max(8, int((width - 2 * _MARGIN) / 10.5))
    label = quoteattr(f"{heading}: {summary}")
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="propneat-network" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{_FONTS}" role="img" aria-label={label}>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        f'<text x="{_MARGIN:.0f}" y="30" font-size="17" font-weight="bold" fill="#111111">'
        f"<title>{escape(heading)}</title>{escape(shorten(heading, room))}</text>",
        f'<text x="{_MARGIN:.0f}" y="48" font-size="12" fill="#666666">{escape(summary)}</text>',
    ]


def _summary(plan: LayerPlan, nodes: list[_Node]) -> str:
    n_used = sum(node.kind == NodeKind.INPUT for node in nodes)
    n_hidden = sum(node.kind == NodeKind.HIDDEN for node in nodes)
    parts = [
        f"{n_used} of {plan.n_inputs} inputs" if n_used < plan.n_inputs else count(n_used, "input"),
        count(n_hidden, "hidden node"),
        count(plan.n_outputs, "output"),
        count(plan.n_edges, "connection") + _recurrent_note(plan),
        f"depth {plan.n_layers}",
    ]
    return " \u00b7 ".join(parts)


def _recurrent_note(plan: LayerPlan) -> str:
    return f", {int(plan.edge_recurrent.sum())} recurrent" if plan.is_recurrent else ""


def _legend(plan: LayerPlan, height: float) -> list[str]:
    """Return what colour and width mean, in one row at the bottom."""
    _, reference = weight_strengths(plan.weights)
    entries = [(POSITIVE_COLOUR, 0.6, "positive weight", ""), (NEGATIVE_COLOUR, 0.6, "negative weight", "")]
    if reference > 0:
        entries.append(("#444444", 0.1, f"|weight| {number(reference / 10, 2)}", ""))
        entries.append(("#444444", 1.0, f"{number(reference, 2)} or more", ""))
    if plan.is_recurrent:
        entries.append(("#444444", 0.6, "value of the step before", _DASHES))
    parts, x, y = ['<g class="legend">'], _MARGIN, height - 20
    for colour, strength, text, dashes in entries:
        parts.append(
            f'<line x1="{x:.1f}" y1="{y - 4:.1f}" x2="{x + 24:.1f}" y2="{y - 4:.1f}" stroke="{colour}" '
            f'stroke-width="{_stroke_width(strength):.2f}" stroke-opacity="{_stroke_opacity(strength):.2f}"{dashes}/>'
            f'<text x="{x + 30:.1f}" y="{y:.1f}" font-size="11" fill="#666666">{text}</text>'
        )
        x += 30 + 0.9 * text_width(text) + 16
    return [*parts, "</g>"]


def _input_label_width(nodes: list[_Node]) -> float:
    """Return the room that names take to the left of the input column, in pixels; the line on unused inputs fits in as well."""
    labels = [text_width(node.lines[0]) for node in nodes if node.kind == NodeKind.INPUT]
    return max([*labels, text_width("1000 inputs unused")]) + 8.0
