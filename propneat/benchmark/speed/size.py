"""How much the speed benchmark measures."""

from dataclasses import dataclass

from propneat.training import ENGINES

__all__ = ["FULL", "QUICK", "Shape", "SpeedSize"]


@dataclass(frozen=True)
class Shape:
    """A training task: `n_hidden` is the most hidden nodes that a genome has, the least is half of it."""

    n_inputs: int
    n_hidden: int
    n_rows: int
    batch_size: int


@dataclass(frozen=True)
class SpeedSize:
    """What is measured, and how often; times are of the whole machine, so a busy one shows in the spread over rounds."""

    n_rounds: int = 5
    """How often everything is timed, all competitors of a table taking turns."""
    seconds_per_turn: float = 0.5
    """About the most that one turn of an engine may take; a slow engine trains only so many genomes of the population."""
    engines: tuple[str, ...] = tuple(ENGINES)
    population: int = 150
    shapes: tuple[Shape, ...] = (
        Shape(10, 10, 1024, 128),
        Shape(30, 20, 569, 128),
        Shape(57, 30, 4601, 256),
        Shape(14, 50, 16384, 512),
    )
    generations: int = 12
    """Generations of a round of the comparison with other packages."""
    warm_up_generations: int = 4
    """Of these, the first ones that are not counted."""
    epochs: int = 10
    """Epochs of training in each generation of that comparison."""
    populations: tuple[int, ...] = (100, 300, 1_000, 3_000, 10_000, 30_000)
    """Population sizes that the genetic operators are timed at, with `connections` connections each."""
    connections: int = 75
    genome_sizes: tuple[int, ...] = (25, 50, 100, 200, 400, 600)
    """Connections per genome that they are timed at, with `genome_size_population` genomes."""
    genome_size_population: int = 1_000
    large_rows: int = 1_000_000
    large_features: int = 50
    large_batch_size: int = 4096
    depths: tuple[int, ...] = (1, 4, 16, 32, 64)
    depth_rows: int = 1024
    quality_sets: tuple[tuple[str, int, int], ...] = (("phoneme", 5404, 5), ("spambase", 4601, 57), ("magic", 19020, 10))
    """Sets of PMLB with two classes; where one is not at hand, as many rows and inputs are made up."""
    quality_presets: tuple[str, ...] = ("tiny", "default", "best")
    quality_rounds: int = 1
    """Divisions of every set, each with another seed."""
    quality_generations: int = 50
    """Generations of neat-python."""
    quality_formulas: int = 500
    """Formulas of gplearn's population."""
    quality_steps: int = 1000
    """Steps of the evolution strategy."""
    cold_start: bool = True
    """Whether a start with nothing compiled is timed too, once, for it takes half a minute."""


FULL = SpeedSize()

QUICK = SpeedSize(
    n_rounds=3,
    seconds_per_turn=0.2,
    generations=6,
    warm_up_generations=2,
    populations=(100, 1_000, 10_000),
    genome_sizes=(25, 100, 400),
    large_rows=100_000,
    depths=(1, 16, 64),
    quality_sets=(("phoneme", 5404, 5),),
    quality_presets=("tiny", "default"),
    cold_start=False,
)
