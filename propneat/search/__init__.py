"""The search for a network: the evolve loop over a learning problem, and what chooses among genomes and joins them."""

from propneat.search.generation import HISTORY_COLUMNS
from propneat.search.loop import evolve
from propneat.search.problem import Problem
from propneat.search.states import EvolveResult, EvolveState, Finished, Trainer

__all__ = ["HISTORY_COLUMNS", "EvolveResult", "EvolveState", "Finished", "Problem", "Trainer", "evolve"]
