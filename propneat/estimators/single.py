"""PropNEATClassifier and PropNEATRegressor: evolved, trained networks behind scikit-learn's estimator contract."""

import sys
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from numbers import Integral, Number
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from propneat import __version__
from propneat.base.errors import ConfigError, DataError, GenomeError
from propneat.compiler import LayerPlan, evaluate
from propneat.data.frames import TableView, densified
from propneat.data.weighted import check_weights
from propneat.estimators.forecasting import followed_values, prepare_series
from propneat.estimators.preparing import are_sequences, checked_sequences, prepare_arrays, prepare_rows
from propneat.genome import Genome
from propneat.model import Model, class_probabilities
from propneat.model.preparation import PreparedProblem
from propneat.model.starting import starting_genomes
from propneat.search import EvolveState, evolve
from propneat.search.states import pick_member
from propneat.settings.evolve_config import EvolveConfig
from propneat.settings.file import Settings
from propneat.settings.of_estimators import describe_parameters, settings_of

__all__ = ["PropNEATClassifier", "PropNEATRegressor", "draw_seed"]


@dataclass(kw_only=True, eq=False, repr=False)
class _PropNEAT(BaseEstimator):
    """What the two estimators share; the parameters are explained in the documentation of the estimators."""

    preset: str | None = None
    generations: int | None = None
    populations: int | str | None = None
    population_size: int | None = None
    method: str = "propneat"
    epochs: int | None = None
    learning_rate: float | None = None
    optimiser: str | None = None
    batch_size: int | str | None = None
    l2: float | None = None
    loss: str | None = None
    activations: tuple[str, ...] | None = None
    max_connections: int | None = None
    max_hidden: int | None = None
    target_fitness: float | None = None
    patience: int | None = None
    start: Genome | Model | Path | str | None = None
    add_connection_rate: float | None = None
    delete_connection_rate: float | None = None
    add_node_rate: float | None = None
    delete_node_rate: float | None = None
    write_back: bool | None = None
    retrain: bool | None = None
    size_penalty: float | None = None
    validation_fraction: float | None = None
    n_finalists: int | None = None
    fine_tune_epochs: int | None = None
    fine_tune_patience: int | None = None
    prune_epochs: int | None = None
    pick: str | int | None = None
    one_hot_integers: int | None = None
    max_levels: int | None = None
    answer: str | None = None
    drop: tuple[str, ...] | None = None
    keep: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    numbers: tuple[str, ...] | None = None
    dates: tuple[str, ...] | None = None
    texts: tuple[str, ...] | None = None
    missing: tuple[str, ...] | None = None
    decimal: str | None = None
    thousands: str | None = None
    odd_cells: float | None = None
    engine: str | None = None
    device: str | None = None
    memory_budget: int | None = None
    evolution: dict[str, Any] | None = None
    random_state: int | np.random.RandomState | None = None
    verbose: int = 0

    def to_json(self) -> str:
        """Return the champion with all that is needed to apply it, as JSON text; see `Model.to_json`."""
        check_is_fitted(self)
        return self.model_.to_json()

    def save(self, path: Path | str) -> None:
        """Write `to_json` to a file, whole or not at all; `propneat.load_model` reads it."""
        check_is_fitted(self)
        self.model_.save(path)

    def __sklearn_tags__(self):
        """Say that missing values, sparse matrices and sequences are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the network's inputs, an object array (n_inputs,); `input_features` is not used."""
        check_is_fitted(self)
        return np.array(self.model_.input_names, dtype=object)

    def check_parameters(self) -> None:
        """Raise ConfigError for a parameter that cannot be used, as `fit` does before it looks at data."""
        settings_of(self.get_params(deep=False), draw_seed(self.random_state))

    def _fit(self, X: Any, y: Any, sample_weight: Any, task: str | None, class_weight: Any = None) -> None:
        """Evolve on checked data; a `task` of None is a classification into two or more classes."""
        seed = draw_seed(self.random_state)
        settings = settings_of(self.get_params(deep=False), seed, sequences=are_sequences(X))
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        target_name = y.name if isinstance(getattr(y, "name", None), str) else "target"
        X, y = self._checked(X, reset=True), column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        X, y, weights = _drop_weightless(X, y, check_weights(sample_weight, len(y)))
        _refuse_missing(y)
        if task is None:
            check_classification_targets(y)
            self.classes_ = np.unique(y)
            task = "binary" if len(self.classes_) == 2 else "multiclass"
        prepare = prepare_arrays if are_sequences(X) else prepare_rows
        self.reading_, prepared = prepare(X, y, task, weights, class_weight, settings, seed)
        self._evolve(prepared, settings, target_name)

    def _evolve(self, prepared: PreparedProblem, settings: Settings, target_name: str) -> None:
        """Evolve on a problem, of which `reading_` says how it was read."""
        seed = settings.evolve.seed
        if self.verbose and self.reading_:
            print("\n".join(self.reading_), file=sys.stderr)
        config = settings.evolve.for_rows(len(prepared.problem.train))
        callbacks = [_make_printer(config.n_generations)] if self.verbose else []
        result = evolve(prepared.problem, config, callbacks=callbacks, start=starting_genomes(self.start, prepared))
        about = {"propneat": __version__, "method": settings.evolve.method, "seed": seed}
        self.champion_ = result.champion
        self.finalists_, self.finalist_votes_, self.front_ = result.finalists, result.finalist_votes, result.front
        self.model_ = prepared.model(result.champion, target_name=target_name, about=about)
        self.history_ = list(result.history)
        self.n_iter_, self.stopped_, self.linear_share_ = len(result.history), result.stopped, result.linear_share

    def pick_network(self, rule: str | int) -> Self:
        """Return a copy, fitted, whose champion is another network of the front; nothing is trained.

        `rule` is the most connections that the network may have, "best", "one-standard-error" or a price of a connection such as
        "1%", as for the parameter `pick`.
        Raises ConfigError for a number that no network of the front keeps to.
        """
        check_is_fitted(self)
        smallest = self.front_[0].n_connections
        most = replace(EvolveConfig(), pick=rule).pick
        if isinstance(most, int) and most < smallest:
            raise ConfigError(
                f"the smallest network of the front has {smallest} connections: ask for as many or more, not {rule}"
            )
        champion = self.front_[pick_member(rule, self.front_)].genome
        other = copy(self)
        other.champion_, other.finalists_, other.finalist_votes_ = champion, (champion,), (1.0,)
        other.model_ = replace(self.model_, genome=champion)
        return other

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """Return a table, or sequences, that preprocessing can read, with the features of `fit` unless `reset`."""
        is_of_sequences = not reset and self.model_.sequence is not None and self.model_.sequence.next_step is None
        if are_sequences(X) or is_of_sequences:
            X = checked_sequences(X, None if reset else self.n_features_in_)
            self.n_features_in_: int = X.shape[2]
            return X
        return _check_table(self, X, reset=reset)

    def read_inputs(self, X: Any) -> np.ndarray:
        """Return what the networks get for rows of X, float64 (n_rows, n_inputs), or sequences (n_rows, n_steps, n_inputs)."""
        check_is_fitted(self)
        X, preprocessor = self._checked(X, reset=False), self.model_.preprocessor
        if self.model_.sequence is None:
            return preprocessor.transform(X)
        values, rows = self.model_.sequence_rows(X)
        return rows.stack(preprocessor.transform(values))

    def outputs_of(self, plans: Sequence[LayerPlan], X: Any) -> list[np.ndarray]:
        """Return the raw outputs of networks evolved together, each (n_rows, n_outputs); of sequences one for each."""
        inputs = self.read_inputs(X)
        if self.model_.sequence is None:
            return [evaluate(plan, inputs) for plan in plans]
        rows = self.model_.sequence_rows(X)[1]
        return [rows.answered(evaluate(plan, inputs), self.model_.sequence.answer) for plan in plans]

    def _quick_outputs(self, X: Any) -> np.ndarray | None:
        """Return the raw outputs for an array of numbers in which `_checked` would find nothing to say, else None."""
        known = vars(self)
        if "model_" not in known or "feature_names_in_" in known or not isinstance(X, np.ndarray) or not len(X):
            return None
        quick = self.model_.quick_answers
        return None if quick is None else quick.outputs(X)

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the champion's raw outputs, float64 (n_rows, n_outputs); each row's depend on that row alone."""
        outputs = self._quick_outputs(X)
        if outputs is None:
            check_is_fitted(self)
            outputs = self.model_.outputs(self._checked(X, reset=False))
        # a sum is finite only where all its terms are, and costs less than to look at each
        if not np.isfinite(outputs.sum()) and len(broken := np.flatnonzero(~np.isfinite(outputs).all(axis=1))):
            raise GenomeError(f"the network overflows on row {broken[0]} of X, whose values are too far from those in training")
        return outputs


def _document(cls: type) -> type:
    cls.__doc__ = f"{cls.__doc__}\n{describe_parameters(cls)}\n"
    return cls


@_document
@dataclass(kw_only=True, eq=False, repr=False)
class PropNEATClassifier(ClassifierMixin, _PropNEAT):
    """A small network that tells classes apart, its structure evolved by NEAT, its numbers trained by gradients.

    X is an array or a DataFrame of numbers, texts and categories; values may be missing, and preprocessing is learnt in `fit`.
    Or it is an array of sequences, (n_sequences, n_steps, n_features), whose last steps may be NaN where a sequence is shorter.
    Rows of weight 2 count as two rows, to the bit, rows of weight 0 not at all, and the order of rows does not matter.

    After `fit`: `champion_`, the Genome; `model_`, the Model with its preprocessing and classes too; `history_`, one
    dict per generation; `n_iter_`, the number of generations, and `stopped_`, what ended the last population;
    `linear_share_`, what a linear network is of the mean that taught the champion;
    `front_`, the best network of every size, see `pick_network`;
    `finalists_`, the champion and, of a single population, its rivals of the last generation, trained like it, and
    `finalist_votes_`, how much each counts when they answer together; `classes_`, `n_features_in_`, and `feature_names_in_`.
    """

    class_weight: str | dict[Any, float] | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "PropNEATClassifier":
        """Evolve on rows X, shape (n_rows, n_features), with labels y and weights of shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self._fit(X, y, sample_weight, None, self.class_weight)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return logits: of the second of two classes, shape (n_rows,), or of each of several, shape (n_rows, n_classes)."""
        outputs = self._outputs(X)
        return outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        outputs = self._outputs(X)
        return self.classes_[(outputs[:, 0] > 0).astype(int) if len(self.classes_) == 2 else np.argmax(outputs, axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, shape (n_rows, n_classes), columns in the order of `classes_`."""
        outputs = self._outputs(X)
        return class_probabilities(self.model_.task, outputs)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the natural logarithms of class probabilities, finite even where these round to 0, same shape."""
        outputs = self._outputs(X)
        logits = np.column_stack([np.zeros(len(outputs)), outputs]) if len(self.classes_) == 2 else outputs
        return log_softmax(logits, axis=1)


@_document
@dataclass(kw_only=True, eq=False, repr=False)
class PropNEATRegressor(RegressorMixin, _PropNEAT):
    """A small network that predicts a number, its structure evolved by NEAT, its numbers trained by gradients.

    X is an array or a DataFrame of numbers, texts and categories; values may be missing, and preprocessing is learnt in `fit`.
    Or it is an array of sequences, (n_sequences, n_steps, n_features), whose last steps may be NaN where a sequence is shorter.
    Rows of weight 2 count as two rows, to the bit, rows of weight 0 not at all, and the order of rows does not matter.

    After `fit`: `champion_`, the Genome; `model_`, the Model with its preprocessing and target scale too; `history_`,
    one dict per generation; `n_iter_`, the number of generations, and `stopped_`, what ended the last population;
    `linear_share_`, what a linear network is of the mean that taught the champion;
    `front_`, the best network of every size, see `pick_network`;
    `finalists_`, the champion and, of a single population, its rivals of the last generation, trained like it, and
    `finalist_votes_`, how much each counts when they answer together; `n_features_in_`, and `feature_names_in_`.

    With `next_step` the value of that column at the next step is learnt, of sequences or of one series, whose rows are in order.
    """

    next_step: str | int | None = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "PropNEATRegressor":
        """Evolve on rows X, shape (n_rows, n_features), with targets y and weights of shape (n_rows,); none with `next_step`.

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        if self.next_step is None:
            self._fit(X, y, sample_weight, "regression")
            return self
        if y is not None or sample_weight is not None:
            raise ConfigError("with next_step X says what follows, and steps weigh the same: leave y and sample_weight out")
        seed = draw_seed(self.random_state)
        settings = settings_of(self.get_params(deep=False), seed, sequences=True)
        if settings.data.answer != "last":
            raise ConfigError(f"answer {self.answer!r} is for one answer a sequence, and next_step is forecast at every step")
        self.reading_, name, prepared = prepare_series(self._checked(X, reset=True), self.next_step, settings, seed)
        self._evolve(prepared, settings, name)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted number of every row, float64 (n_rows,).

        With `next_step` it is the forecast from every step, (n_sequences, n_steps) of sequences, NaN behind the end of each.
        """
        outputs = self._outputs(X)
        found = self.model_.scale.invert(outputs[:, 0])
        if self.next_step is None or not are_sequences(X):
            return found
        return self.model_.sequence_rows(self._checked(X, reset=False))[1].stack(found[:, None], np.nan)[:, :, 0]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return R squared; with `next_step` that of the forecasts, from all steps that another follows."""
        if self.next_step is None:
            return float(super().score(X, y, sample_weight))
        outputs = self._outputs(X)
        asked, truth = followed_values(self.model_, self._checked(X, reset=False))
        return float(r2_score(truth, self.model_.scale.invert(outputs[asked, 0])))


