"""Pictures of the comparison over data sets: mean ranks, effects against the reference, and all pairs."""

import math

from propneat.report.axes import Scale, linear_scale
from propneat.report.benchmark.analysis import ALPHA, Analysis, Pool
from propneat.report.benchmark.elements import p_value, plural, signed
from propneat.report.drawing import (
    Drawing,
    Item,
    Marker,
    Rect,
    Segments,
    Text,
    line,
    method_role,
    method_shape,
    shorten,
    text_width,
)

__all__ = ["draw_effects", "draw_pairs", "draw_ranks"]

_NAME_CHARACTERS = 26
_HEADING = 15.0


def heading(text: str, x: float = 16.0) -> Text:
    """Return the heading of a picture."""
    return Text(x, 26, text, size=_HEADING, bold=True)


def label_of(name: str) -> str:
    """Return a method's or data set's name, shortened to what labels have room for."""
    return shorten(name, _NAME_CHARACTERS)


def draw_ranks(analysis: Analysis) -> Drawing | None:
    """Draw the critical-difference diagram: mean ranks, bars over methods that do not differ, Nemenyi's difference "
    "beside it."""
    pool, names = analysis.imputed, analysis.cells.methods
    if pool.nemenyi is None or pool.ranks is None:
        return None
    order = sorted(range(len(pool.methods)), key=lambda k: (pool.ranks[k], k))
    half = (len(order) + 1) // 2
    left, right = order[:half], order[half:][::-1]
    labels = {k: label_of(names[pool.methods[k]]) for k in order}
    margin = max(text_width(label, 12.5) for label in labels.values()) + 70
    width = max(760.0, 2 * margin + 540)
    axis = Scale(1, len(order), margin, width - margin, tuple((k, str(k)) for k in range(1, len(order) + 1)))
    y_axis, levels = 108.0, _stack(pool, axis)
    y_first = y_axis + 26 + 10 * (max(levels) + 1 if levels else 0)
    items: list[Item] = [heading("Mean ranks over data sets"), *_rank_axis(pool, axis, y_axis)]
    for side, members in ((-1, left), (1, right)):
        for place, k in enumerate(members):
            items += _rank_label(
                side, labels[k], pool, k, axis, y_axis, y_first + 23 * place, margin if side < 0 else width - margin
            )
    for bar, level in zip(pool.cliques, levels, strict=True):
        y = y_axis + 15 + 10 * level
        items.append(Segments(((axis(pool.ranks[bar[0]]) - 5, y, axis(pool.ranks[bar[-1]]) + 5, y),), "ink", 4.0))
    text = (
        f"Mean rank of {plural(len(order), 'method')} over {plural(len(pool.scores), 'data set')}, 1 is best: "
        + ", ".join(f"{labels[k]} {pool.ranks[k]:.2f}" for k in order)
        + f". Thick bars join methods of which no two differ (Wilcoxon with Holm, p < {ALPHA})."
    )
    return Drawing("ranks", "Critical-difference diagram", text, width, y_first + 23 * half + 6, tuple(items))


def _stack(pool: Pool, axis: Scale) -> list[int]:
    """Return the level of each bar, so that no two on one level touch."""
    ends: list[float] = []
    levels = []
    for bar in pool.cliques:
        first, last = axis(pool.ranks[bar[0]]), axis(pool.ranks[bar[-1]])
        level = next((k for k, end in enumerate(ends) if end < first - 18), len(ends))
        ends[level : level + 1] = [last]
        levels.append(level)
    return levels


def _rank_axis(pool: Pool, axis: Scale, y: float) -> list[Item]:
    """Return the axis with ticks, and Nemenyi's critical difference as an interval above its left end."""
    items: list[Item] = [line(axis.start, y, axis.end, y, "axis", 1.4)]
    for value, label in axis.ticks:
        items += [line(axis(value), y - 6, axis(value), y, "axis"), Text(axis(value), y - 11, label, "soft", 11, "middle")]
    critical = pool.nemenyi.critical_difference
    note = f"Nemenyi CD = {critical:.2f} at p = {ALPHA}; depends on the pool of methods"
    end = axis(min(1 + critical, axis.high))
    items.append(Segments(((axis.start, 66, end, 66), (axis.start, 62, axis.start, 70), (end, 62, end, 70)), "soft", 1.4))
    items += [Text(axis.start, 55, note, "soft", 11), Text(axis.start - 12, y + 4, "best", "soft", 11, "end")]
    return items


