"""Evolved networks and the classifier, trained under a budget: the same numbers, fewer bytes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import process_time
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from propneat.base.rng import make_rng
from propneat.compiler import compile_pool, evaluate
from propneat.evolution import EvolutionConfig, Population
from propneat.genome import GenePool, Genome
from propneat.methods.heartbeat import with_heartbeat
from propneat.methods.recomputation.classifier import RecomputedNetworkClassifier
from propneat.recompute.budget import least_peak, plan_recomputation
from propneat.training import Samples, TrainingConfig, train_population

__all__ = ["classifier_rows", "evolved_rows", "grow_deep_genome"]

_EVOLUTION = EvolutionConfig(
    population_size=20, add_node_rate=1.0, add_connection_rate=0.3, activations=("tanh", "relu", "sin", "gauss")
)


def grow_deep_genome(n_inputs: int, n_generations: int, seed: int) -> Genome:
    """Evolve networks for depth alone, by PropNEAT's own mutations; returns the deepest of the last generation."""
    population = Population(n_inputs, 1, _EVOLUTION, seed=seed)
    for _ in range(n_generations):
        pool = population.ask()
        depths = np.array([float(plan.n_layers) for plan in compile_pool(pool)])
        population.tell(depths, pool)
    pool = population.ask()
    return pool[int(np.argmax([plan.n_layers for plan in compile_pool(pool)]))]


def evolved_rows(n_generations: int, n_epochs: int, seed: int, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Train a deep evolved network with the layered engine, plainly and under the least budget, on breast cancer data."""

    def tell(done: int) -> None:
        progress("training an evolved network under a budget", done, 1)

    return with_heartbeat(partial(tell, 0), lambda: _evolved(n_generations, n_epochs, seed))


def _evolved(n_generations: int, n_epochs: int, seed: int) -> dict[str, Any]:
    learn, check = _breast_cancer(seed)
    plan = compile_pool(GenePool.pack([grow_deep_genome(learn.X.shape[1], n_generations, seed)]))
    config = TrainingConfig("bce", epochs=n_epochs)
    example = torch.from_numpy(learn.X)
    budget = least_peak(plan[0], example)
    planned = plan_recomputation(plan[0], budget, example)
    start = process_time()
    plainly = train_population(plan, learn, config, make_rng(seed, "train"), engine="layered")
    middle = process_time()
    within = train_population(plan, learn, config, make_rng(seed, "train"), engine="layered", memory_budget=budget)
    end = process_time()
    aucs = []
    for trained in (plainly, within):
        own = replace(plan[0], weights=trained.weights, biases=trained.biases[plan.n_inputs :])
        aucs.append(float(roc_auc_score(check.targets[:, 0], evaluate(own, check.X)[:, 0])))
    return {
        "n_layers": plan[0].n_layers,
        "n_connections": plan[0].n_edges,
        "plain_peak": planned.plain_peak,
        "peak": planned.peak,
        "auc": aucs,
        "weight_difference": float(np.abs(plainly.weights - within.weights).max()),
        "time_with_planning": (end - middle) / (middle - start),
    }


def _breast_cancer(seed: int) -> tuple[Samples, Samples]:
    X, y = load_breast_cancer(return_X_y=True)
    learn, check, y_learn, y_check = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(learn)
    return Samples.make(scaler.transform(learn), y_learn), Samples.make(scaler.transform(check), y_check)


def classifier_rows(
    shares: tuple[float, ...], n_epochs: int, seed: int, progress: Callable[[str, int, int], None]
) -> list[dict[str, Any]]:
    """Train the classifier plainly and under shares of its plain peak: AUC, bytes, time, and difference of its numbers.

    Times are multiples of the plain one and hold the planning, which is done once and outweighs so short a training.
    """
    learn, check = _breast_cancer(seed)
    rows, plain = [], None
    for number, share in enumerate((None, *shares)):

        def tell(done: int) -> None:
            progress("training the classifier under budgets", done, len(shares) + 1)

        model = RecomputedNetworkClassifier(memory_budget=share, max_epochs=n_epochs, random_state=seed)
        start = process_time()
        with_heartbeat(partial(tell, number), lambda model=model: model.fit(learn.X, learn.targets[:, 0]))
        seconds = process_time() - start
        plain = plain or (model.state_, seconds)
        rows.append(
            {
                "share": share,
                "auc": float(roc_auc_score(check.targets[:, 0], model.predict_proba(check.X)[:, 1])),
                "peak": model.peak_bytes_,
                "plain_peak": model.plain_peak_bytes_,
                "time_with_planning": seconds / plain[1],
                "weight_difference": max(float(np.abs(model.state_[k] - plain[0][k]).max()) for k in model.state_),
            }
        )
    return rows
