"""The species of a run over its generations, and the line of its champions' ancestors, as charts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from propneat.report.axes import Scale, linear_scale
from propneat.report.drawing import METHOD_COLOURS, Area, Dots, Drawing, Item, Marker, Rect, Segments, Text
from propneat.report.run_page.plots import Plot, finite_range
from propneat.search.descent import Ancestor, SpeciesSize

__all__ = ["draw_ancestors", "draw_species", "side_by_side"]

_GAP = 12.0


def draw_species(sizes: Sequence[SpeciesSize]) -> Drawing:
    """Draw the genomes of every species as areas on each other, the oldest below; dashed lines stand between populations."""
    plot = Plot("Species", "generation", "number of genomes")
    last = max(one.generation for one in sizes) + 1
    totals = np.bincount([one.generation for one in sizes], [one.genomes for one in sizes])
    x, y = _generations(plot, last), linear_scale(0, float(totals.max()), *plot.up, n_ticks=5)
    for population in sorted({one.population for one in sizes}):
        own = [one for one in sizes if one.population == population]
        first, end = own[0].generation, own[-1].generation
        _stack(plot, own, np.arange(first, end + 1), x, y)
        if first:
            _divide(plot, x, first)
    n_species = len({(one.population, one.species) for one in sizes})
    return plot.drawing("species", f"Sizes of {n_species} species over {last} generations", x, y)


def _generations(plot: Plot, last: int) -> Scale:
    return linear_scale(1, max(2, last), *plot.across, n_ticks=5)


def _divide(plot: Plot, x: Scale, first: int) -> None:
    plot.path([x(first + 0.5)] * 2, list(plot.up), "axis", 1.0, dashed=True)


def _stack(plot: Plot, sizes: Sequence[SpeciesSize], generations: np.ndarray, x: Scale, y: Scale) -> None:
    """Add the areas of a population. A generation alone is drawn as wide as the way to the next."""
    species = sorted({one.species for one in sizes})
    counts = np.zeros((len(species), len(generations)))
    for one in sizes:
        counts[species.index(one.species), one.generation - generations[0]] = one.genomes
    tops = np.vstack([np.zeros(len(generations)), counts.cumsum(axis=0)])
    across = [x(generation + 1) for generation in generations]
    if len(generations) == 1:
        across, tops = [x(generations[0] + 0.6), x(generations[0] + 1.4)], np.repeat(tops, 2, axis=1)
    for k, number in enumerate(species):
        lower, upper = ([y(value) for value in tops[row]] for row in (k, k + 1))
        there = generations[counts[k] > 0] + 1
        title = f"species {number}: generations {there[0]} to {there[-1]}, {counts[k].max():.0f} genomes at most"
        outline = [*zip(across, upper, strict=True), *zip(across[::-1], lower[::-1], strict=True)]
        plot.items.append(Area(tuple(outline), f"m{number % len(METHOD_COLOURS)}", 0.75, title))
    for k in range(1, len(species)):
        # a species that has not come yet, or is gone, has no edge
        alive = np.flatnonzero(np.diff(tops[[k, k + 1]], axis=0)[0])
        shown = slice(alive[0], alive[-1] + 1)
        plot.path(across[shown], [y(value) for value in tops[k][shown]], "paper", 0.5)


def draw_ancestors(found: Sequence[Ancestor]) -> list[Drawing]:
    """Draw validation loss and connections of the champions' ancestors by generation, a line for every population's champion."""
    panels = (
        ("Loss of the champion's ancestors", "validation loss", [one.validation_loss for one in found]),
        ("Size of the champion's ancestors", "connections", [float(one.connections) for one in found]),
    )
    last = max((one.generation for one in found), default=0) + 1
    drawings = []
    for number, (title, label, values) in enumerate(panels):
        plot = Plot(title, "generation", label)
        low, high = finite_range(values)
        x, y = _generations(plot, last), linear_scale(0.0 if number else low, high, *plot.up, n_ticks=5)
        for population in sorted({one.population for one in found}):
            own = [k for k, one in enumerate(found) if one.population == population]
            if population:
                _divide(plot, x, found[own[0]].generation)
            across, up = [x(found[k].generation + 1) for k in own], [y(values[k]) for k in own]
            plot.path(across, up, f"m{number}", 1.8)
            for k in (own[0], own[-1]):
                if np.isfinite(values[k]):
                    one = found[k]
                    told = f"generation {one.generation + 1}: loss {one.validation_loss:.4g}, {one.connections} connections"
                    plot.mark(x(one.generation + 1), y(values[k]), f"m{number}", told, size=6)
        ends = f"{title}, by mothers, from {values[0]:.4g} to {values[-1]:.4g}" if values else title
        drawings.append(plot.drawing(f"ancestors-{number}", ends, x, y))
    return drawings


def side_by_side(name: str, drawings: Sequence[Drawing]) -> Drawing:
    """Return drawings beside each other as one."""
    items: list[Item] = []
    place = 0.0
    for drawing in drawings:
        items += [_moved(item, place) for item in drawing.items]
        place += drawing.width + _GAP
    title = "; ".join(drawing.title for drawing in drawings)
    text = "; ".join(drawing.description for drawing in drawings)
    return Drawing(name, title, text, place - _GAP, max(drawing.height for drawing in drawings), tuple(items))


def _moved(item: Item, by: float) -> Item:
    match item:
        case Segments():
            return replace(item, points=tuple((a + by, b, c + by, d) for a, b, c, d in item.points))
        case Dots() | Area():
            return replace(item, points=tuple((x + by, y) for x, y in item.points))
        case Marker() | Rect() | Text():
            return replace(item, x=item.x + by)