def _rank_label(side: int, label: str, pool: Pool, k: int, axis: Scale, y_axis: float, y: float, edge: float) -> list[Item]:
    """Return the elbow from a method's place on the axis to its label at the left (-1) or right (1) edge."""
    method, x = pool.methods[k], axis(pool.ranks[k])
    anchor = "end" if side < 0 else "start"
    return [
        Segments(((x, y_axis, x, y), (x, y, edge, y)), method_role(method), 1.4),
        Marker(x, y_axis, method_shape(method), method_role(method), 9, f"{label}: mean rank {pool.ranks[k]:.2f}"),
        Text(edge + 8 * side, y + 4, label, "ink", 12.5, anchor, bold=k == pool.reference),
        Text(edge - 6 * side, y - 4, f"{pool.ranks[k]:.2f}", "soft", 10.5, "start" if side < 0 else "end"),
    ]


def draw_effects(analysis: Analysis) -> Drawing | None:
    """Draw the primary family: median differences with intervals, and posterior probabilities, one row per other method."""
    pool, names = analysis.imputed, analysis.cells.methods
    if not pool.primary:
        return None
    rows = sorted(range(len(pool.primary)), key=lambda k: (pool.ranks[pool.primary[k].other], k))
    reference, metric = label_of(names[analysis.cells.reference]), analysis.cells.metric
    rope = metric.rope
    labels = [label_of(names[pool.methods[pool.primary[k].other]]) for k in rows]
    left = max(text_width(label, 12.5) for label in labels) + 44
    x_bars = left + 470
    width, top = x_bars + 320, 82.0
    bottom = top + 26 * len(rows)
    ends = [value for c in pool.primary for value in (c.low, c.high, c.median_difference) if math.isfinite(value)]
    scale = linear_scale(min([*ends, -rope]), max([*ends, rope]), left + 16, x_bars - 50, 6, signed=True)
    items: list[Item] = [
        heading(f"{reference} against each other method"),
        Text(scale.start, 56, f"median {metric.label} difference, 95 % interval", "soft", 11.5),
        Text(x_bars, 56, "posterior probability (Bayesian signed-rank test)", "soft", 11.5),
        Rect(scale(-rope), top - 12, scale(rope) - scale(-rope), bottom - top + 4, "even", 0.25),
    ]
    for value, label in scale.ticks:
        items += [
            line(scale(value), top - 12, scale(value), bottom - 8, "grid"),
            Text(scale(value), bottom + 8, label, "soft", 11, "middle"),
        ]
    items.append(line(scale(0), top - 12, scale(0), bottom - 8, "axis", 1.4))
    for place, (k, label) in enumerate(zip(rows, labels, strict=True)):
        items += _effect_row(pool, k, label, top + 26 * place + 4, scale, left, x_bars)
    items += _effect_legend(reference, rope, scale, x_bars, bottom + 32)
    text = f"{reference} against others, differences over {plural(len(pool.scores), 'data set')}: " + "; ".join(
        f"{label} {signed(pool.primary[k].median_difference)}" for k, label in zip(rows, labels, strict=True)
    )
    return Drawing("effects", "Effects against the reference", text, width, bottom + 50, tuple(items))