def _check_table(estimator: _PropNEAT, X: Any, *, reset: bool) -> Any:
    """Return X as a DataFrame or an array that preprocessing can read, its features those of `fit` unless `reset`.

    Columns of a DataFrame without text names go by position, like those of an array. Raises ValueError or TypeError in
    scikit-learn's words for anything else.
    """
    X = densified(X)
    if hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "__arrow_c_stream__")):
        X = TableView.of(X).data
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        named = hasattr(estimator, "feature_names_in_")
        return X if named else X.set_axis([f"x{position}" for position in range(X.shape[1])], axis=1)
    if isinstance(X, list | tuple) and np.asarray(X).dtype.kind == "U":
        # numpy makes texts of the numbers that stand beside texts
        X = np.array(X, dtype=object)
    X = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
    if X.dtype == object:
        readable = (str, Number, np.generic, type(None), type(pandas.NA))
        odd = sorted(kind.__name__ for kind in set(map(type, X.ravel())) if not issubclass(kind, readable))
        if odd:
            raise TypeError(f"an argument must be a string or a number, and X holds a value of type {odd[0]}")
    return X


def _drop_weightless(X: Any, y: np.ndarray, weights: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    kept = weights > 0
    if kept.sum() < 2:
        raise DataError(f"at least 2 rows of positive weight are needed to learn from, got {kept.sum()} sample(s)")
    return (X, y, weights) if kept.all() else (X[kept], y[kept], weights[kept])


def _refuse_missing(y: np.ndarray) -> None:
    if n_missing := int(pandas.isna(y).sum()):
        raise DataError(f"the target y contains NaN or None in {n_missing} of {len(y)} rows: fill in or remove those rows")
    if y.dtype.kind == "f" and np.isinf(y).any():
        raise DataError("the target y contains an infinite value: replace it by a finite number or remove the row")


def draw_seed(random_state: Any) -> int:
    """Return the number a run follows from: an int itself, else one drawn in scikit-learn's way."""
    try:
        generator = check_random_state(random_state)
    except ValueError as error:
        expected = "None, a RandomState or a whole number from 0 to 2**32 - 1"
        raise ConfigError(f"random_state must be {expected}, not {random_state!r}") from error
    return int(random_state) if isinstance(random_state, Integral) else int(generator.randint(2**31 - 1))


def _make_printer(generations: int) -> Callable[[EvolveState], None]:
    def print_progress(state: EvolveState) -> None:
        row = state.history[-1]
        print(
            f"generation {row['generation'] + 1}/{generations}: {row['n_species']} species, "
            f"best fitness {row['best_fitness']:.4f}, validation loss {row['validation_loss']:.4f}, "
            f"{row['n_connections']} connections",
            file=sys.stderr,
        )

    return print_progress
