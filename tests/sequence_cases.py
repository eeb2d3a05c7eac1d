"""A recurrent network computed straight from its genes, and sequences, by which everything that computes steps is judged."""

import numpy as np
import torch
from engine_cases import in_float32
from random_genomes import random_recurrent_genome
from test_compiler import JOINS, TEXTBOOK

from propneat.compiler import compile_pool
from propneat.compiler.recurrent_network import RecurrentNetwork
from propneat.genome import ACTIVATIONS, AGGREGATIONS, GenePool, Genome, NodeKind
from propneat.training import Sequences, TrainedPopulation, TrainingConfig
from propneat.training.torch_loop import train_one_by_one


def answers_of_genes(genome: Genome, steps: list[list[float]]) -> list[list[float]]:
    """The outputs at every step of one sequence, without any plan."""
    inputs = genome.nodes["id"][genome.nodes["kind"] == NodeKind.INPUT].tolist()
    outputs = genome.nodes["id"][genome.nodes["kind"] == NodeKind.OUTPUT].tolist()
    nodes = {gene[0]: gene for gene in genome.nodes.tolist()}
    before, answers = dict.fromkeys(nodes, 0.0), []
    for row in steps:
        values = dict(zip(inputs, row, strict=True))

        def value(node: int, values=values, before=before) -> float:
            if node not in values:
                _, bias, _, activation, aggregation, time_constant = nodes[node]
                genes = [gene for gene in genome.connections.tolist() if gene[4] and gene[2] == node]
                terms = [w * (before[s] if late else value(s)) for _, s, _, w, _, late in genes]
                joined = JOINS[AGGREGATIONS[aggregation]](terms) if terms else 0.0
                values[node] = TEXTBOOK[ACTIVATIONS[activation]](joined + bias)
                if time_constant:
                    values[node] = before[node] + (values[node] - before[node]) / time_constant
            return values[node]

        before = {node: value(node) for node in nodes}
        answers.append([before[node] for node in outputs])
    return answers


def make_pool(seed: int, n_genomes: int, **options) -> GenePool:
    """Recurrent genomes of 4 inputs and 2 outputs with numbers that float32 holds, small enough to stay finite a while."""
    rng, options = np.random.default_rng(seed), {"max_hidden": 6, "scale": 0.35, **options}
    drawn = [random_recurrent_genome(rng, n_inputs=4, n_outputs=2, **options) for _ in range(n_genomes)]
    return in_float32(GenePool.pack(drawn))


def make_sequences(seed: int, loss: str, n_sequences: int, n_steps: int, *, every: bool, ragged: bool) -> Sequences:
    """Random sequences of 4 inputs that suit a loss, with uneven weights."""
    rng = np.random.default_rng(seed)
    shape = (n_sequences, n_steps, 2) if every else (n_sequences, 2)
    targets = rng.standard_normal(shape)
    if loss == "bce":
        targets = targets > 0
    if loss == "cross_entropy":
        targets = np.exp(targets) / np.exp(targets).sum(axis=-1, keepdims=True)
    lengths = rng.integers(1, n_steps + 1, n_sequences) if ragged else None
    X, weights = rng.standard_normal((n_sequences, n_steps, 4)), rng.choice([0.5, 1.0, 3.0], n_sequences)
    return Sequences.make(X, targets, weights, lengths)


def train_in_float64(
    pool: GenePool, sequences: Sequences, config: TrainingConfig, validation: Sequences | None = None, seed: int = 0
) -> TrainedPopulation:
    """The layered engine in float64, one network after another by torch."""
    rng = np.random.default_rng(seed)
    return train_one_by_one(RecurrentNetwork, compile_pool(pool), sequences, validation, config, rng, "cpu", torch.float64)