def _effect_row(pool: Pool, k: int, label: str, y: float, scale: Scale, left: float, x_bars: float) -> list[Item]:
    """Return the interval and the stacked bar of one comparison."""
    comparison, bayes = pool.primary[k], pool.bayes[k]
    method = pool.methods[comparison.other]
    x = scale(comparison.median_difference)
    title = f"{label}: {signed(comparison.median_difference)} [{signed(comparison.low)}, {signed(comparison.high)}], "
    title += f"p = {p_value(comparison.adjusted)} after Holm"
    items: list[Item] = [
        Marker(left - 2, y, method_shape(method), method_role(method), 8),
        Text(left - 14, y + 4, label, "ink", 12.5, "end"),
        Segments(((scale(comparison.low), y, scale(comparison.high), y),), method_role(method), 2.2),
        Marker(x, y, method_shape(method), method_role(method), 10, title),
    ]
    start, room = x_bars, 300.0
    for role, probability, verb in (
        ("good", bayes.p_better, "better"),
        ("even", bayes.p_equivalent, "as good"),
        ("bad", bayes.p_worse, "worse"),
    ):
        if probability > 0:
            tip = f"{label}: probability of {verb} {probability:.3f}"
            items.append(Rect(start, y - 8, room * probability, 16, role, 0.75 if role != "even" else 0.6, tip))
        if probability >= 0.12:
            items.append(Text(start + room * probability / 2, y + 4, f"{100 * probability:.0f} %", "ink", 11, "middle"))
        start += room * probability
    return items


def _effect_legend(reference: str, rope: float, scale: Scale, x_bars: float, y: float) -> list[Item]:
    items: list[Item] = [Text(scale.start, y, f"◀ other better · {reference} better ▶ · grey: within ±{rope:g}", "soft", 11)]
    x = x_bars
    for role, label in (("good", "better"), ("even", f"within ±{rope:g}"), ("bad", "worse")):
        items += [Rect(x, y - 9, 10, 10, role, 0.75), Text(x + 15, y, label, "soft", 11)]
        x += text_width(label, 11) + 34
    return items


def draw_pairs(analysis: Analysis) -> Drawing | None:
    """Draw the win matrix: on how many data sets the method of the row beats that of the column, and which pairs differ."""
    pool, names = analysis.imputed, analysis.cells.methods
    if pool.pairs is None:
        return None
    order = sorted(range(len(pool.methods)), key=lambda k: (pool.ranks[k], k))
    labels = [label_of(names[pool.methods[k]]) for k in order]
    longest = max(text_width(label, 12) for label in labels)
    cell_width, cell_height = 56.0, 28.0
    left, top = longest + 40, longest + 56
    width, height = max(left + cell_width * len(order) + 20, 560.0), top + cell_height * len(order) + 34
    items: list[Item] = [heading("Wins and losses of every pair")]
    for place, (k, label) in enumerate(zip(order, labels, strict=True)):
        x, y = left + cell_width * (place + 0.5), top + cell_height * (place + 0.5)
        items.append(Text(left - 10, y + 4, label, "ink", 12, "end", bold=k == pool.reference))
        items.append(Text(x + 4, top - 10, label, "ink", 12, bold=k == pool.reference, rotation=90))
    for i, first in enumerate(order):
        for j, second in enumerate(order):
            items += _pair_cell(pool, first, second, labels[i], labels[j], left + cell_width * j, top + cell_height * i)
    note = f"row wins – losses against column; bold: differ, p < {ALPHA} (Wilcoxon, Holm over all pairs)"
    items.append(Text(16, height - 10, note, "soft", 11))
    text = f"Win matrix of {plural(len(order), 'method')} over {plural(len(pool.scores), 'data set')}, in order of mean rank."
    return Drawing("pairs", "Win matrix", text, width, height, tuple(items))


def _pair_cell(pool: Pool, first: int, second: int, row: str, column: str, x: float, y: float) -> list[Item]:
    if first == second:
        return [Rect(x + 1, y + 1, 54, 26, "grid", 0.6)]
    wins, losses, ties = (int(counts[first, second]) for counts in (pool.pairs.wins, pool.pairs.losses, pool.pairs.ties))
    adjusted = float(pool.pairs.adjusted[first, second])
    lean = (wins - losses) / len(pool.scores)
    title = f"{row} against {column}: {wins} wins, {ties} ties, {losses} losses, p = {p_value(adjusted)} after Holm"
    role, bold = ("good" if lean > 0 else "bad"), adjusted < ALPHA
    return [
        Rect(x + 1, y + 1, 54, 26, role if lean else "even", 0.08 + 0.37 * abs(lean), title),
        Text(x + 28, y + 18, f"{wins}–{losses}", "ink", 11.5, "middle", bold=bold),
    ]
