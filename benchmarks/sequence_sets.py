"""Real sequences: propneat beside MiniRocket with a ridge classifier and recurrent networks of torch (GRU) of two sizes.

    NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/sequence_sets.py --size full

Needs aeon, which brings the sets along (`pip install aeon`). Training and test rows are those the sets come with. propneat answers at the last
step or by the mean over all, whichever does better in a cross-validation on the training rows. A GRU has about as many numbers as the network that propneat found with the same seed, or a hundred times as many. Every result is a row of
results/examples/sequences/sequence_sets.csv as soon as it is there; rows that are there already are not computed again.
"""

import argparse
import csv
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold, cross_val_score

from propneat import PropNEATClassifier

FOLDER = Path(__file__).parent.parent / "results" / "examples" / "sequences"
SETS = {
    "ItalyPowerDemand": "load_italy_power_demand",
    "GunPoint": "load_gunpoint",
    "BasicMotions": "load_basic_motions",
    "JapaneseVowels": "load_japanese_vowels",
}
METHODS = ("propneat", "MiniRocket + ridge", "GRU, as large", "GRU, 100 times")
SIZES = {
    "small": {"seeds": 1, "generations": 3, "population_size": 20, "epochs": 3, "tried": 2},
    "full": {"seeds": 5, "generations": 50, "population_size": 150, "epochs": 300, "tried": 10},
}


@dataclass(frozen=True)
class Row:
    """What a method came to on a set with a seed; `parameters` are all numbers that training has set."""

    data: str
    method: str
    seed: int
    accuracy: float
    parameters: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Division:
    """Sequences (n_sequences, n_steps, n_features), NaN behind the end, and the positions of their classes."""

    X: np.ndarray
    y: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return (~np.isnan(self.X[:, :, 0])).sum(axis=1)


def load(name: str) -> tuple[Division, Division]:
    """Return the training and the test sequences of a set."""
    import aeon.datasets

    load_set = getattr(aeon.datasets, SETS[name])
    parts = [load_set(split=split) for split in ("train", "test")]
    labels = np.unique(parts[0][1])
    longest = max(one.shape[1] for X, _ in parts for one in X)
    divisions = []
    for X, y in parts:
        steps = np.full((len(X), longest, X[0].shape[0]), np.nan)
        for own, one in zip(steps, X, strict=True):
            own[: one.shape[1]] = one.T
        divisions.append(Division(steps, np.searchsorted(labels, y)))
    return divisions[0], divisions[1]


@cache
def chosen_answer(name: str, generations: int, population_size: int) -> str:
    """Return how sequences of a set are answered better, told by a cross-validation of three folds on those to train on."""
    train, _ = load(name)
    settings = {"generations": generations, "population_size": population_size, "populations": 1, "random_state": 0}
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    losses = {
        answer: -cross_val_score(
            PropNEATClassifier(**settings, answer=answer), train.X, train.y, cv=folds, scoring="neg_log_loss"
        ).mean()
        for answer in ("last", "mean")
    }
    print(name, "log loss of answers:", losses, flush=True)
    return min(losses, key=losses.__getitem__)


def propneat(name: str, train: Division, test: Division, seed: int, size: dict[str, int]) -> tuple[float, int]:
    """One population with the defaults, and the way to answer that was chosen; the first seed's time has the choice in it."""
    settings = {"population_size": size["population_size"], "populations": 1}
    answer = chosen_answer(name, size["tried"], size["population_size"])
    model = PropNEATClassifier(**settings, generations=size["generations"], answer=answer, random_state=seed)
    model.fit(train.X, train.y)
    plan = model.model_.plan
    return model.score(test.X, test.y), plan.n_edges + len(plan.biases)


def minirocket(train: Division, test: Division, seed: int) -> tuple[float, int]:
    """aeon's transform and scikit-learn's ridge classifier; shorter sequences are filled up with their last value."""
    from aeon.transformations.collection.convolution_based import MiniRocket
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    transform = MiniRocket(random_state=seed)
    model = make_pipeline(transform, StandardScaler(with_mean=False), RidgeClassifierCV(np.logspace(-3, 3, 10)))
    filled = [_filled(part).transpose(0, 2, 1).astype(np.float32) for part in (train, test)]
    model.fit(filled[0], train.y)
    ridge = model[-1]
    return float(model.score(filled[1], test.y)), int(ridge.coef_.size + np.size(ridge.intercept_))


def _filled(part: Division) -> np.ndarray:
    last = part.X[np.arange(len(part.X)), part.lengths - 1]
    return np.where(np.isnan(part.X), last[:, None], part.X)


