"""Checkpoints: a state comes back to the bit, and anything but a whole checkpoint is refused in one sentence."""

import io
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from random_genomes import random_genome

from propneat.checkpoint import check_identity, load_checkpoint, save_checkpoint
from propneat.errors import CheckpointError
from propneat.evolution import EvolutionConfig, PopulationState, Species
from propneat.evolve import EvolveState, Problem, default_config, evolve
from propneat.genome import GenePool
from propneat.training import Samples, TrainingConfig

ODD = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 1e308)


def random_state(rng: np.random.Generator) -> EvolveState:
    """Draw a state whose genomes share nothing and whose numbers are odd ones."""

    def pool(most: int) -> GenePool:
        return GenePool.pack(random_genome(rng) for _ in range(rng.integers(1, most)))

    species = tuple(
        Species(int(rng.integers(1000)), random_genome(rng), float(rng.choice(ODD)), int(rng.integers(50)))
        for _ in range(rng.integers(0, 5))
    )
    population = PopulationState(
        generation=int(rng.integers(100)),
        pool=pool(20),
        species=species,
        next_species=int(rng.integers(1000)),
        threshold=float(rng.random()),
        tracker={name: rng.integers(-1, 2**62, (int(rng.integers(1, 9)), 2)) for name in ("state", "links", "splits")},
        best=random_genome(rng) if rng.random() < 0.7 else None,
        best_fitness=float(rng.choice(ODD)),
    )
    history = tuple({"generation": k, "loss": float(rng.choice(ODD)), "score": None} for k in range(rng.integers(0, 4)))
    return EvolveState(population, random_genome(rng), float(rng.choice(ODD)), pool(5), history)


