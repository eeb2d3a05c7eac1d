"""Final populations as a committee: the best network of every species votes."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from propneat.compiler import LayerPlan, compile_genome, evaluate
from propneat.errors import ConfigError
from propneat.estimators import PropNEATClassifier
from propneat.methods.contract import Method
from propneat.methods.evolved import EVOLVED, QUICK
from propneat.rng import derive_seed
from propneat.vote import class_shares

__all__ = ["SPECIES_VOTE", "SpeciesVoteClassifier"]


class SpeciesVoteClassifier(ClassifierMixin, BaseEstimator):
    """PropNEAT whose answer is the weighted mean of the probabilities of its finalists: champion and species' best genomes.

    The shares are those of `propneat.vote.vote_weights`, settled on validation rows before the finalists are trained on all
    rows. With `n_populations` above 1 that many populations evolve independently, each with a division of its own into rows
    to train on and rows to judge by, and count the same: networks that saw other rows err on other rows.

    `evolution` is the PropNEATClassifier to evolve with, whose `random_state` must be a whole number or None. After `fit`:
    `evolutions_`, those fitted; `members_`, for every population the compiled finalists that have a share, with it;
    `classes_`, `n_features_in_`, `n_parameters_` (weights and biases of all members), and `depth_`, the deepest's layers.
    """

    def __init__(self, evolution: PropNEATClassifier, n_populations: int = 1) -> None:
        self.evolution = evolution
        self.n_populations = n_populations

    def check_parameters(self) -> None:
        """Raise ConfigError for a parameter that cannot be used."""
        self.evolution.check_parameters()
        if not isinstance(self.n_populations, int) or self.n_populations < 1:
            raise ConfigError(f"n_populations must be a whole number from 1 on, not {self.n_populations!r}")

    def fit(self, X: Any, y: Any) -> "SpeciesVoteClassifier":
        """Evolve on rows X, (n_rows, n_features), with labels y, (n_rows,). Raises as PropNEATClassifier does."""
        self.check_parameters()
        seed = self.evolution.random_state
        seeds = [seed, *(derive_seed("population", str(seed), k) % 2**31 for k in range(1, self.n_populations))]
        self.evolutions_ = [clone(self.evolution).set_params(random_state=own).fit(X, y) for own in seeds]
        self.members_ = [_members(evolution) for evolution in self.evolutions_]
        self.classes_, self.n_features_in_ = self.evolutions_[0].classes_, self.evolutions_[0].n_features_in_
        plans = [plan for members in self.members_ for plan, _ in members]
        self.n_parameters_ = sum(plan.n_edges + plan.n_slots - plan.n_inputs for plan in plans)
        self.depth_ = max(plan.n_layers for plan in plans)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`.

        A member that overflows on a row is left out of that row's vote; where all do, the classes are equally likely.
        """
        check_is_fitted(self)
        pairs = zip(self.evolutions_, self.members_, strict=True)
        return np.mean([_answer(evolution, members, X) for evolution, members in pairs], axis=0)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, (n_rows,)."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


def _members(evolution: PropNEATClassifier) -> list[tuple[LayerPlan, float]]:
    voting = zip(evolution.finalists_, evolution.finalist_votes_, strict=True)
    return [(compile_genome(genome), share) for genome, share in voting if share > 0]


def _answer(evolution: PropNEATClassifier, members: list[tuple[LayerPlan, float]], X: Any) -> np.ndarray:
    """Return the joint probabilities of one population's members, float64 (n_rows, n_classes)."""
    model = evolution.model_
    inputs = model.preprocessor.transform(X)
    outputs = np.stack([evaluate(plan, inputs) for plan, _ in members])
    usable = np.isfinite(outputs).all(axis=2)
    answers = class_shares(model.task, np.where(usable[:, :, None], outputs, 0.0))
    shares = np.array([share for _, share in members])[:, None] * usable
    total = shares.sum(axis=0)
    joint = (shares[:, :, None] * answers).sum(axis=0) / np.where(total > 0, total, 1.0)[:, None]
    return np.where(total[:, None] > 0, joint, 1.0 / answers.shape[2])


def _make(random_state: int | None = None, n_populations: int = 1, **options: Any) -> SpeciesVoteClassifier:
    return SpeciesVoteClassifier(PropNEATClassifier(random_state=random_state, **options), n_populations)


SPECIES_VOTE = Method(
    "propneat-ensemble",
    "the best network of every species of propneat's last generation, voting by validation; five populations",
    _make,
    "five times propneat's",
    EVOLVED[0].paper,
    options={"n_populations": 5},
    quick={**QUICK, "n_populations": 1},
    seconds=lambda n_rows, n_features, n_classes: 5 * EVOLVED[0].seconds(n_rows, n_features, n_classes),
)
"""The evolved ensemble."""
