"""A supervised variational autoencoder whose decoder is a grid of Fourier coefficients, for rows of numbers."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits
from torch.nn import functional

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.parameters import CheckedParameters, number, several, whole
from propneat.methods.sparse_fourier.grid import half_ball
from propneat.methods.sparse_fourier.model import make_linear
from propneat.methods.sparse_fourier.slices import SlicePlan, plan_points
from propneat.methods.tabular import read_rows, stratified_folds

__all__ = ["SparseFourierClassifier"]


_Layers = list[tuple[np.ndarray, np.ndarray]]


class _Network(NamedTuple):
    """Trainable parts: encoder layers, the last making means and log variances; head; the grid's table; where features lie."""

    encoder: list[torch.nn.Linear]
    head: torch.nn.Linear
    table: torch.Tensor
    plan: SlicePlan

    def parameters(self) -> list[torch.Tensor]:
        return [part for layer in (*self.encoder, self.head) for part in layer.parameters()] + [self.table]


class SparseFourierClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """An encoder, a softmax of its mean, and a sparse Fourier decoder that must explain the row it was shown.

    Feature j is a measurement at a fixed random place of a half ball of Fourier coefficients, `box` voxels a side: row i with
    code s_i should show Re of (b + W s_i) interpolated there, and an update touches the 8 voxels around each feature seen. What
    is missing (NaN) has transfer 0: it is neither shown to the encoder nor asked of the decoder. Every update sees a `view`, a
    random share of the features, or slices would be the same for all rows and the grid no more than a factor model whose
    neighbouring features are tied. The loss is cross entropy + reconstruction_weight * mean squared error + divergence_weight
    * divergence / n_features.

    The number of updates among `updates` and the reconstruction weight among `reconstruction_weights` are those of the least
    cross entropy on rows left out, over `n_folds` folds of the training rows, stratified by class.

    Source: none for tables; the decoder is the paper's. X holds standardised numbers or NaN. After `fit`: `classes_`,
    `n_features_in_`, `n_updates_`, `reconstruction_weight_`, `validation_loss_` in nats (None where there was nothing to
    choose), `layers_`, a list of (weights (n_out, n_in), biases (n_out,)) float64 from inputs to logits, `n_parameters_`, the
    numbers in it, and `depth_` in layers.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden": several(whole(1)),
        "n_latent": whole(1),
        "box": whole(5),
        "view": number(0, 1, closed="right"),
        "reconstruction_weights": several(number(0, closed="left")),
        "divergence_weight": number(0, closed="left"),
        "updates": several(whole(1)),
        "batch_size": whole(1),
        "learning_rate": number(0),
        "n_folds": whole(2),
    }

    def __init__(
        self,
        hidden: tuple[int, ...] = (128, 128),
        n_latent: int = 8,
        box: int = 9,
        view: float = 0.75,
        reconstruction_weights: tuple[float, ...] = (0.1, 1.0),
        divergence_weight: float = 0.05,
        updates: tuple[int, ...] = (60, 200, 600),
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        n_folds: int = 3,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.n_latent = n_latent
        self.box = box
        self.view = view
        self.reconstruction_weights = reconstruction_weights
        self.divergence_weight = divergence_weight
        self.updates = updates
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.n_folds = n_folds
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def check_parameters(self) -> None:
        """Raise ConfigError for a parameter that cannot be used, as `fit` does before it looks at data."""
        super().check_parameters()
        half_ball(self.box)

    def fit(self, X: Any, y: Any) -> "SparseFourierClassifier":
        """Learn from rows X, shape (n_rows, n_features), NaN where missing, with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        X, codes = read_rows(self, X, y, allow_nan=True)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        rows = torch.from_numpy(X.astype(np.float32)), torch.from_numpy(codes)
        with threadpool_limits(1, "openmp"):
            losses = self._left_out_losses(*rows, seed)
            best = np.unravel_index(np.argmin(losses), losses.shape)
            self.validation_loss_ = float(losses[best]) if np.isfinite(losses[best]) else None
            self.reconstruction_weight_ = self.reconstruction_weights[best[0]]
            self.n_updates_ = sorted(set(self.updates))[best[1]]
            (self.layers_,) = self._train(*rows, self.reconstruction_weight_, (self.n_updates_,), seed)
        self.n_parameters_ = sum(weights.size + biases.size for weights, biases in self.layers_)
        self.depth_ = len(self.layers_)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`."""
        return softmax(self._logits(X), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        best = np.argmax(self._logits(X), axis=1)
        return self.classes_[best]

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        return _apply(self.layers_, np.nan_to_num(rows))

    def _left_out_losses(self, X: torch.Tensor, y: torch.Tensor, seed: int) -> np.ndarray:
        """Return mean cross entropies of rows under the networks of folds without them, (n_weights, n_updates), or infinities."""
        updates = sorted(set(self.updates))
        losses = np.zeros((len(self.reconstruction_weights), len(updates)))
        if losses.size == 1 or len(y) < 2:
            return np.full(losses.shape, np.inf)
        folds = stratified_folds(y.numpy(), self.n_folds, make_rng("sparse-fourier", seed, "folds"))
        for fold in np.unique(folds):
            learn, judge = (torch.from_numpy(np.flatnonzero(part)) for part in (folds != fold, folds == fold))
            shown, labels = np.nan_to_num(X[judge].double().numpy()), y[judge].numpy()
            for place, weight in enumerate(self.reconstruction_weights):
                for k, layers in enumerate(self._train(X[learn], y[learn], weight, updates, seed)):
                    losses[place, k] -= log_softmax(_apply(layers, shown), axis=1)[np.arange(len(labels)), labels].sum()
        return losses / len(y)

    def _train(self, X: torch.Tensor, y: torch.Tensor, weight: float, updates: Sequence[int], seed: int) -> list[_Layers]:
        """Return the layers from inputs to logits as they are after each of a rising series of numbers of updates."""
        generator = torch.Generator().manual_seed(derive_seed("sparse-fourier", seed, "network") % 2**63)
        rng = make_rng("sparse-fourier", seed, "batches")
        network = self._make_network(X.shape[1], generator, make_rng("sparse-fourier", seed, "places"))
        optimiser = torch.optim.Adam(network.parameters(), self.learning_rate, fused=True)
        seen, values = ~torch.isnan(X), torch.nan_to_num(X)
        n_shown = max(1, round(self.view * X.shape[1]))
        stages, order = [], np.empty(0, int)
        for n_done in range(1, max(updates) + 1):
            if len(order) == 0:
                order = rng.permutation(len(X))
            batch, order = torch.from_numpy(order[: self.batch_size]), order[self.batch_size :]
            view = torch.from_numpy(np.sort(rng.permutation(X.shape[1])[:n_shown]))
            noise = torch.randn(len(batch), self.n_latent, generator=generator)
            loss = self._loss(network, values[batch], seen[batch], y[batch], view, noise, weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if n_done in updates:
                stages.append(_layers(network, self.n_latent))
        return stages

    def _make_network(self, n_features: int, generator: torch.Generator, rng: np.random.Generator) -> _Network:
        widths = [n_features, *self.hidden, 2 * self.n_latent]
        encoder = [make_linear(widths[k], widths[k + 1], generator) for k in range(len(widths) - 1)]
        head = make_linear(self.n_latent, len(self.classes_), generator)
        ball = half_ball(self.box)
        places = rng.standard_normal((n_features, 3))
        places *= ball.radius * rng.random((n_features, 1)) ** (1 / 3) / np.linalg.norm(places, axis=1, keepdims=True)
        table = 0.1 * torch.randn(ball.n_voxels, 1 + self.n_latent, generator=generator)
        return _Network(encoder, head, table.requires_grad_(), plan_points(ball, torch.from_numpy(places)[None]))

    def _loss(
        self,
        network: _Network,
        values: torch.Tensor,
        seen: torch.Tensor,
        labels: torch.Tensor,
        view: torch.Tensor,
        noise: torch.Tensor,
        weight: float,
    ) -> torch.Tensor:
        """Return the loss of a batch of values (n_rows, n_features), of which the features `view` are shown."""
        hidden = torch.zeros_like(values)
        # shown features are scaled up, so that their sum is on average that of all
        hidden[:, view] = values[:, view] * (values.shape[1] / len(view))
        for layer in network.encoder[:-1]:
            hidden = functional.relu(layer(hidden))
        mean, raw = network.encoder[-1](hidden).chunk(2, dim=1)
        log_variance = 1 - functional.elu(raw)
        latents = mean + noise * (0.5 * log_variance).exp()
        ids, places = network.plan.ids[0, view], network.plan.weights[0, view]
        # only the real part is measured, so that the conjugate's sign plays no role and the table holds no imaginary part
        basis = functional.embedding_bag(ids, network.table, per_sample_weights=places, mode="sum")
        guess = basis[:, 0] + latents @ basis[:, 1:].T
        transfer = seen[:, view].float()
        error = (transfer * (guess - values[:, view]) ** 2).sum() / transfer.sum().clamp(min=1)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        entropy = functional.cross_entropy(network.head(mean), labels)
        return entropy + weight * error + self.divergence_weight * divergence / values.shape[1]


def _layers(network: _Network, n_latent: int) -> _Layers:
    pairs = [
        (layer.weight.detach().numpy().astype(float), layer.bias.detach().numpy().astype(float))
        for layer in (*network.encoder, network.head)
    ]
    weights, biases = pairs[-2]
    pairs[-2] = weights[:n_latent], biases[:n_latent]
    return pairs


def _apply(layers: _Layers, rows: np.ndarray) -> np.ndarray:
    """Return logits; the layers before the last two, latent means and head, are rectified."""
    for place, (weights, biases) in enumerate(layers):
        rows = rows @ weights.T + biases
        if place < len(layers) - 2:
            rows = np.maximum(rows, 0)
    return rows
