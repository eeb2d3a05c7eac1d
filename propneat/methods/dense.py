"""Dense multi-layer networks in torch: the paper's large one, and a small one tuned by inner validation."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from propneat.base.rng import derive_seed
from propneat.methods.contract import ANY_TASK, Method
from propneat.methods.parameters import CheckedParameters, number, one_of, several, whole
from propneat.methods.tabular import on_table, size_of_last

if TYPE_CHECKING:
    import torch

__all__ = ["DENSE", "DenseNetworkClassifier", "DenseNetworkRegressor"]


class _DenseNetwork(CheckedParameters, BaseEstimator):
    """What the two networks share: parameters, training and the way from inputs to outputs."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "layers": [*several(whole(1)), *several(several(whole(1)))],
        "dropout": number(0, 1, "left"),
        "optimiser": one_of(("sgd", "adam")),
        "learning_rate": number(0),
        "batch_size": whole(1),
        "patience": whole(1),
        "max_epochs": whole(1),
        "validation_fraction": number(0, 1),
        "device": [str],
        "memory_budget": [*whole(1), None],
    }

    def __init__(
        self,
        layers: tuple[Any, ...] = (256, 512, 512, 256),
        dropout: float = 0.25,
        optimiser: str = "sgd",
        learning_rate: float = 0.01,
        batch_size: int = 32,
        patience: int = 50,
        max_epochs: int = 500,
        validation_fraction: float = 0.2,
        device: str = "cpu",
        memory_budget: int | None = None,
        random_state: int | None = None,
    ) -> None:
        self.layers = layers
        self.dropout = dropout
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.patience = patience
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.device = device
        self.memory_budget = memory_budget
        self.random_state = random_state

    def _fit(self, X: np.ndarray, targets: np.ndarray, n_outputs: int, loss: str, parts: tuple[np.ndarray, np.ndarray]) -> None:
        """Train every network of `layers` on the rows of the first part and keep the one that does best on the second's."""
        import torch

        X = np.asarray(X, np.float32)
        learn, judge = (
            (torch.tensor(X[rows], device=self.device), torch.tensor(targets[rows], device=self.device)) for rows in parts
        )
        options = [self.layers] if np.ndim(self.layers[0]) == 0 else self.layers
        with torch.random.fork_rng(devices=[]):
            found = [self._train(torch, widths, n_outputs, loss, learn, judge) for widths in options]
        best = int(np.argmin([loss for loss, _, _ in found]))
        _, self.n_epochs_, self.weights_ = found[best]
        self.layers_, self.n_features_in_ = tuple(options[best]), X.shape[1]
        self.n_parameters_ = sum(weight.size + bias.size for weight, bias in self.weights_)
        self.depth_ = len(self.weights_)

    def _train(
        self, torch: Any, widths: tuple[int, ...], n_outputs: int, loss: str, learn: Any, judge: Any
    ) -> tuple[float, int, list[Any]]:
        """Train one network; returns its best validation loss, the epochs run, and the numbers of the best epoch."""
        seed = derive_seed("dense", str(self.random_state), *widths) % 2**63
        torch.manual_seed(seed)
        network = _network(torch, learn[0].shape[1], widths, n_outputs, self.dropout).to(self.device)
        if self.memory_budget is not None:
            from propneat.recompute import train_under_budget

            network = train_under_budget(network, self.memory_budget)
        optimiser = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[self.optimiser](
            network.parameters(), lr=self.learning_rate
        )
        loss_of = getattr(torch.nn.functional, loss)
        best_loss, best, waited, epoch = float("inf"), _numbers(network), 0, 0
        while epoch < self.max_epochs and waited < self.patience:
            network.train()
            for rows in torch.randperm(len(learn[0])).to(self.device).split(self.batch_size):
                optimiser.zero_grad()
                loss_of(network(learn[0][rows]), learn[1][rows]).backward()
                optimiser.step()
            network.eval()
            with torch.no_grad():
                validation_loss = float(loss_of(network(judge[0]), judge[1]))
            epoch, waited = epoch + 1, waited + 1
            if validation_loss < best_loss:
                best_loss, best, waited = validation_loss, _numbers(network), 0
        return best_loss, epoch, best

    def _outputs(self, X: np.ndarray) -> np.ndarray:
        """Return the raw outputs, float64 (n_rows, n_outputs), computed row by row in float64."""
        check_is_fitted(self)
        values = np.asarray(X, np.float64)
        for position, (weight, bias) in enumerate(self.weights_):
            values = values @ weight.T.astype(np.float64) + bias
            if position + 1 < len(self.weights_):
                values = np.maximum(values, 0.0)
        return values


