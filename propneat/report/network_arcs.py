"""Recurrent connections of a drawn network: dashed arcs that lead back over the tops of the nodes they join."""

import numpy as np

from propneat.compiler import LayerPlan
from propneat.report.network_layout import Layout

__all__ = ["arcs", "room_for_arcs"]

_REACH, _RISE = 34.0, 18.0
"""How far an arc swings out beside a node and above it, in pixels."""
_STEEPNESS = 0.12
"""Further rise for every pixel that an arc leads back, so that arcs of different length do not lie on each other."""


def _points(plan: LayerPlan, row: dict[int, int], layout: Layout, width: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Return the start, the top and the end of the arc of every recurrent edge, shape (n_arcs, 3, 2)."""
    late = np.flatnonzero(plan.edge_recurrent)
    source = np.array([row[slot] for slot in plan.edge_source[late].tolist()], np.int64)
    target = np.array([row[slot] for slot in plan.edge_target[late].tolist()], np.int64)
    start = np.stack([layout.x[source] + width[source] / 2, layout.y[source]], axis=1)
    end = np.stack([layout.x[target] - width[target] / 2, layout.y[target]], axis=1)
    above = np.minimum(layout.y[source] - height[source] / 2, layout.y[target] - height[target] / 2)
    rise = _RISE + _STEEPNESS * np.abs(start[:, 0] - end[:, 0])
    top = np.stack([(start[:, 0] + end[:, 0]) / 2, above - rise], axis=1)
    return np.stack([start, top, end], axis=1)


def arcs(plan: LayerPlan, row: dict[int, int], layout: Layout, width: np.ndarray, height: np.ndarray) -> dict[int, str]:
    """Return the path of every recurrent edge; `row` gives the drawn node of a slot, whose box has this width and height.

    An arc leaves its source on the right and meets its target on the left, as connections within a step do.
    """
    paths, points_of_all = {}, _points(plan, row, layout, width, height)
    for edge, points in zip(np.flatnonzero(plan.edge_recurrent).tolist(), points_of_all, strict=True):
        (x, y), (middle, top), (end_x, end_y) = points.tolist()
        paths[edge] = (
            f"M{x:.1f} {y:.1f}C{x + _REACH:.1f} {y:.1f} {x + _REACH:.1f} {top:.1f} {middle:.1f} {top:.1f}"
            f"C{end_x - _REACH:.1f} {top:.1f} {end_x - _REACH:.1f} {end_y:.1f} {end_x:.1f} {end_y:.1f}"
        )
    return paths


def room_for_arcs(
    plan: LayerPlan, row: dict[int, int], layout: Layout, width: np.ndarray, height: np.ndarray
) -> tuple[float, float]:
    """Return the room that arcs take above the layout and to the right of it, in pixels."""
    if not plan.is_recurrent:
        return 0.0, 0.0
    points = _points(plan, row, layout, width, height)
    return max(0.0, -float(points[:, 1, 1].min()) + 2.0), max(0.0, float(points[:, 0, 0].max()) + _REACH - layout.width)
