"""Codes of functions of one's own among those of nodes: found, refused, and taken from one process to another by their names.

Codes are "activation" and "aggregation" of whatever has both: arrays of integers of an array of node genes, or of the fields of a
plan.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from propneat.base.errors import GenomeError
from propneat.genome.genes import ACTIVATIONS, AGGREGATIONS
from propneat.genome.own_functions import FunctionNames

__all__ = ["OWN_NAMES", "has_own", "own_functions", "refuse_own", "translated", "with_names"]

Codes = Mapping[str, np.ndarray] | np.ndarray

_FUNCTIONS: dict[str, FunctionNames[Any]] = {"activation": ACTIVATIONS, "aggregation": AGGREGATIONS}
OWN_NAMES = "own functions"
"""The key of a state to pickle under which the names stand."""


def has_own(codes: Codes) -> bool:
    """Say whether any function of one's own is among codes."""
    return any(known.own_names(codes[field]) for field, known in _FUNCTIONS.items())


def own_functions(codes: Codes) -> list[str]:
    """Return the functions of one's own among codes, each as a name with what it is, for a sentence that refuses it."""
    return [known.described(name) for field, known in _FUNCTIONS.items() for name in known.own_names(codes[field])]


def refuse_own(codes: Codes, what: str) -> None:
    """Raise GenomeError, which says that `what` cannot have it, for a function of one's own among codes."""
    if own := own_functions(codes):
        raise GenomeError(f"{what} has no form of {own[0]}, which is known as Python alone")


def with_names(state: dict[str, Any], codes: Codes) -> dict[str, Any]:
    """Return a state to pickle, with the names of functions of one's own if there are any: their codes are of this process."""
    own = {field: {known.index(name): name for name in known.own_names(codes[field])} for field, known in _FUNCTIONS.items()}
    return {**state, OWN_NAMES: own} if any(own.values()) else state


def translated(codes: Any, own: Mapping[str, Mapping[int, str]]) -> Any:
    """Return codes of another process, an array or a dict, as those of this one, given the names that `with_names` wrote.

    Raises ConfigError for a function that cannot be imported.
    """
    here = codes.copy()
    for field, names in own.items():
        values = codes[field].copy()
        for code, name in names.items():
            _FUNCTIONS[field].find(name)
            values[codes[field] == code] = _FUNCTIONS[field].index(name)
        here[field] = values
    return here
