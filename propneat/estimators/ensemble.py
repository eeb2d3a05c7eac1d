"""Final populations as a committee: the best network of every species answers, and their answers are averaged."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted

from propneat.base.errors import ConfigError
from propneat.base.rng import derive_seed
from propneat.compiler import LayerPlan, compile_genome
from propneat.estimators.single import PropNEATClassifier, PropNEATRegressor, draw_seed
from propneat.model.summary import n_nodes
from propneat.search.vote import class_shares

__all__ = ["PropNEATEnsembleClassifier", "PropNEATEnsembleRegressor"]

Evolution = PropNEATClassifier | PropNEATRegressor
Member = tuple[LayerPlan, float]


class _Ensemble(BaseEstimator):
    """What the two ensembles share: populations that evolve one after the other, and their members."""

    def __init__(self, estimator: Any = None, n_populations: int = 5, random_state: Any = None) -> None:
        self.estimator = estimator
        self.n_populations = n_populations
        self.random_state = random_state

    def __sklearn_tags__(self):
        """Say that missing values, sparse matrices and sequences are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags

    def _check(self, kind: type[Evolution]) -> Evolution:
        """Return what to evolve with; raises ConfigError for a parameter that cannot be used."""
        evolution = kind(populations=1) if self.estimator is None else self.estimator
        if not isinstance(evolution, kind):
            raise ConfigError(f"estimator must be a {kind.__name__} or None, not a {type(evolution).__name__}")
        # its own random state plays no part, and drawing from that would change it
        clone(evolution).set_params(random_state=0).check_parameters()
        if isinstance(self.n_populations, bool) or not isinstance(self.n_populations, int) or self.n_populations < 1:
            raise ConfigError(f"n_populations must be a whole number from 1 on, not {self.n_populations!r}")
        return evolution

    def _fit(self, X: Any, y: Any, sample_weight: Any, kind: type[Evolution]) -> None:
        evolution, seed = self._check(kind), draw_seed(self.random_state)
        seeds = [seed, *(derive_seed("population", str(seed), k) % 2**31 for k in range(1, self.n_populations))]
        fitted = [clone(evolution).set_params(random_state=own).fit(X, y, sample_weight) for own in seeds]
        self.evolutions_ = fitted
        self.members_ = [_members(evolution) for evolution in fitted]
        self.n_features_in_ = fitted[0].n_features_in_
        # scikit-learn tells by the absence of names that the table had none
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(fitted[0], "feature_names_in_"):
            self.feature_names_in_ = fitted[0].feature_names_in_
        plans = [plan for members in self.members_ for plan, _ in members]
        self.n_parameters_ = sum(plan.n_edges + plan.n_slots - plan.n_inputs for plan in plans)
        self.depth_ = max(plan.n_layers for plan in plans)
        # a share for every member, a product with it, and one sum over all
        self.n_nodes_ = sum(_formula_nodes(evolution) for evolution in fitted) + 1

    def _outputs(self, X: Any) -> list[tuple[Evolution, np.ndarray, np.ndarray]]:
        """Return for every population itself, its members' outputs, (n_members, n_rows, n_outputs), and their shares.

        The shares, (n_members, n_rows), add up to 1 on every row, or are all 0 where every member overflows.
        """
        check_is_fitted(self)
        answers = []
        for evolution, members in zip(self.evolutions_, self.members_, strict=True):
            outputs = np.stack(evolution.outputs_of([plan for plan, _ in members], X))
            usable = np.isfinite(outputs).all(axis=2)
            shares = np.array([share for _, share in members])[:, None] * usable
            total = shares.sum(axis=0)
            answers.append((evolution, np.where(usable[:, :, None], outputs, 0.0), shares / np.where(total > 0, total, 1.0)))
        return answers


def _voters(evolution: Evolution) -> Any:
    return zip(evolution.finalists_, evolution.finalist_votes_, strict=True)


def _formula_nodes(evolution: Evolution) -> int:
    scale = evolution.model_.target_scale
    is_logarithm = scale is not None and scale.log
    return sum(n_nodes(genome, is_logarithm) + 2 for genome, share in _voters(evolution) if share > 0)


def _members(evolution: Evolution) -> list[Member]:
    return [(compile_genome(genome), share) for genome, share in _voters(evolution) if share > 0]


_ABOUT = """
    The shares are those of `propneat.search.vote.vote_weights`, settled on validation rows before the finalists are trained on
    all rows. With `n_populations` above 1 that many populations evolve independently, each with a division of its own into rows
    to train on and rows to judge by, and count the same: networks that saw other rows err on other rows.

    `estimator` is the {kind} to evolve with, None for one with its defaults but for a single population; its `random_state` is overruled by that of
    the ensemble. After `fit`: `evolutions_`, those fitted; `members_`, for every population the compiled finalists that have
    a share, with it; {more}`n_features_in_`, `n_parameters_` (weights and biases of all members), `depth_`, the
    deepest's layers, and `n_nodes_`, the size of all members written as one formula.
    """


class PropNEATEnsembleClassifier(ClassifierMixin, _Ensemble):
    __doc__ = (
        "PropNEAT whose answer is the weighted mean of its finalists' probabilities: champion and species' best genomes.\n"
        + _ABOUT.format(kind="PropNEATClassifier", more="`classes_`, ")
    )

    def check_parameters(self) -> None:
        """Raise ConfigError for a parameter that cannot be used."""
        self._check(PropNEATClassifier)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "PropNEATEnsembleClassifier":
        """Evolve on rows X, (n_rows, n_features), with labels y and weights, (n_rows,). Raises as PropNEATClassifier does."""
        self._fit(X, y, sample_weight, PropNEATClassifier)
        self.classes_ = self.evolutions_[0].classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`.

        A member that overflows on a row is left out of that row's vote; where all do, the classes are equally likely.
        """
        joint = []
        for evolution, outputs, shares in self._outputs(X):
            answers = class_shares(evolution.model_.task, outputs)
            mean = (shares[:, :, None] * answers).sum(axis=0)
            joint.append(np.where((shares.sum(axis=0) > 0)[:, None], mean, 1.0 / answers.shape[2]))
        return np.mean(joint, axis=0)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, (n_rows,)."""
        shares = self.predict_proba(X)
        return self.classes_[np.argmax(shares, axis=1)]


class PropNEATEnsembleRegressor(RegressorMixin, _Ensemble):
    __doc__ = (
        "PropNEAT whose answer is the weighted mean of its finalists' answers: champion and species' best genomes.\n"
        + _ABOUT.format(kind="PropNEATRegressor", more="")
    )

    def check_parameters(self) -> None:
        """Raise ConfigError for a parameter that cannot be used."""
        self._check(PropNEATRegressor)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "PropNEATEnsembleRegressor":
        """Evolve on rows X, (n_rows, n_features), with targets y and weights, (n_rows,). Raises as PropNEATRegressor does."""
        self._fit(X, y, sample_weight, PropNEATRegressor)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted number of every row, float64 (n_rows,).

        A member that overflows on a row is left out of that row's mean; where all do, the answer is what a network that always
        says 0 would give, the middle of the targets.
        """
        answers = []
        for evolution, outputs, shares in self._outputs(X):
            scale = evolution.model_.scale
            middle = (shares.sum(axis=0) == 0) * scale.invert(np.zeros(1))
            answers.append((shares * scale.invert(outputs[:, :, 0])).sum(axis=0) + middle)
        return np.mean(answers, axis=0)
