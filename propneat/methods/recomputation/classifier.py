"""A deep residual network whose training keeps to a share of the memory that it would take without recomputation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits
from torch.nn import functional

from propneat.base.errors import ConfigError
from propneat.base.rng import derive_seed, make_rng
from propneat.methods.parameters import CheckedParameters, number, whole
from propneat.methods.tabular import read_rows
from propneat.recompute.budget import least_peak, plan_recomputation
from propneat.recompute.training import plans_of, train_under_budget

__all__ = ["RecomputedNetworkClassifier", "RecomputedNetworkRegressor", "ResidualNetwork"]


class _Block(torch.nn.Module):
    """A residual block: normalise, widen, rectify, drop, and add what comes back."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(width)
        self.inner = torch.nn.Linear(width, width)
        self.dropout = torch.nn.Dropout(dropout)
        self.outer = torch.nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.outer(self.dropout(torch.relu(self.inner(self.norm(x)))))


class ResidualNetwork(torch.nn.Module):
    """A fully connected residual network of `n_blocks` blocks of two layers between an input and an output layer."""

    def __init__(self, n_inputs: int, n_outputs: int, width: int, n_blocks: int, dropout: float) -> None:
        super().__init__()
        self.blocks = torch.nn.Sequential(
            torch.nn.Linear(n_inputs, width), *(_Block(width, dropout) for _ in range(n_blocks)), torch.nn.LayerNorm(width)
        )
        self.head = torch.nn.Linear(width, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map rows, shape (n_rows, n_inputs), to logits, shape (n_rows, n_outputs)."""
        return self.head(self.blocks(x))


class _RecomputedNetwork(CheckedParameters, BaseEstimator):
    """What the two networks share: parameters, training under a budget, and the way from rows to outputs."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "width": whole(1),
        "n_blocks": whole(1),
        "dropout": number(0, 1, closed="left"),
        "memory_budget": [*number(0), None],
        "learning_rate": number(0, 1),
        "batch_size": whole(1),
        "max_epochs": whole(1),
        "patience": whole(1),
        "validation_fraction": number(0, 1),
    }

    def __init__(
        self,
        width: int = 64,
        n_blocks: int = 8,
        dropout: float = 0.1,
        memory_budget: float | None = 0.5,
        learning_rate: float = 1e-3,
        batch_size: int = 256,
        max_epochs: int = 60,
        patience: int = 10,
        validation_fraction: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.width = width
        self.n_blocks = n_blocks
        self.dropout = dropout
        self.memory_budget = memory_budget
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def _learn(self, X: np.ndarray, targets: np.ndarray, n_outputs: int, loss: Any, seed: int, parts: Any) -> None:
        """Train a network on rows X, (n_rows, n_features), the first of the two `parts` to learn from, the other to judge by."""
        rows = torch.from_numpy(X.astype(np.float32)), torch.from_numpy(targets)
        with _isolated(seed):
            network = ResidualNetwork(X.shape[1], n_outputs, self.width, self.n_blocks, self.dropout)
            self._train(network, *rows, loss, seed, *parts)
        self.state_ = {name: value.numpy() for name, value in self.state_.items()}
        self.n_parameters_ = sum(value.size for value in self.state_.values())
        self.depth_ = 2 * self.n_blocks + 2

    def _train(
        self,
        network: ResidualNetwork,
        X: torch.Tensor,
        targets: torch.Tensor,
        loss_of: Any,
        seed: int,
        learn: np.ndarray,
        judge: np.ndarray,
    ) -> None:
        n_batches = -(-len(learn) // self.batch_size)
        sizes = [len(part) for part in np.array_split(learn, n_batches)]
        self._budget(network, X[: max(sizes)])
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        rng = make_rng("recomputed-nn", seed, "batches")
        best, waited, self.n_epochs_ = float("inf"), 0, 0
        self.state_ = _copied(network)
        while self.n_epochs_ < self.max_epochs and waited < self.patience:
            network.train()
            for batch in np.array_split(rng.permutation(learn), n_batches):
                optimiser.zero_grad()
                loss_of(network(X[batch]), targets[batch]).backward()
                optimiser.step()
            network.eval()
            with torch.no_grad():
                loss = float(loss_of(network(X[judge]), targets[judge]))
            self.n_epochs_, waited = self.n_epochs_ + 1, waited + 1
            if loss < best:
                best, waited, self.state_ = loss, 0, _copied(network)
        self._report(network)

    def _budget(self, network: ResidualNetwork, example: torch.Tensor) -> None:
        """Have the network keep to the budget on batches like `example`, the largest there are."""
        plain = plan_recomputation(network, 2**62, example)
        self.plain_peak_bytes_ = self.peak_bytes_ = plain.plain_peak
        self.overhead_ = 0.0
        if self.memory_budget is None:
            return
        budget = int(self.memory_budget * plain.plain_peak if self.memory_budget <= 1 else self.memory_budget)
        if self.memory_budget <= 1 and not _is_possible(network, budget, example):
            budget = least_peak(network, example)
        train_under_budget(network, budget)

    def _report(self, network: ResidualNetwork) -> None:
        if self.memory_budget is not None and self.n_epochs_:
            largest = max(plans_of(network), key=lambda plan: plan.plain_peak)
            self.peak_bytes_, self.overhead_ = largest.peak, largest.overhead

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            network = (
                ResidualNetwork(X.shape[1], len(self.state_["head.bias"]), self.width, self.n_blocks, self.dropout)
                .double()
                .eval()
            )
            network.load_state_dict({name: torch.from_numpy(value) for name, value in self.state_.items()})
            return network(torch.from_numpy(X)).numpy()


class RecomputedNetworkClassifier(ClassifierMixin, _RecomputedNetwork):
    """A deep residual network trained by Adam in mini-batches, recomputing values to keep to a memory budget.

    `memory_budget` is a share of the bytes that intermediate values and gradients of a training step take without
    recomputation, a number up to 1, below which the least possible is taken instead; or a number of bytes, more than 1,
    which raises ConfigError where it cannot be kept to; or None for no recomputation. It changes memory and time, and not
    one bit of the result. Training ends after `patience` epochs without a better loss on a share `validation_fraction` of the
    rows, by class, or after `max_epochs`; the numbers of the best epoch are kept. With too few rows to divide all do both.

    Source: Kusumoto et al. (2019) for the recomputation. X holds standardised numbers. After `fit`: `classes_`,
    `n_features_in_`, `n_epochs_`, `state_`, the network's arrays by name, `n_parameters_`, `depth_` in layers, `peak_bytes_`
    and `plain_peak_bytes_`, with and without recomputation, and `overhead_`, recomputation as a share of a forward pass.
    """

    def fit(self, X: Any, y: Any) -> "RecomputedNetworkClassifier":
        """Learn from rows X, shape (n_rows, n_features), with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        X, labels = read_rows(self, X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        parts = _divide(labels, StratifiedKFold, int(np.bincount(labels).min()), self.validation_fraction, seed)
        self._learn(X, labels, len(self.classes_), functional.cross_entropy, seed, parts)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`."""
        return softmax(self._outputs(X), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        best = np.argmax(self._outputs(X), axis=1)
        return self.classes_[best]


class RecomputedNetworkRegressor(RegressorMixin, _RecomputedNetwork):
    """The same network for a number: one output, trained by the mean squared error of the standardised target.

    After `fit`: as of `RecomputedNetworkClassifier` but for the classes; `center_` and `scale_` of the target.
    """

    def fit(self, X: Any, y: Any) -> "RecomputedNetworkRegressor":
        """Learn from rows X, shape (n_rows, n_features), with numbers y, shape (n_rows,). Raises as the classifier does."""
        self.check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        y = np.asarray(y, np.float64)
        self.center_, self.scale_ = float(y.mean()), float(y.std()) or 1.0
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        targets = ((y - self.center_) / self.scale_).astype(np.float32)[:, None]
        parts = _divide(y, KFold, len(y), self.validation_fraction, seed)
        self._learn(X, targets, 1, functional.mse_loss, seed, parts)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the number of every row, float64 (n_rows,)."""
        return self._outputs(X)[:, 0] * self.scale_ + self.center_


@contextmanager
def _isolated(seed: int) -> Iterator[None]:
    """Seed torch and compute in one thread and with gradients, and leave everything as it was."""
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), threadpool_limits(1, "openmp"):
        torch.manual_seed(derive_seed("recomputed-nn", seed) % 2**63)
        yield


def _is_possible(network: ResidualNetwork, budget: int, example: torch.Tensor) -> bool:
    try:
        plan_recomputation(network, budget, example)
    except ConfigError:
        return False
    return True


def _divide(target: np.ndarray, folds: type, most_parts: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows to learn from and rows to judge by; all do both where they cannot be divided into two parts."""
    n_parts = min(max(2, round(1 / fraction)), most_parts)
    if n_parts < 2:
        return np.arange(len(target)), np.arange(len(target))
    return next(folds(n_parts, shuffle=True, random_state=seed).split(target, target))


def _copied(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
