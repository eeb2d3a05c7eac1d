"""The tables of a configuration file, and the line on every setting: its comment there, and the help of its option."""

from propneat.settings.data import DataSettings
from propneat.settings.evolution import EvolutionConfig
from propneat.settings.evolve_config import EvolveConfig
from propneat.settings.fields import notes_of
from propneat.settings.training import TrainingConfig

__all__ = ["NOTES", "OWNERS", "SECTIONS", "home_of"]

SECTIONS: dict[str, str] = {
    "": "The run.",
    "data": "The table to learn from, and how its rows are divided.",
    "evolution": "NEAT. Rates are probabilities per offspring unless a line says otherwise.",
    "training": "Backpropagation of every genome in every generation.",
}
"""The tables of a configuration file, in order, and what each is about."""

OWNERS: dict[str, type] = {"": EvolveConfig, "data": DataSettings, "evolution": EvolutionConfig, "training": TrainingConfig}
"""The dataclass that has the settings of each table."""

NOTES: dict[str, dict[str, str]] = {section: notes_of(owner) for section, owner in OWNERS.items()}
"""Explanation of every key of every table; exactly these keys may stand in a configuration file."""


def home_of(name: str) -> str:
    """Return the first table that has a setting of this name; raises KeyError where none has."""
    for section, notes in NOTES.items():
        if name in notes:
            return section
    raise KeyError(name)
