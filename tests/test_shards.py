"""Laws of shards: however a plan is cut, training its parts and joining them gives the bytes of training it whole."""

import pickle
from copy import deepcopy
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from random_genomes import random_genome

from propneat.compiler import PopulationPlan, compile_pool
from propneat.genome import GenePool
from propneat.training import Samples, TrainedPopulation, TrainingConfig, train_population
from propneat.training.kernel_engine import _train_some
from propneat.training.shards import divide, fresh, join, take

N_GENOMES = 9
EARLY_STOP = TrainingConfig(epochs=30, batch_size=16, patience=2, learning_rate=0.1)


def make_pool(n_genomes: int = N_GENOMES) -> GenePool:
    rng = np.random.default_rng(3)
    return GenePool.pack(random_genome(rng, n_inputs=4, n_outputs=2, scale=0.5) for _ in range(n_genomes))


def make_samples(n_rows: int, seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 4))
    return Samples.make(X, np.stack([X[:, 0] > 0, X[:, 1] * X[:, 2] > 0], axis=1), rng.uniform(0.5, 2, n_rows))


def bytes_of(value: PopulationPlan | TrainedPopulation) -> list[tuple]:
    arrays = [np.asarray(getattr(value, field.name)) for field in fields(value)]
    return [(array.dtype, array.shape, array.tobytes()) for array in arrays]


def through_an_unaligned_wire(plan: PopulationPlan) -> PopulationPlan:
    """A plan as it may arrive: its arrays lie at odd addresses."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(plan, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(head, buffers=[memoryview(b"x" + bytes(buffer))[1:] for buffer in buffers])


def test_a_part_of_a_plan_is_the_plan_of_a_part():
    pool = make_pool()
    plan = compile_pool(pool)
    for start, stop in ((0, N_GENOMES), (0, 1), (2, 5), (N_GENOMES - 1, N_GENOMES)):
        alone = compile_pool(GenePool.pack(pool[k] for k in range(start, stop)))
        assert bytes_of(take(plan, start, stop)) == bytes_of(alone)


@pytest.mark.parametrize("n_shards", [1, 2, 3, 8, N_GENOMES, 50])
def test_shards_cover_the_plan_in_order_and_cost_about_the_same(n_shards):
    plan = compile_pool(make_pool())
    shards = divide(plan, n_shards)
    assert 1 <= len(shards) <= min(n_shards, N_GENOMES)
    assert all(len(shard) > 0 for shard in shards)
    assert b"".join(shard.weights.tobytes() for shard in shards) == plan.weights.tobytes()
    costs = [len(shard.edge_source) + len(shard.slot_gene) for shard in shards]
    dearest = max(part.n_edges + part.n_slots for part in plan)
    assert max(costs) <= sum(costs) / n_shards + dearest


@pytest.mark.parametrize("config", [EARLY_STOP, TrainingConfig(epochs=3, l2=1.0), TrainingConfig(epochs=0)])
@pytest.mark.parametrize("validation", [None, make_samples(21, 2)])
def test_any_cut_gives_the_bytes_of_the_whole(config, validation):
    if validation is None:
        config = replace(config, patience=None)
    plan, samples, rng = compile_pool(make_pool()), make_samples(40, 1), np.random.default_rng(5)

    def trained(part: PopulationPlan) -> TrainedPopulation:
        return train_population(part, samples, config, deepcopy(rng), validation=validation)

    whole = bytes_of(trained(plan))
    for n_shards in (1, 2, 4, N_GENOMES):
        assert bytes_of(join([trained(shard) for shard in divide(plan, n_shards)])) == whole
    for stops in ((0, 1, N_GENOMES), (0, 6, 7, N_GENOMES)):
        assert bytes_of(join([trained(take(plan, *ends)) for ends in pairwise(stops)])) == whole


def test_a_plan_that_came_through_a_wire_trains_alike_and_compiles_nothing_anew():
    plan, samples = compile_pool(make_pool()), make_samples(40, 1)
    whole = bytes_of(train_population(plan, samples, EARLY_STOP, np.random.default_rng(5), validation=samples))
    n_compiled = len(_train_some.signatures)
    arrived = through_an_unaligned_wire(plan)
    assert not arrived.weights.flags.aligned
    for part in (fresh(arrived), take(arrived, 0, N_GENOMES)):
        assert bytes_of(part) == bytes_of(plan)
        assert bytes_of(train_population(part, samples, EARLY_STOP, np.random.default_rng(5), validation=samples)) == whole
    assert len(_train_some.signatures) == n_compiled
