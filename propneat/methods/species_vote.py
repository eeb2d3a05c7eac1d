"""The final population as a committee: the best network of every species votes."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from propneat.compiler import compile_genome, evaluate
from propneat.estimators import PropNEATClassifier
from propneat.methods.contract import Method
from propneat.methods.evolved import EVOLVED
from propneat.vote import class_shares

__all__ = ["SPECIES_VOTE", "SpeciesVoteClassifier"]


class SpeciesVoteClassifier(ClassifierMixin, BaseEstimator):
    """PropNEAT whose answer is the weighted mean of the probabilities of its finalists: champion and species' best genomes.

    The shares are those of `propneat.vote.vote_weights`, settled on validation rows before the finalists are trained on all
    rows. `evolution` is the PropNEATClassifier to evolve with. After `fit`: `evolution_`, it fitted; `members_`, the compiled
    finalists that have a share, and `shares_`; `classes_`, `n_features_in_`, `n_parameters_` (weights and biases of all
    members), and `depth_`, the deepest member's layers.
    """

    def __init__(self, evolution: PropNEATClassifier) -> None:
        self.evolution = evolution

    def fit(self, X: Any, y: Any) -> "SpeciesVoteClassifier":
        """Evolve on rows X, (n_rows, n_features), with labels y, (n_rows,). Raises as PropNEATClassifier does."""
        self.evolution_ = clone(self.evolution).fit(X, y)
        voting = [
            (compile_genome(genome), share)
            for genome, share in zip(self.evolution_.finalists_, self.evolution_.finalist_votes_, strict=True)
            if share > 0
        ]
        self.members_, self.shares_ = [plan for plan, _ in voting], np.array([share for _, share in voting])
        self.classes_, self.n_features_in_ = self.evolution_.classes_, self.evolution_.n_features_in_
        self.n_parameters_ = sum(plan.n_edges + plan.n_slots - plan.n_inputs for plan in self.members_)
        self.depth_ = max(plan.n_layers for plan in self.members_)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`.

        A member that overflows on a row is left out of that row's vote; where all do, the classes are equally likely.
        """
        check_is_fitted(self)
        model = self.evolution_.model_
        inputs = model.preprocessor.transform(X)
        outputs = np.stack([evaluate(plan, inputs) for plan in self.members_])
        usable = np.isfinite(outputs).all(axis=2)
        answers = class_shares(model.task, np.where(usable[:, :, None], outputs, 0.0))
        shares = self.shares_[:, None] * usable
        total = shares.sum(axis=0)
        joint = (shares[:, :, None] * answers).sum(axis=0) / np.where(total > 0, total, 1.0)[:, None]
        return np.where(total[:, None] > 0, joint, 1.0 / len(self.classes_))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, (n_rows,)."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


def _make(random_state: int | None = None, **options: Any) -> SpeciesVoteClassifier:
    return SpeciesVoteClassifier(PropNEATClassifier(random_state=random_state, **options))


SPECIES_VOTE = Method(
    "propneat-ensemble",
    "the best network of every species of propneat's last generation, voting by validation",
    _make,
    "as propneat",
    EVOLVED[0].paper,
    seconds=EVOLVED[0].seconds,
    is_core=True,
)
"""The evolved ensemble."""