class DenseNetworkClassifier(ClassifierMixin, _DenseNetwork):
    """A dense ReLU network with dropout, trained by mini-batches on part of the rows and stopped early by the others.

    `layers` is one tuple of hidden widths, or several such tuples, of which the one of lowest validation loss is kept.
    A share `validation_fraction` of the rows, by class, judges: the numbers of the best epoch are kept, and training ends
    after `patience` epochs without a better one, or after `max_epochs`. `optimiser` is "sgd" (plain, as in the PropNEAT
    experiments) or "adam". With too few rows to divide, all rows do both.

    `memory_budget` is the most bytes that intermediate values and their gradients may take in a training step, None for any
    number: values that do not fit are computed again on the way back, and the network comes out the same to the bit.

    After `fit`: `weights_`, a list of (weight (n_out, n_in), bias (n_out,)) float32; `layers_`; `n_epochs_`; `classes_`.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> "DenseNetworkClassifier":
        """Train on standardised X, (n_rows, n_features), and labels y, (n_rows,).

        Raises ConfigError for parameters that cannot be used, and for a memory budget that cannot be kept to.
        """
        self.check_parameters()
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        parts = _divide(codes, StratifiedKFold, int(np.bincount(codes).min()), self.validation_fraction, self.random_state)
        self._fit(X, codes, len(self.classes_), "cross_entropy", parts)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes)."""
        from scipy.special import softmax

        return softmax(self._outputs(X), axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable label of every row, (n_rows,)."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class DenseNetworkRegressor(RegressorMixin, _DenseNetwork):
    """The same network for a number: one output, trained by the mean squared error of the standardised target.

    After `fit`: `weights_`, `layers_` and `n_epochs_` as of `DenseNetworkClassifier`; `center_` and `scale_` of the target.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> "DenseNetworkRegressor":
        """Train on standardised X, (n_rows, n_features), and numbers y, (n_rows,). Raises as `DenseNetworkClassifier` does."""
        self.check_parameters()
        y = np.asarray(y, np.float64)
        self.center_, self.scale_ = float(y.mean()), float(y.std()) or 1.0
        targets = ((y - self.center_) / self.scale_).astype(np.float32)[:, None]
        parts = _divide(y, KFold, len(y), self.validation_fraction, self.random_state)
        self._fit(X, targets, 1, "mse_loss", parts)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of every row, float64 (n_rows,)."""
        return self._outputs(X)[:, 0] * self.scale_ + self.center_


def _divide(
    target: np.ndarray, folds: type, most_parts: int, fraction: float, seed: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and those to judge by; all for both where rows cannot be divided into two parts."""
    n_parts = min(max(2, round(1 / fraction)), most_parts)
    if n_parts < 2:
        return np.arange(len(target)), np.arange(len(target))
    return next(folds(n_parts, shuffle=True, random_state=seed).split(target, target))


def _network(torch: Any, n_inputs: int, widths: tuple[int, ...], n_outputs: int, dropout: float) -> "torch.nn.Module":
    parts, width = [], n_inputs
    for wide in widths:
        parts += [torch.nn.Linear(width, wide), torch.nn.ReLU(), torch.nn.Dropout(dropout)]
        width = wide
    return torch.nn.Sequential(*parts, torch.nn.Linear(width, n_outputs))


def _numbers(network: "torch.nn.Module") -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (part.weight.detach().cpu().numpy().copy(), part.bias.detach().cpu().numpy().copy())
        for part in network
        if hasattr(part, "weight")
    ]


def _make(random_state: int | None = None, **options: Any) -> Any:
    return on_table(DenseNetworkClassifier(random_state=random_state, **options))


def _make_regressor(random_state: int | None = None, **options: Any) -> Any:
    return on_table(DenseNetworkRegressor(random_state=random_state, **options))


DENSE = (
    Method(
        "dense-nn",
        "dense network 256-512-512-256, dropout 0.25, SGD 0.01, patience 50, as in the PropNEAT experiments",
        _make,
        "half a million weights, up to 500 epochs",
        size=size_of_last,
        needs=("torch",),
        seconds=lambda n_rows, n_features, n_classes: 5.0 + 0.05 * n_rows,
        quick={"max_epochs": 2},
        tasks=ANY_TASK,
        make_regressor=_make_regressor,
    ),
    Method(
        "dense-nn-small",
        "dense network of 16, 32-16 or 64-32 hidden nodes, whichever validates best, Adam",
        _make,
        "three small networks, up to 200 epochs each",
        options={
            "layers": ((16,), (32, 16), (64, 32)),
            "dropout": 0.0,
            "optimiser": "adam",
            "learning_rate": 0.005,
            "patience": 20,
            "max_epochs": 200,
        },
        size=size_of_last,
        needs=("torch",),
        seconds=lambda n_rows, n_features, n_classes: 1.0 + 0.01 * n_rows,
        quick={"max_epochs": 2},
        tasks=ANY_TASK,
        make_regressor=_make_regressor,
        is_core=True,
    ),
)
"""Dense networks."""
