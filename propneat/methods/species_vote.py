"""Final populations as a committee: the best network of every species votes."""

from typing import Any

from propneat.estimators.ensemble import PropNEATEnsembleClassifier, PropNEATEnsembleRegressor
from propneat.methods.contract import ANY_TASK, Method
from propneat.methods.evolved import EVOLVED, QUICK, make_propneat, make_regressor

__all__ = ["SPECIES_VOTE"]


def _make(random_state: int | None = None, n_populations: int = 1, **options: Any) -> PropNEATEnsembleClassifier:
    return PropNEATEnsembleClassifier(make_propneat(**{"populations": 1, **options}), n_populations, random_state)


def _make_regressor(random_state: int | None = None, n_populations: int = 1, **options: Any) -> PropNEATEnsembleRegressor:
    return PropNEATEnsembleRegressor(make_regressor(**{"populations": 1, **options}), n_populations, random_state)


SPECIES_VOTE = Method(
    "propneat-ensemble",
    "the best network of every species of propneat-single's last generation, voting by validation; five populations",
    _make,
    "five times propneat-single's",
    EVOLVED[0].paper,
    tasks=ANY_TASK,
    options={"n_populations": 5},
    quick={**QUICK, "n_populations": 1},
    seconds=lambda n_rows, n_features, n_classes: 5 * EVOLVED[1].seconds(n_rows, n_features, n_classes),
    make_regressor=_make_regressor,
)
"""The evolved ensemble."""
