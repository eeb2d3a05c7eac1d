"""Layered drawing of directed graphs: order within columns, coordinates, and routes that keep clear of nodes.

The method of Sugiyama, Tagawa and Toda (1981): edges over several columns are cut by dummy vertices, barycentre sweeps order
every column, the order with the fewest crossings is kept. Coordinates then relax towards the mean of the neighbours, each
column projected onto its order and distances by isotonic regression, so that dummies make long edges nearly straight.
"""

from bisect import bisect_right, insort
from dataclasses import dataclass

import numpy as np
import scipy

__all__ = ["Layout", "lay_out"]

_GAP_NODES, _GAP_MIXED, _GAP_DUMMIES = 14.0, 9.0, 7.0
"""Free vertical space between two nodes, a node and a passing edge, two passing edges, in pixels."""

_TALLEST, _TIGHTEST = 1800.0, 0.12
"""Height from which gaps shrink, in pixels, and the least share of a gap that is left."""

_CLEARANCE = 4.0
"""Distance that a passing edge keeps from nodes when it crosses their column at a slope, in pixels."""

_SWEEPS, _RELAXATIONS = 32, 40
_MAX_STEPS = 2_000_000
"""Bound on sweeps times segments, so that huge graphs are drawn in seconds, if less tidily."""


@dataclass(frozen=True)
class Layout:
    """Where everything goes, in pixels, x to the right and y down, all within 0..width and 0..height.

    `x` and `y` are node centres, shape (n_nodes,). `routes[e]` lists the points (x, y, slope) of edge e: a straight line
    leads from the first point to the second, a curve with the slopes given at its ends to the third, a straight line to the
    fourth, and so on; the lines cross columns, where the nodes are, the curves lie between columns.
    """

    x: np.ndarray
    y: np.ndarray
    width: float
    height: float
    routes: list[list[tuple[float, float, float]]]


@dataclass(frozen=True)
class _Graph:
    """Nodes, then dummies, as vertices; segments join vertices of neighbouring columns."""

    column: np.ndarray
    height: np.ndarray
    n_nodes: int
    left: np.ndarray
    right: np.ndarray
    chains: list[list[int]]


def lay_out(
    column: np.ndarray, source: np.ndarray, target: np.ndarray, node_width: np.ndarray, node_height: np.ndarray
) -> Layout:
    """Lay out a graph whose nodes have a column each, int, shape (n_nodes,), all columns 0..max in use.

    Edges, shape (n_edges,), lead from `source` to `target` nodes, always to a higher column. `node_width` and `node_height`
    are the boxes to keep free, in pixels, shape (n_nodes,). Column 0 is aligned right, the others are centred.
    """
    graph = _cut_long_edges(column, source, target, node_height)
    order = _order_columns(graph)
    y = _place(graph, order)
    left, right = _column_edges(graph, y, node_width)
    n_nodes = len(column)
    x = (left + right)[column] / 2
    x[column == 0] = right[0] - node_width[column == 0] / 2
    routes = _routes(graph, x, y, left, right, node_width)
    bottom = float((y + graph.height / 2).max())
    return Layout(x, y[:n_nodes], float(right[-1]), bottom, routes)


def _cut_long_edges(column: np.ndarray, source: np.ndarray, target: np.ndarray, node_height: np.ndarray) -> _Graph:
    columns = column.tolist()
    chains = []
    for s, t in zip(source.tolist(), target.tolist(), strict=True):
        between = range(columns[s] + 1, columns[t])
        chains.append([s, *range(len(columns), len(columns) + len(between)), t])
        columns.extend(between)
    height = np.zeros(len(columns))
    height[: len(column)] = node_height
    pairs = [pair for chain in chains for pair in zip(chain[:-1], chain[1:], strict=True)]
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return _Graph(np.array(columns), height, len(column), left, right, chains)


