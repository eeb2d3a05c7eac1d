"""An evolved network tuned without a backward pass, beside backpropagation from the same genome."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from propneat.base.rng import make_rng
from propneat.compiler import compile_genome
from propneat.compiler.network import CompiledNetwork
from propneat.genome import Genome
from propneat.methods.forward_gradients.aggregators import ForwardGradient
from propneat.methods.forward_gradients.champion import FineTuneConfig, WeightedLoss, fine_tune
from propneat.search import EvolveState, Problem, evolve
from propneat.settings.evolve_config import default_config
from propneat.training import Samples

__all__ = ["champion_curves", "evolve_champion", "rings"]


def rings(n_rows: int, rng: np.random.Generator) -> Samples:
    """Two classes of points around the origin, about 0.6 and about 1.3 away from it, with Gaussian noise of 0.2."""
    label = rng.integers(2, size=n_rows)
    angle, radius = rng.uniform(0, 2 * np.pi, n_rows), 0.6 + 0.7 * label + 0.2 * rng.standard_normal(n_rows)
    return Samples.make(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), label)


def evolve_champion(seed: int, progress: Callable[[str, int, int], None], generations: int = 60) -> tuple[Genome, Samples]:
    """Evolve a network for two rings by NEAT without gradients; returns its genome and the rows that it was selected on."""
    rng = make_rng("forward-gradients", seed, "rings")
    problem = Problem(rings(300, rng), rings(300, rng), "binary")

    def tell(state: EvolveState) -> None:
        progress("evolving", state.population.generation, generations)

    config = replace(default_config("neat"), generations=generations, seed=seed)
    return evolve(problem, config, callbacks=(tell,)).champion, problem.train


def champion_curves(
    champion: Genome,
    train: Samples,
    seed: int,
    progress: Callable[[str, int, int], None],
    epochs: int = 300,
    ks: tuple[int, ...] = (1, 4, 16),
) -> dict[str, Any]:
    """Tune a genome by forward gradients from k tangents for every k of `ks`, and by backpropagation, from the same numbers.

    Returns "n_numbers", the weights and biases tuned; "losses", arm -> training losses in nats before and after every epoch at
    the arm's best learning rate; "rates", arm -> that rate. The arm "backprop" descends by the true gradient.
    """
    plan = compile_genome(champion)
    tuning = FineTuneConfig("bce", epochs=epochs, patience=None)
    losses, rates = {}, {}
    losses["backprop"], rates["backprop"] = _backprop_curve(champion, train, tuning)
    for number, k in enumerate(ks):
        aggregator = "single" if k == 1 else "projection"
        rule = ForwardGradient(aggregator, k)
        tuned = fine_tune(champion, train, replace(tuning, gradient=rule), make_rng("forward-gradients", seed, "tune", k))
        losses[f"{aggregator}-{k}"], rates[f"{aggregator}-{k}"] = tuned.losses.tolist(), tuned.learning_rate
        progress("tuning", number + 1, len(ks))
    return {"n_numbers": len(plan.weights) + len(plan.biases), "losses": losses, "rates": rates}


def _backprop_curve(genome: Genome, train: Samples, tuning: FineTuneConfig) -> tuple[list[float], float]:
    """Losses of full gradient descent at the best of the learning rates, and that rate."""
    network = CompiledNetwork(compile_genome(genome), torch.float64).requires_grad_(False)
    loss = WeightedLoss(network, tuning.loss, train)
    gradient = torch.func.grad(loss)
    curves = []
    for rate in tuning.learning_rates:
        numbers = torch.cat([network.weights, network.biases])
        curve = [float(loss(numbers))]
        for _ in range(tuning.epochs):
            numbers = numbers - rate * gradient(numbers)
            curve.append(float(loss(numbers)))
        curves.append(curve)
    best = min(range(len(curves)), key=lambda number: np.nanmin(curves[number]))
    return curves[best], tuning.learning_rates[best]
