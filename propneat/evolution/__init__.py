"""NEAT over packed genes: innovation numbers, mutation, crossover, speciation, reproduction, and the Population."""

from propneat.evolution.breeding import Mating, breed, crossover, mutate
from propneat.evolution.compatibility import compatibility_distance
from propneat.evolution.config import EvolutionConfig
from propneat.evolution.innovation import InnovationTracker
from propneat.evolution.population import GenerationReport, Population, PopulationState, Species
from propneat.evolution.speciation import assign_species

__all__ = [
    "EvolutionConfig",
    "GenerationReport",
    "InnovationTracker",
    "Mating",
    "Population",
    "PopulationState",
    "Species",
    "assign_species",
    "breed",
    "compatibility_distance",
    "crossover",
    "mutate",
]
