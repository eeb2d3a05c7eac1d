"""Where networks come from: species and mothers of every generation, and with them the line of a champion's ancestors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from propneat.evolution import GenerationReport

__all__ = ["DESCENT", "Ancestor", "SpeciesSize", "ancestors", "descent_of", "species_sizes"]

DESCENT = np.dtype([("heir", "<i4"), ("species", "<i4"), ("size", "<i4"), ("loss", "<f4"), ("champion", "u1")])
"""What is kept of a genome: its species, the connections that reach an output, its validation loss, and 1 if it became the champion. `heir` is
another's: the genome in this place of the next generation has its mother, the fitter parent, in that place of this one, or is new
where it is -1."""


@dataclass(frozen=True)
class Ancestor:
    """One of the line of a champion: its population and generation, both from 0, and what it was."""

    population: int
    generation: int
    species: int
    connections: int
    validation_loss: float


@dataclass(frozen=True)
class SpeciesSize:
    """How many genomes a species had in a generation, both from 0."""

    population: int
    generation: int
    species: int
    genomes: int


def descent_of(report: GenerationReport, sizes: np.ndarray, losses: np.ndarray, champion: int | None) -> np.ndarray:
    """Return what is kept of a generation, DESCENT of shape (n_genomes,); `champion` is the place of a new champion, if any."""
    kept = np.zeros(len(sizes), DESCENT)
    with np.errstate(over="ignore"):
        kept["loss"] = np.where(np.isfinite(losses), losses, np.nan)
    kept["heir"], kept["species"], kept["size"] = report.mothers, report.species, sizes
    if champion is not None:
        kept["champion"][champion] = 1
    kept.setflags(write=False)
    return kept


def ancestors(populations: Sequence[Sequence[np.ndarray]]) -> list[Ancestor]:
    """Return the line of mothers of every population's champion, the first ancestor first.

    `populations` has the generations of each as `descent_of` gives them. A line ends where a genome was begun anew.
    """
    found, start = [], 0
    for number, generations in enumerate(populations):
        line = []
        last = max((g for g, kept in enumerate(generations) if kept["champion"].any()), default=-1)
        place = int(np.argmax(generations[last]["champion"])) if last >= 0 else -1
        for g in range(last, -1, -1):
            if place < 0:
                break
            one = generations[g][place]
            line.append(Ancestor(number, start + g, int(one["species"]), int(one["size"]), float(one["loss"])))
            place = int(generations[g - 1]["heir"][place]) if g else -1
        found += line[::-1]
        start += len(generations)
    return found


def species_sizes(populations: Sequence[Sequence[np.ndarray]]) -> list[SpeciesSize]:
    """Return the sizes of the species of every generation, by generation and then by the number of the species."""
    found, start = [], 0
    for number, generations in enumerate(populations):
        for g, kept in enumerate(generations):
            species, counts = np.unique(kept["species"], return_counts=True)
            found += [SpeciesSize(number, start + g, *pair) for pair in zip(species.tolist(), counts.tolist(), strict=True)]
        start += len(generations)
    return found
