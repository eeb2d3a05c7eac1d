"""What the search passes on: its state between generations, what a population came to, and the result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from propneat.evolution import PopulationState
from propneat.genome import GenePool, Genome
from propneat.training import TrainedPopulation

__all__ = ["Callback", "EvolveResult", "EvolveState", "Finished", "Trainer"]


@dataclass(frozen=True, eq=False)
class Finished:
    """What a population came to that others followed: its champion, trained on all rows, with its figures when chosen."""

    champion: Genome
    validation_loss: float
    validation_score: float


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


@dataclass(frozen=True, eq=False)
class EvolveResult:
    """What a run found."""

    champion: Genome
    """The genome of lowest validation loss, size penalty included, trained on all rows after it was chosen; of several
    populations the mean of theirs."""
    validation_loss: float
    """The champion's when it was chosen, before it was trained on validation rows too; of several populations the mean."""
    validation_score: float
    """Likewise its AUC or R squared on validation rows; see `score_outputs`."""
    finalists: tuple[Genome, ...]
    """All genomes that were fine-tuned, the champion first; of several populations the champion alone."""
    finalist_losses: tuple[float, ...]
    """Their validation losses, as for the champion."""
    finalist_votes: tuple[float, ...]
    """How much each counts when they answer together, by validation rows; see `vote_weights`."""
    history: tuple[dict[str, Any], ...]
    """One row per generation, with the keys of `HISTORY_COLUMNS`."""
    interrupted: bool
    """Whether a callback ended the run before its last generation."""


Callback = Callable[[EvolveState], bool | None]
"""Called after every generation with the state reached; True ends the run there, cleanly, False and None do not."""


Trainer = Callable[..., TrainedPopulation]
"""Called like `train_population`, and returns the same; it decides only where the work is done."""