class Gru(torch.nn.Module):
    """A GRU whose state at the last step tells the class."""

    def __init__(self, n_features: int, n_hidden: int, n_classes: int) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(n_features, n_hidden, batch_first=True)
        self.head = torch.nn.Linear(n_hidden, n_classes)

    def forward(self, X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.head(self.gru(X)[0][torch.arange(len(X)), lengths - 1])


def gru(train: Division, test: Division, seed: int, n_parameters: int, epochs: int) -> tuple[float, int]:
    """Train a GRU of the size nearest to a number of parameters by Adam, a fifth held back to stop by, inputs standardised."""
    torch.manual_seed(seed)
    n_features, n_classes = train.X.shape[2], int(train.y.max()) + 1

    def count(n_hidden: int) -> int:
        return 3 * n_hidden * (n_features + n_hidden + 2) + (n_hidden + 1) * n_classes

    n_hidden = min(range(1, 400), key=lambda n: abs(count(n) - n_parameters))
    network = Gru(n_features, n_hidden, n_classes)
    center, spread = np.nanmean(train.X, axis=(0, 1)), np.nanstd(train.X, axis=(0, 1)) + 1e-9

    def tensors(part: Division, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        X = np.nan_to_num((part.X[rows] - center) / spread)
        return torch.tensor(X, dtype=torch.float32), torch.tensor(part.lengths[rows]), torch.tensor(part.y[rows])

    order = np.random.default_rng(seed).permutation(len(train.X))
    held_back, learnt = tensors(train, order[: len(order) // 5]), tensors(train, order[len(order) // 5 :])
    _fit(network, learnt, held_back, epochs)
    X, lengths, y = tensors(test, np.arange(len(test.X)))
    with torch.no_grad():
        accuracy = float((network(X, lengths).argmax(dim=1) == y).double().mean())
    return accuracy, sum(parameter.numel() for parameter in network.parameters())


def _fit(network: Gru, learnt: tuple, held_back: tuple, epochs: int, patience: int = 60) -> None:
    """Train in batches of 32 until the loss held back is no longer lower, and go back to the lowest."""
    optimiser, loss = torch.optim.Adam(network.parameters(), lr=0.01), torch.nn.CrossEntropyLoss()
    best, lowest, waited = {}, float("inf"), 0
    for _ in range(epochs):
        for rows in torch.randperm(len(learnt[0])).split(32):
            optimiser.zero_grad()
            loss(network(learnt[0][rows], learnt[1][rows]), learnt[2][rows]).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
        with torch.no_grad():
            now = float(loss(network(held_back[0], held_back[1]), held_back[2]))
        waited += 1
        if now < lowest:
            lowest, waited = now, 0
            best = {name: value.clone() for name, value in network.state_dict().items()}
        if waited == patience:
            break
    network.load_state_dict(best)


def read(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    kinds = {field.name: field.type for field in fields(Row)}
    with path.open(newline="") as file:
        return [Row(**{name: kinds[name](text) for name, text in row.items()}) for row in csv.DictReader(file)]


def note(path: Path, rows: list[Row]) -> None:
    ordered = sorted(rows, key=lambda row: (list(SETS).index(row.data), METHODS.index(row.method), row.seed))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in ordered)


def measure(name: str, seed: int, size: dict[str, int], rows: list[Row], path: Path) -> None:
    """Add what is not there yet of a set and a seed."""
    train, test = load(name)
    found = {row.method: row for row in rows if (row.data, row.seed) == (name, seed)}
    ways: dict[str, Callable[[], tuple[float, int]]] = {
        METHODS[0]: lambda: propneat(name, train, test, seed, size),
        METHODS[1]: lambda: minirocket(train, test, seed),
        METHODS[2]: lambda: gru(train, test, seed, found[METHODS[0]].parameters, size["epochs"]),
        METHODS[3]: lambda: gru(train, test, seed, 100 * found[METHODS[0]].parameters, size["epochs"]),
    }
    for method, way in ways.items():
        if method in found:
            continue
        start = time.process_time()
        accuracy, parameters = way()
        found[method] = Row(name, method, seed, round(accuracy, 4), parameters, round(time.process_time() - start, 2))
        rows.append(found[method])
        note(path, rows)
        print(*asdict(found[method]).values(), sep=", ", flush=True)


def summarise(rows: list[Row]) -> dict[tuple[str, str], tuple[float, float, float, float, int]]:
    """Return mean and spread of the accuracy, mean parameters and seconds, and number of seeds, by set and method."""
    found = {}
    for key in dict.fromkeys((row.data, row.method) for row in rows):
        own = [row for row in rows if (row.data, row.method) == key]
        accuracy = [row.accuracy for row in own]
        spread = float(np.std(accuracy, ddof=1)) if len(own) > 1 else float("nan")
        means = (float(np.mean([getattr(row, name) for row in own])) for name in ("parameters", "seconds"))
        found[key] = (float(np.mean(accuracy)), spread, *means, len(own))
    return found


def draw(rows: list[Row], path: Path) -> None:
    """Draw accuracy over the number of parameters, a panel a set."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(SETS), figsize=(3.2 * len(SETS), 3.6), sharey=True, layout="constrained")
    for axis, name in zip(axes, SETS, strict=True):
        for colour, method in zip(("#0b6e99", "#888888", "#e08e1b", "#b5473c"), METHODS, strict=True):
            own = [row for row in rows if (row.data, row.method) == (name, method)]
            axis.scatter([row.parameters for row in own], [row.accuracy for row in own], s=26, color=colour, label=method)
        axis.set(title=name, xscale="log", xlabel="numbers that are trained", ylim=(0, 1.03))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("accuracy, test sequences")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(METHODS), frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    size, path = SIZES[options.size], options.out / "sequence_sets.csv"
    options.out.mkdir(parents=True, exist_ok=True)
    rows = read(path)
    for seed in range(size["seeds"]):
        for name in SETS:
            measure(name, seed, size, rows, path)
    for (name, method), (accuracy, spread, parameters, seconds, n) in summarise(rows).items():
        print(f"{name}, {method}: {accuracy:.3f} ± {spread:.3f} of {n} seeds, {parameters:,.0f} numbers, {seconds:.1f} s")
    draw(rows, options.out / "sequence_sets.png")


if __name__ == "__main__":
    main()