def _order_columns(graph: _Graph) -> list[np.ndarray]:
    """Return the vertices of every column from top to bottom."""
    n_columns = int(graph.column.max()) + 1
    order = _group(graph.column, n_columns)
    position = _positions(graph, order)
    inward = _group(graph.column[graph.right], n_columns)
    best, fewest = order, None
    for sweep in range(max(2, min(_SWEEPS, _MAX_STEPS // (len(graph.left) + 1)))):
        forward = sweep % 2 == 0
        order = list(order)
        for c in range(1, n_columns) if forward else range(n_columns - 2, -1, -1):
            segments = inward[c] if forward else inward[c + 1]
            near, far = (graph.right, graph.left) if forward else (graph.left, graph.right)
            order[c] = _sort_by_barycentre(order[c], near[segments], far[segments], position)
        crossings = sum(_crossings(position, graph.left[s], graph.right[s]) for s in inward[1:])
        if fewest is None or crossings < fewest:
            best, fewest = order, crossings
        if fewest == 0:
            break
    return best


def _group(column: np.ndarray, n_columns: int) -> list[np.ndarray]:
    """Return the indices that belong to every column, ascending."""
    counts = np.bincount(column, minlength=n_columns)
    return np.split(np.argsort(column, kind="stable"), np.cumsum(counts)[:-1])


def _positions(graph: _Graph, order: list[np.ndarray]) -> np.ndarray:
    """Return every vertex's place in its column, int64, shape (n_vertices,)."""
    position = np.empty(len(graph.column), np.int64)
    for vertices in order:
        position[vertices] = np.arange(len(vertices))
    return position


def _sort_by_barycentre(vertices: np.ndarray, near: np.ndarray, far: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Sort a column by the mean position of each vertex's neighbours and write the new positions into `position`.

    Vertices without neighbours on that side keep their place in proportion.
    """
    total = np.bincount(position[near], position[far], len(vertices))
    count = np.bincount(position[near], minlength=len(vertices))
    scale = (position[far].max() + 1) / len(vertices) if len(far) else 1.0
    keys = np.where(count > 0, total / np.maximum(count, 1), np.arange(len(vertices)) * scale)
    vertices = vertices[np.argsort(keys, kind="stable")]
    position[vertices] = np.arange(len(vertices))
    return vertices


def _crossings(position: np.ndarray, left: np.ndarray, right: np.ndarray) -> int:
    """Count the pairs of segments between two columns that cross."""
    seen: list[int] = []
    crossings = 0
    for value in position[right][np.lexsort((position[right], position[left]))].tolist():
        crossings += len(seen) - bisect_right(seen, value)
        insort(seen, value)
    return crossings


def _place(graph: _Graph, order: list[np.ndarray]) -> np.ndarray:
    """Return the y of every vertex, shape (n_vertices,), the topmost box at 0."""
    is_dummy = np.arange(len(graph.column)) >= graph.n_nodes
    # straight long edges matter most to the eye (Gansner et al. 1993, section 4)
    pull = np.array([1.0, 3.0, 9.0])[is_dummy[graph.left].astype(int) + is_dummy[graph.right]]
    offsets = [_offsets(vertices, graph.height, is_dummy, _squeeze(vertices, graph.height, is_dummy)) for vertices in order]
    y = np.empty(len(graph.column))
    for vertices, offset in zip(order, offsets, strict=True):
        y[vertices] = offset - offset[-1] / 2
    neighbours = _neighbours(graph, order, pull)
    forward = list(range(len(order)))
    for _ in range(max(4, min(_RELAXATIONS, _MAX_STEPS // (len(graph.left) + 1)))):
        for c in forward + forward[-2::-1]:
            own, other, weights, total = neighbours[c]
            tied = np.maximum(total, 1e-3)
            mean = np.bincount(own, weights * y[other], len(order[c])) / tied
            wanted = np.where(total > 0, mean, y[order[c]])
            y[order[c]] = scipy.optimize.isotonic_regression(wanted - offsets[c], weights=tied).x + offsets[c]
    return y - (y - graph.height / 2).min()


def _squeeze(vertices: np.ndarray, height: np.ndarray, is_dummy: np.ndarray) -> float:
    """Return the share of its gaps that keeps a column within `_TALLEST`, or the least one that is left."""
    boxes = float(height[vertices].sum())
    gaps = float(_offsets(vertices, height, is_dummy, 1.0)[-1]) - boxes
    return float(np.clip((_TALLEST - boxes) / max(gaps, 1.0), _TIGHTEST, 1.0))


def _offsets(vertices: np.ndarray, height: np.ndarray, is_dummy: np.ndarray, squeeze: float) -> np.ndarray:
    """Return the least distance of every vertex of a column from its first one, shape (n_vertices in column,)."""
    gaps = squeeze * np.array([_GAP_NODES, _GAP_MIXED, _GAP_DUMMIES])
    between = is_dummy[vertices[:-1]].astype(int) + is_dummy[vertices[1:]]
    steps = (height[vertices[:-1]] + height[vertices[1:]]) / 2 + gaps[between]
    return np.concatenate([[0.0], np.cumsum(steps)])


def _neighbours(
    graph: _Graph, order: list[np.ndarray], pull: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Return per column, for each segment end in it, the place in the column, the vertex at the other end and the pull; and
    the sum of the pulls at each place."""
    near, far = np.concatenate([graph.left, graph.right]), np.concatenate([graph.right, graph.left])
    pulls = np.concatenate([pull, pull])
    position = _positions(graph, order)
    found = []
    for ends, vertices in zip(_group(graph.column[near], len(order)), order, strict=True):
        own = position[near[ends]]
        found.append((own, far[ends], pulls[ends], np.bincount(own, pulls[ends], len(vertices))))
    return found


def _column_edges(graph: _Graph, y: np.ndarray, node_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the left and right x of every column; the wider the gap, the more and the steeper the segments in it."""
    n_columns = int(graph.column.max()) + 1
    widths = np.zeros(n_columns)
    np.maximum.at(widths, graph.column[: graph.n_nodes], node_width)
    gaps = np.zeros(n_columns)
    rises = np.abs(y[graph.left] - y[graph.right])
    for c, segments in enumerate(_group(graph.column[graph.right], n_columns)):
        if c > 0:
            steep = float(np.quantile(rises[segments], 0.9)) if len(segments) else 0.0
            gaps[c] = min(220.0, 70.0 + 0.9 * len(segments) + 0.25 * steep)
    left = np.cumsum(gaps) + np.concatenate([[0.0], np.cumsum(widths)[:-1]])
    return left, left + widths


def _routes(
    graph: _Graph, x: np.ndarray, y: np.ndarray, left: np.ndarray, right: np.ndarray, node_width: np.ndarray
) -> list[list[tuple[float, float, float]]]:
    leave = _ports(graph, [chain[0] for chain in graph.chains], [chain[1] for chain in graph.chains], y)
    arrive = _ports(graph, [chain[-1] for chain in graph.chains], [chain[-2] for chain in graph.chains], y)
    middle, half = (left + right) / 2, (right - left) / 2
    room = _room(graph, y)
    routes = []
    for chain, start, end in zip(graph.chains, leave, arrive, strict=True):
        first, last = chain[0], chain[-1]
        columns = graph.column[chain]
        levels = np.array([start, *y[chain[1:-1]], end])
        slopes = np.diff(levels) / np.diff(middle[columns])
        points = [(x[first] + node_width[first] / 2, start, 0.0), (right[columns[0]], start, 0.0)]
        for k, dummy in enumerate(chain[1:-1]):
            slope = _gentle_slope(slopes[k], slopes[k + 1], room[dummy] / max(half[columns[k + 1]], 1.0))
            rise = slope * half[columns[k + 1]]
            points.append((left[columns[k + 1]], y[dummy] - rise, slope))
            points.append((right[columns[k + 1]], y[dummy] + rise, slope))
        points += [(left[columns[-1]], end, 0.0), (x[last] - node_width[last] / 2, end, 0.0)]
        routes.append([(float(px), float(py), float(slope)) for px, py, slope in points])
    return routes


def _gentle_slope(before: float, after: float, limit: float) -> float:
    """Return the lesser slope, so that the curve rises or falls throughout; 0 at a turning point, at most `limit` in size."""
    if before * after <= 0:
        return 0.0
    return float(np.sign(before)) * min(abs(before), abs(after), limit)


def _room(graph: _Graph, y: np.ndarray) -> np.ndarray:
    """Return how far above and below itself each dummy's edge may stray without touching a node, in pixels."""
    room = np.zeros(len(y))
    for vertices in _group(graph.column, int(graph.column.max()) + 1):
        nodes, dummies = vertices[vertices < graph.n_nodes], vertices[vertices >= graph.n_nodes]
        if len(nodes) and len(dummies):
            free = np.abs(y[dummies, None] - y[None, nodes]) - graph.height[nodes] / 2
            room[dummies] = np.clip(free.min(axis=1) - _CLEARANCE, 0.0, None)
    return room


def _ports(graph: _Graph, nodes: list[int], towards: list[int], y: np.ndarray) -> list[float]:
    """Spread the edges' ends over the side of their node in the order of where they lead; returns a y per edge."""
    ends = [0.0] * len(nodes)
    at: dict[int, list[int]] = {}
    for edge, node in enumerate(nodes):
        at.setdefault(node, []).append(edge)
    for node, edges in at.items():
        edges.sort(key=lambda edge: y[towards[edge]])
        room = max(0.0, float(graph.height[node]) - 12.0)
        step = min(4.0, room / max(1, len(edges) - 1))
        for rank, edge in enumerate(edges):
            ends[edge] = float(y[node]) + (rank - (len(edges) - 1) / 2) * step
    return ends
