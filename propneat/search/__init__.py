"""The search for a network: the evolve loop over a learning problem, and what chooses among genomes and joins them."""

from propneat.search.loop import HISTORY_COLUMNS, EvolveResult, EvolveState, Finished, Problem, Trainer, evolve

__all__ = ["HISTORY_COLUMNS", "EvolveResult", "EvolveState", "Finished", "Problem", "Trainer", "evolve"]