def facts(state: EvolveState) -> list:
    """Everything in a state, in a form that compares to the bit (repr tells every float but NaN payloads apart)."""
    population = state.population
    best = [population.best] if population.best else []
    return [
        [genome.to_bytes() for genome in (*population.pool, *state.leaders, state.champion, *best)],
        [(entry.id, entry.representative.to_bytes(), repr(entry.best_fitness), entry.improved) for entry in population.species],
        {name: (array.dtype, array.shape, array.tobytes()) for name, array in population.tracker.items()},
        [population.generation, population.next_species, repr(population.threshold), repr(population.best_fitness)],
        [population.best is None, repr(state.champion_loss), repr(state.history), len(population.pool), len(state.leaders)],
    ]


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of a random state: its path and the state."""
    state = random_state(np.random.default_rng(1))
    save_checkpoint(tmp_path / "checkpoint.npz", state, {"seed": 1})
    return tmp_path / "checkpoint.npz", state


def test_random_states_come_back_to_the_bit_and_are_written_as_the_same_bytes(tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(50):
        state, identity = random_state(rng), {"seed": int(rng.integers(9)), "data": {"x": [0.1, None, "é"]}}
        save_checkpoint(tmp_path / "a.npz", state, identity)
        found, found_identity = load_checkpoint(tmp_path / "a.npz")
        assert facts(found) == facts(state)
        assert found_identity == identity
        save_checkpoint(tmp_path / "b.npz", found, found_identity)
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_what_is_read_has_the_dtypes_of_genes_and_is_frozen(saved):
    state, _ = load_checkpoint(saved[0])
    for pool in (state.population.pool, state.leaders):
        assert pool.nodes.dtype.isalignedstruct
        assert pool.connections.dtype == saved[1].leaders.connections.dtype
        assert not pool.nodes.flags.writeable


def test_a_run_continued_from_a_file_ends_like_one_that_was_not(tmp_path):
    rng = np.random.default_rng(3)
    samples = Samples.make(rng.standard_normal((40, 3)), (rng.random(40) < 0.5).astype(float))
    evolution = EvolutionConfig(population_size=12, add_node_rate=0.5, add_connection_rate=0.5, target_species=3)
    config = replace(
        default_config(), generations=6, seed=4, fine_tune_epochs=5, evolution=evolution, training=TrainingConfig(epochs=2)
    )
    states: list[EvolveState] = []
    whole = evolve(Problem(samples, samples, "binary"), config, callbacks=[states.append])
    for state in states:
        save_checkpoint(tmp_path / "checkpoint.npz", state, {})
        again = evolve(Problem(samples, samples, "binary"), config, state=load_checkpoint(tmp_path / "checkpoint.npz")[0])
        assert again.champion.to_bytes() == whole.champion.to_bytes()
        assert again.history == whole.history


def test_a_cut_file_is_refused(saved):
    path, _ = saved
    whole = path.read_bytes()
    for length in [0, 1, 3, *np.random.default_rng(0).integers(4, len(whole), 40), len(whole) - 1]:
        path.write_bytes(whole[: int(length)])
        with pytest.raises(CheckpointError, match="damaged"):
            load_checkpoint(path)


def test_a_changed_byte_is_noticed_or_without_meaning(saved):
    path, state = saved
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for position in rng.integers(0, len(whole), 300).tolist():
        changed = bytearray(whole)
        changed[position] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        try:
            assert facts(load_checkpoint(path)[0]) == facts(state)
        except CheckpointError:
            refused += 1
    assert refused > 200


def test_swapped_content_is_noticed_though_every_part_is_whole(saved):
    path, _ = saved
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["pool_node_start"] = arrays["pool_node_start"] + 1
    np.savez(path, **arrays)
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(path)


class Trap:
    """An object that would announce itself if anybody unpickled it."""

    def __reduce__(self) -> tuple:
        return pytest.fail, ("a pickle was loaded",)


def foreign_files() -> dict[str, bytes]:
    """Files that are no checkpoints, by what they are."""
    arrays, objects, archive = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(arrays, x=np.arange(3))
    np.savez(objects, metadata=np.array([Trap()], dtype=object), checksum=np.zeros(32, np.uint8))
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("readme.txt", "hello")
    return {
        "nothing": b"",
        "text": b"generation,loss\n1,2\n",
        "genome": b'{"schema": "propneat.genome/1"}',
        "other arrays": arrays.getvalue(),
        "pickled objects": objects.getvalue(),
        "another zip": archive.getvalue(),
    }


@pytest.mark.parametrize("what", foreign_files())
def test_foreign_files_are_refused(tmp_path, what):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(foreign_files()[what])
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load_checkpoint(path)


def test_a_missing_file_a_folder_and_another_schema_are_refused(tmp_path, saved, monkeypatch):
    for path in (tmp_path / "absent.npz", tmp_path):
        with pytest.raises(CheckpointError, match="there is no checkpoint"):
            load_checkpoint(path)
    monkeypatch.setattr("propneat.checkpoint.CHECKPOINT_SCHEMA", "propneat.checkpoint/2")
    with pytest.raises(CheckpointError, match="schema 'propneat.checkpoint/1'"):
        load_checkpoint(saved[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 2}, "begun with seed = 1, and now it is 2"),
        ({"evolution": {"survival": 0.3, "activations": ("tanh",)}}, "evolution.survival = 0.2"),
        ({"generations": 9}, "generations may be raised when a run is continued, not lowered from 10 to 9"),
        ({"new": None, "seed": 1.5}, "seed"),
        ({"added": 1}, "added = null"),
    ],
)
def test_a_difference_in_identity_is_named(change, words):
    saved = {"seed": 1, "generations": 10, "evolution": {"survival": 0.2, "activations": ["tanh"]}}
    with pytest.raises(CheckpointError, match=words):
        check_identity(saved, saved | change, may_grow=frozenset({"generations"}))


def test_equal_identities_and_more_generations_pass():
    saved = {"generations": 10, "evolution": {"activations": ["tanh"]}}
    check_identity(saved, {"generations": 11, "evolution": {"activations": ("tanh",)}}, may_grow=frozenset({"generations"}))
