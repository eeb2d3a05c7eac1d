"""The paper's classifier as drawn, two inverse convolutions and a dense layer, which is linear; and with an activation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.nn import functional

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.claims import at_least, near
from propneat.methods.contract import Claim
from propneat.methods.inverse_flow.layers import InverseConv, normal

__all__ = ["ACTIVATIONS", "DrawnClassifier", "DrawnPlan", "drawn_claims", "drawn_study", "mnist_claims"]

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none, as drawn": lambda x: x,
    "LeakyReLU": lambda x: functional.leaky_relu(x, 0.1),
    "absolute value": torch.abs,
}


_PLAIN = "logistic regression"


@dataclass(frozen=True)
class DrawnPlan:
    """Folds and training by Adam."""

    n_folds: int = 5
    n_epochs: int = 25
    batch_size: int = 100
    learning_rate: float = 1e-2


class DrawnClassifier(nn.Module):
    """Two inverse convolutions of one channel with 3x3 taps, the pixel's own fixed at 1, so 16 taps, and a dense layer."""

    def __init__(self, side: int, n_classes: int, activation: str, generator: torch.Generator) -> None:
        super().__init__()
        self.activation = activation
        layers = [InverseConv(1, (3, 3), "TL", generator, trains_diagonal=False) for _ in range(2)]
        self.layers = nn.ModuleList(layers)
        self.dense = nn.Parameter(normal(generator, n_classes, side**2, scale=1 / side))
        self.bias = nn.Parameter(torch.zeros(n_classes, dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B, n_classes) of images (B, 1, side, side)."""
        for layer in self.layers:
            x = ACTIVATIONS[self.activation](layer(x)[0])
        return functional.linear(x.flatten(1), self.dense, self.bias)


def drawn_study(
    plan: DrawnPlan,
    seed: int,
    device: str,
    progress: Callable[[str, int, int], None],
    data: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Return by activation the share of held-out images that is right in every fold, and how far logits are from affine.

    Images are scikit-learn's digits, or those of `data`, (n_rows, side, side) from 0 to 1 with labels.
    """
    images, labels = data or (load_digits().images / 16, load_digits().target)
    images = images[:, None].astype(np.float32)
    folds = StratifiedKFold(plan.n_folds, shuffle=True, random_state=derive_seed("inverse-flow", seed, "folds") % 2**31)
    accuracies: dict[str, list[float]] = {name: [] for name in (*ACTIVATIONS, _PLAIN)}
    gaps: dict[str, float] = {}
    n_done, total = 0, plan.n_folds * len(ACTIVATIONS) * plan.n_epochs
    for learn, judge in folds.split(images, labels):
        for name in ACTIVATIONS:
            generator = torch.Generator().manual_seed(derive_seed("inverse-flow", seed, "drawn") % 2**63)
            model = DrawnClassifier(images.shape[2], 10, name, generator).to(device)
            for _ in _train(model, images[learn], labels[learn], plan, seed):
                n_done += 1
                progress("the classifier as drawn: epochs", n_done, total)
            with torch.no_grad():
                right = model(torch.from_numpy(images[judge]).to(device)).argmax(1).cpu().numpy() == labels[judge]
            accuracies[name].append(float(right.mean()))
            gaps[name] = max(gaps.get(name, 0.0), _affine_gap(model, torch.from_numpy(images[judge]).to(device)))
        plain = LogisticRegression(max_iter=2000).fit(images[learn].reshape(len(learn), -1), labels[learn])
        accuracies[_PLAIN].append(float(plain.score(images[judge].reshape(len(judge), -1), labels[judge])))
    return {"accuracy": accuracies, "affine gap": gaps}


def drawn_claims(found: dict[str, Any], what: str = "digits") -> list[Claim]:
    """Say that the model as drawn is linear, so that the accuracy the paper reports needs something not drawn."""
    gap, accuracies = found["affine gap"]["none, as drawn"], found["accuracy"]
    name = "classifier as drawn: deviation of its logits from an affine map, relative"
    claims = [Claim(name, "below 1e-5: it is linear, its functions those of softmax regression", gap, gap < 1e-5)]
    note = f" ({np.mean(accuracies[_PLAIN]):.3f}); paper: 0.976 on MNIST, about 0.05 above linear models"
    for activation in ACTIVATIONS:
        lead = np.subtract(accuracies[activation], accuracies[_PLAIN])
        claims.append(at_least(f"{what}, activation {activation}: accuracy less that of logistic regression", lead, 0.02, note))
    return claims


def mnist_claims(found: dict[str, Any]) -> list[Claim]:
    """Hold accuracies on MNIST against the paper's 97.6 % and against a linear model."""
    published = [
        near(f"MNIST, activation {name}: accuracy", found["accuracy"][name], 0.976, 0.01, " in the paper, on all of MNIST")
        for name in ACTIVATIONS
    ]
    return [*published, *drawn_claims(found, "MNIST")]


def _train(model: nn.Module, images: np.ndarray, labels: np.ndarray, plan: DrawnPlan, seed: int) -> Any:
    """Train in place; yield after every epoch."""
    optimiser = torch.optim.Adam(model.parameters(), plan.learning_rate)
    device = model.bias.device
    x, codes = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
    rng = make_rng("inverse-flow", seed, "drawn batches")
    for _ in range(plan.n_epochs):
        for rows in np.array_split(rng.permutation(len(x)), max(1, len(x) // plan.batch_size)):
            optimiser.zero_grad()
            functional.cross_entropy(model(x[rows]), codes[rows]).backward()
            optimiser.step()
        yield


@torch.no_grad()
def _affine_gap(model: nn.Module, images: torch.Tensor) -> float:
    """Return the largest |f(2a - b) - 2 f(a) + f(b)| over pairs of images, relative to the largest logit."""
    a, b = images[:-1], images[1:]
    far = model(2 * a - b)
    return float((far - 2 * model(a) + model(b)).abs().max() / far.abs().max())
