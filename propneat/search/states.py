"""What the search passes on: its state between generations, what a population came to, and the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from propneat.evolution import PopulationState
from propneat.genome import GenePool, Genome
from propneat.search.front import Front, pick
from propneat.training import TrainedPopulation

__all__ = ["Callback", "EvolveResult", "EvolveState", "Finished", "FrontMember", "Trainer", "pick_member"]


@dataclass(frozen=True, eq=False)
class Finished:
    """What a population came to that others followed: its champion, trained on all rows, with its figures when chosen."""

    champion: Genome
    validation_loss: float
    validation_score: float
    generations: int
    """How many it took."""
    linear_share: float = 0.0
    """What a linear network deserves beside it; see `propneat.search.linear`."""


@dataclass(frozen=True, eq=False)
class EvolveState:
    """A run between two generations: with the same problem and configuration, `evolve` goes on from it to the same end."""

    population: PopulationState
    champion: Genome
    champion_loss: float
    leaders: GenePool
    """The best genome of every species of the last generation, its numbers trained, best first."""
    history: tuple[dict[str, Any], ...]
    finished: tuple[Finished, ...] = ()
    """The populations before this one."""
    front: Front = field(default_factory=Front.make)
    """The best genomes of every size that this population has seen, numbers as they were then."""
    extra: dict[str, Any] | None = None
    """What other searches than that over a table keep beside, plain values that JSON can carry; None for those."""
    descent: tuple[np.ndarray, ...] = ()
    """Species, mothers, sizes and losses of every generation of the history, see `descent_of`; nothing of other searches."""

    @property
    def descent_by_population(self) -> tuple[tuple[np.ndarray, ...], ...]:
        """What is kept of the generations, population by population."""
        edges = np.cumsum([0, *(part.generations for part in self.finished), len(self.own_history)]).tolist()
        return tuple(self.descent[start:end] for start, end in pairwise(edges))

    @property
    def own_history(self) -> tuple[dict[str, Any], ...]:
        """The generations of this population."""
        return self.history[sum(part.generations for part in self.finished) :]


@dataclass(frozen=True, eq=False)
class FrontMember:
    """The best network found of its size, trained on all rows, with its figures when it was judged."""

    genome: Genome
    n_connections: int
    validation_loss: float
    standard_error: float
    """Of the loss, over the rows it was judged by: the validation rows, of several populations all."""
    validation_score: float
    cost: float
    """The loss with the size penalty; see `penalised`."""


@dataclass(frozen=True, eq=False)
class EvolveResult:
    """What a run found."""

    champion: Genome
    """The member of the front that `config.pick` takes, by default the one of lowest validation loss, size penalty included."""
    validation_loss: float
    """The champion's when it was chosen, before it was trained on validation rows too."""
    validation_score: float
    """Likewise its AUC or R squared on validation rows; see `score_outputs`."""
    finalists: tuple[Genome, ...]
    """The champion, then its rivals of the last generation, trained alike; of several populations the champion alone."""
    finalist_losses: tuple[float, ...]
    """Their validation losses, as for the champion."""
    finalist_votes: tuple[float, ...]
    """How much each counts when they answer together, by validation rows; see `vote_weights`."""
    front: tuple[FrontMember, ...]
    """The best networks of every size, of growing size and falling validation loss."""
    history: tuple[dict[str, Any], ...]
    """One row per generation, with the keys of `HISTORY_COLUMNS`."""
    interrupted: bool
    """Whether a callback ended the run before its last generation."""
    descent: tuple[tuple[np.ndarray, ...], ...] = ()
    """For every population what is kept of its generations; see `ancestors` and `species_sizes` of `propneat.search.descent`."""
    linear_share: float = 0.0
    """What a linear network is of the mean that taught the champion; see `propneat.search.linear`."""
    stopped: str = "generations"
    """What ended the last population: its number of "generations", "target_fitness", "patience", or a "callback"."""


Callback = Callable[[EvolveState], bool | None]
"""Called after every generation with the state reached; True ends the run there, cleanly, False and None do not."""


Trainer = Callable[..., TrainedPopulation]
"""Called like `train_population`, and returns the same; it decides only where the work is done."""


def pick_member(rule: str | int, members: Sequence[FrontMember]) -> int:
    """Return which member of a front is chosen by a rule; see `pick`."""
    names = ("n_connections", "validation_loss", "standard_error", "cost")
    return pick(rule, *([getattr(member, name) for member in members] for name in names))
