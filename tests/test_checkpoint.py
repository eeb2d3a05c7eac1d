"""Checkpoints: a state comes back to the bit, at a cost that does not grow, and anything but a whole one is refused."""

import io
import json
import math
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from propneat.base.errors import CheckpointError, DamagedCheckpointError
from propneat.evolution import EvolutionConfig, Population
from propneat.genome import GenePool
from propneat.run.checkpoint import CheckpointWriter, check_identity, journal_of, load_checkpoint
from propneat.run.folder import RunFolder
from propneat.run.keeping import Keeper
from propneat.search import HISTORY_COLUMNS, EvolveState, Finished, Problem, evolve
from propneat.search.descent import DESCENT
from propneat.settings.evolve_config import default_config
from propneat.training import Samples, TrainingConfig

ODD = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 1e308)
BUSY = EvolutionConfig(population_size=15, add_node_rate=0.6, add_connection_rate=0.7, delete_node_rate=0.2, initial_hidden=2)


def grown_states(seed: int, n_generations: int) -> list[EvolveState]:
    """States of a run whose fitness is drawn, with odd numbers wherever a number may be odd."""
    rng, states, history, descent = np.random.default_rng(seed), [], (), ()
    population = Population(int(rng.integers(1, 5)), int(rng.integers(1, 4)), BUSY, seed=seed)
    for generation in range(n_generations):
        pool = population.ask()
        population.tell(rng.choice([*ODD[:-1], *rng.standard_normal(9)], len(pool)))
        draw = {float: lambda: float(rng.choice(ODD)), int: lambda: int(rng.integers(99))}
        row = {name: draw[kind]() for name, kind in HISTORY_COLUMNS.items()}
        history = (*history, row | {"generation": generation})
        leaders = GenePool.pack([pool[int(k)] for k in rng.integers(0, len(pool), rng.integers(1, 5))])
        finished = tuple(Finished(pool[k], *rng.choice(ODD, 2).tolist(), 1, 0.5) for k in range(generation % 3))
        kept = np.zeros(len(pool), DESCENT)
        kept["heir"], kept["loss"] = rng.integers(-1, len(pool), len(pool)), rng.choice([0.5, np.nan, np.inf], len(pool))
        kept["species"], kept["size"] = rng.integers(0, 2**31, (2, len(pool)))
        kept["champion"][0] = 1
        descent = (*descent, kept)
        loss = float(rng.choice(ODD))
        states.append(EvolveState(population.state, leaders[0], loss, leaders, history, finished, descent=descent))
    return states


def save(path: Path, states: list[EvolveState], identity: dict) -> None:
    writer = CheckpointWriter(path, identity)
    for state in states:
        writer.save(state)


def facts(state: EvolveState) -> list:
    """Everything in a state, in a form that compares to the bit (repr tells every float but NaN payloads apart)."""
    population = state.population
    best = [population.best] if population.best else []
    return [
        [genome.to_bytes() for genome in (*population.pool, *state.leaders, state.champion, *best)],
        [(entry.id, entry.representative.to_bytes(), repr(entry.best_fitness), entry.improved) for entry in population.species],
        {name: (array.dtype, array.shape, array.tobytes()) for name, array in population.tracker.items()},
        [population.generation, population.next_species, repr(population.threshold), repr(population.best_fitness)],
        [
            (part.champion.to_bytes(), repr((part.validation_loss, part.validation_score, part.generations, part.linear_share)))
            for part in state.finished
        ],
        [(kept.dtype, kept.tobytes()) for kept in state.descent],
        [population.best is None, repr(state.champion_loss), repr(state.history), len(population.pool), len(state.leaders)],
    ]


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of the fifth generation of a run: its path and the state."""
    states = grown_states(1, 5)
    save(tmp_path / "checkpoint.npz", states, {"seed": 1})
    return tmp_path / "checkpoint.npz", states[-1]


def test_every_state_of_random_runs_comes_back_to_the_bit(tmp_path):
    for seed in range(8):
        identity = {"seed": seed, "data": {"x": [0.1, None, "é"]}}
        writer = CheckpointWriter(tmp_path / "a.npz", identity)
        for state in grown_states(seed, 6):
            writer.save(state)
            found, found_identity = load_checkpoint(tmp_path / "a.npz")
            assert facts(found) == facts(state)
            assert found_identity == identity
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.journal", "a.npz"]


def test_a_run_saved_in_sessions_leaves_the_bytes_of_one_saved_at_once(tmp_path):
    states = grown_states(3, 9)
    save(tmp_path / "whole.npz", states, {"seed": 3})
    path, after = tmp_path / "cut.npz", None
    for state in states:
        CheckpointWriter(path, {"seed": 3}, after=after).save(state)
        after = load_checkpoint(path)[0]
        # what a kill leaves behind the part of the journal that counts
        with journal_of(path).open("ab") as file:
            file.write(b'{"row": {"generation"')
    assert path.read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert journal_of(path).read_bytes().startswith(journal_of(tmp_path / "whole.npz").read_bytes())
    assert facts(after) == facts(states[-1])


def test_states_that_are_noted_leave_the_bytes_of_those_that_are_written(tmp_path):
    states = grown_states(3, 9)
    save(tmp_path / "whole.npz", states, {})
    writer = CheckpointWriter(tmp_path / "some.npz", {})
    for number, state in enumerate(states):
        (writer.save if number in (1, 2, 6) else writer.note)(state)
    writer.save(states[-1])
    assert (tmp_path / "some.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert journal_of(tmp_path / "some.npz").read_bytes() == journal_of(tmp_path / "whole.npz").read_bytes()


@pytest.mark.parametrize(("writing", "generation", "expected"), [(0.01, 1.0, 20), (0.01, 0.2, 20), (0.01, 0.001, 2)])
def test_checkpoints_take_a_twentieth_of_the_time_at_most(tmp_path, monkeypatch, writing, generation, expected):
    now, written = [0.0], []

    def write(_, state):
        written.append(state)
        now[0] += writing

    monkeypatch.setattr("propneat.run.keeping.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(CheckpointWriter, "save", write)
    states = grown_states(2, 20)
    with Keeper(RunFolder(tmp_path), {}, None) as keep:
        for state in states:
            now[0] += generation
            keep(state)
        before_the_end = len(written)
    assert (
        before_the_end in (expected - 1, expected) and written[-1] is states[-1] and len(written) == len(set(map(id, written)))
    )
    assert list(keep.seconds) == list(range(20))


def test_whatever_ends_a_run_leaves_its_last_state(tmp_path, monkeypatch):
    monkeypatch.setattr("propneat.run.keeping._REST", math.inf)
    states, folder = grown_states(2, 4), RunFolder(tmp_path)
    with pytest.raises(KeyboardInterrupt), Keeper(folder, {}, None) as keep:
        heeded = [keep.heeded(lambda _, answer=answer: answer) for answer in (None, False, True)]
        for state in states[:2]:
            keep(state)
        assert [callback(states[1]) for callback in heeded[:2]] == [None, False]
        assert facts(load_checkpoint(folder.checkpoint)[0]) == facts(states[0])
        assert heeded[2](states[1]) is True
        assert facts(load_checkpoint(folder.checkpoint)[0]) == facts(states[1])
        for state in states[2:]:
            keep(state)
        raise KeyboardInterrupt
    assert facts(load_checkpoint(folder.checkpoint)[0]) == facts(states[3])


def test_a_kill_between_the_two_files_loses_that_generation_alone(tmp_path, monkeypatch):
    states, path = grown_states(4, 3), tmp_path / "checkpoint.npz"
    writer = CheckpointWriter(path, {})
    writer.save(states[0])
    monkeypatch.setattr("propneat.run.checkpoint.files.write_atomic", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        writer.save(states[1])
    monkeypatch.undo()
    found, _ = load_checkpoint(path)
    assert facts(found) == facts(states[0])
    again = CheckpointWriter(path, {}, after=found)
    for state in states[1:]:
        again.save(state)
    assert facts(load_checkpoint(path)[0]) == facts(states[2])


def test_a_new_run_takes_the_place_of_an_old_one_and_a_kill_leaves_no_mixture(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    save(path, grown_states(5, 3), {"run": "old"})
    monkeypatch.setattr("propneat.run.checkpoint.files.pack_archive", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        CheckpointWriter(path, {"run": "new"}).save(grown_states(6, 1)[0])
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_checkpoint(path)
    monkeypatch.undo()
    save(path, grown_states(6, 2), {"run": "new"})
    assert load_checkpoint(path)[1] == {"run": "new"}


def test_what_a_generation_writes_does_not_grow_with_the_generations_before_it(tmp_path):
    """The same genomes and as many new numbers each time: bytes written are equal in generation 10 and 5,000."""
    start = grown_states(7, 1)[0]
    links = np.stack([np.arange(20_000) + (5 << 32), np.arange(20_000)], axis=1)
    row = {name: kind(0) for name, kind in HISTORY_COLUMNS.items()}

    def state_of(generation: int) -> EvolveState:
        tracker = start.population.tracker | {"links": links[: 3 * generation]}
        history = tuple(row | {"generation": 1000 + k} for k in range(generation))
        population = replace(start.population, generation=1000 + generation, tracker=tracker)
        return replace(start, population=population, history=history, descent=())

    path, written = tmp_path / "checkpoint.npz", {}
    writer = CheckpointWriter(path, {})
    for generation in (9, 10, 4999, 5000):
        before = journal_of(path).stat().st_size if journal_of(path).exists() else 0
        writer.save(state_of(generation))
        written[generation] = path.stat().st_size + journal_of(path).stat().st_size - before
    # only the digits of the journal's size differ
    assert abs(written[5000] - written[10]) < 20


def test_what_a_tracker_remembers_is_handed_over_without_a_copy():
    population = Population(2, 1, BUSY, seed=0)
    for _ in range(5):
        population.tell(np.zeros(15))
    first, again = population.state.tracker, population.state.tracker
    assert first["links"].base is again["links"].base
    before = first["links"].copy(), first["splits"].copy()
    for _ in range(30):
        population.tell(np.zeros(15))
    assert np.array_equal(first["links"], before[0]) and np.array_equal(first["splits"], before[1])
    assert len(population.state.tracker["links"]) > len(first["links"])
    with pytest.raises(ValueError, match="read-only"):
        first["links"][0] = 0


def test_rows_of_the_history_have_the_columns_that_are_checked():
    samples = Samples.make(np.arange(12.0).reshape(6, 2), np.array([0.0, 1, 0, 1, 0, 1]))
    evolution = EvolutionConfig(population_size=4)
    training = TrainingConfig(epochs=1)
    config = replace(default_config(), generations=1, populations=1, fine_tune_epochs=1, evolution=evolution, training=training)
    row = evolve(Problem(samples, samples, "binary"), config).history[0]
    assert {name: type(value) for name, value in row.items()} == HISTORY_COLUMNS


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
        default_config(),
        generations=6,
        populations=1,
        seed=4,
        fine_tune_epochs=5,
        evolution=evolution,
        training=TrainingConfig(epochs=2),
    )
    states: list[EvolveState] = []
    whole = evolve(Problem(samples, samples, "binary"), config, callbacks=[states.append])
    writer = CheckpointWriter(tmp_path / "checkpoint.npz", {})
    for state in states:
        writer.save(state)
        again = evolve(Problem(samples, samples, "binary"), config, state=load_checkpoint(tmp_path / "checkpoint.npz")[0])
        assert again.champion.to_bytes() == whole.champion.to_bytes()
        assert again.history == whole.history


@pytest.mark.parametrize("half", ["checkpoint.npz", "checkpoint.journal"])
def test_a_cut_file_is_refused(saved, half):
    path = saved[0].with_name(half)
    whole = path.read_bytes()
    for length in [0, 1, 3, *np.random.default_rng(0).integers(4, len(whole), 40), len(whole) - 1]:
        path.write_bytes(whole[: int(length)])
        with pytest.raises(DamagedCheckpointError, match="damaged"):
            load_checkpoint(saved[0])


@pytest.mark.parametrize("half", ["checkpoint.npz", "checkpoint.journal"])
def test_a_changed_byte_is_noticed_or_without_meaning(saved, half):
    path, state = saved[0].with_name(half), saved[1]
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for position in rng.integers(0, len(whole), 300).tolist():
        changed = bytearray(whole)
        changed[position] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        try:
            assert facts(load_checkpoint(saved[0])[0]) == facts(state)
        except DamagedCheckpointError:
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
    journal_of(path).write_bytes(b"")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load_checkpoint(path)


def test_a_missing_file_a_folder_half_a_checkpoint_and_another_schema_are_refused(tmp_path, saved, monkeypatch):
    for path in (tmp_path / "absent.npz", tmp_path):
        with pytest.raises(CheckpointError, match="there is no checkpoint"):
            load_checkpoint(path)
    monkeypatch.setattr("propneat.run.checkpoint.archive.CHECKPOINT_SCHEMA", "propneat.checkpoint/99")
    with pytest.raises(DamagedCheckpointError, match="schema 'propneat.checkpoint/8'"):
        load_checkpoint(saved[0])
    journal_of(saved[0]).unlink()
    with pytest.raises(DamagedCheckpointError, match="lacks its other half, checkpoint.journal"):
        load_checkpoint(saved[0])


@pytest.fixture
def forging(monkeypatch):
    """The script `benchmarks/forged_checkpoints.py` as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "benchmarks"))
    import forged_checkpoints

    return forged_checkpoints


def test_forged_checkpoints_are_refused_in_one_sentence_or_can_be_lived_with(tmp_path, forging, saved):
    """Whatever passes is a state that `tell` breeds from and that a writer goes on after; the script asks whole runs."""
    whole, path = saved[0], tmp_path / "forged.npz"
    n_refused = 0
    for seed in range(200):
        kind = forging.forge(whole, path, seed)
        try:
            state, _ = load_checkpoint(path)
        except DamagedCheckpointError as error:
            n_refused += 1
            assert str(error).startswith(f"{path} is damaged or not a checkpoint (") and "\n" not in str(error), (seed, kind)
            assert len(str(error)) < 400
        else:
            population = Population.restore(state.population, BUSY, 1)
            population.tell(np.zeros(len(population.ask())))
            CheckpointWriter(path, {}, after=state)
    assert n_refused > 160


def test_claims_of_more_than_there_is_take_no_memory(tmp_path, forging, saved):
    path = tmp_path / "forged.npz"
    claims, lines = (list(forging.KINDS).index(kind) for kind in ("claim", "line"))
    for seed in [*range(claims, 200, 10), *range(lines, 100, 10)]:
        forging.forge(saved[0], path, seed)
        tracemalloc.start()
        with pytest.raises(DamagedCheckpointError):
            load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**20, seed


ZEROS = np.zeros((5, 2), np.int64)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.arrays["pool_node_start"].__setitem__(1, -1), "node_start of pool does not divide its nodes"),
        (lambda p: p.arrays["pool_connection_start"].__setitem__(1, 2**62), "connection_start of pool does not divide"),
        (lambda p: p.arrays["tracker_state"].fill(0), "counts innovation numbers that it does not hold"),
        (lambda p: p.arrays["tracker_state"].__setitem__(0, 1), "innovation number that was not given yet"),
        (lambda p: p.arrays["tracker_state"].__setitem__(0, 2**40), "lies outside what a genome can hold"),
        (lambda p: p.blocks[0].__setitem__(1, ZEROS), "innovation numbers that it does not hold"),
        (lambda p: p.blocks[0][1].fill(0), "two innovation numbers"),
        (lambda p: p.blocks[1][3]["heir"].fill(99), "a mother is none of the generation"),
        (lambda p: p.blocks[1][3]["species"].fill(-1), "what it keeps of a genome is none"),
        (lambda p: p.blocks[1][3]["champion"].fill(1), "two champions"),
        (lambda p: p.blocks[1].__setitem__(3, p.blocks[1][3][:2]), "the descent of other than all genomes"),
        (lambda p: p.arrays["pool_connections"]["enabled"].fill(7), "neither enabled nor disabled"),
        (lambda p: p.arrays["leaders_nodes"]["activation"].fill(99), "unknown activation code 99"),
        (lambda p: p.arrays["kept_connections"]["weight"].fill(math.nan), "weight that is not a finite number"),
        (lambda p: p.arrays["representatives_nodes"]["kind"].fill(2), "at least one input"),
        (lambda p: p.arrays["species_improved"].fill(999), "in a generation that was not yet"),
        (lambda p: p.arrays["species_id"].fill(-1), "a number that was not given yet"),
        (lambda p: p.metadata.update(generation=3), "its generation is not that of its history"),
        (lambda p: p.metadata.update(threshold=math.nan), "its threshold is no number"),
        (lambda p: p.metadata.update(threshold="long"), "its threshold is no number"),
        (lambda p: p.metadata.update(best_fitness="9"), "its best fitness or loss is no number"),
        (
            lambda p: p.metadata.update(finished=[[0.1, 0.2, 1, 0.5]] * 2),
            "other figures of finished populations than champions",
        ),
        (
            lambda p: p.metadata.update(finished=[["low", 0.2, 1, 0.5]] * len(p.metadata["finished"])),
            "figure of a finished population",
        ),
        (
            lambda p: p.metadata.update(finished=[[0.1, 0.2, 0, 0.5]] * len(p.metadata["finished"])),
            "has no number of generations",
        ),
        (
            lambda p: p.metadata.update(finished=[[0.1, 0.2, 99, 0.5]] * len(p.metadata["finished"])),
            "more generations than its history",
        ),
        (
            lambda p: p.metadata.update(finished=[[0.1, 0.2, 1, 1.5]] * len(p.metadata["finished"])),
            "no share of a linear network",
        ),
        (lambda p: p.arrays["finished_nodes"]["activation"].fill(99), "unknown activation code 99"),
        (lambda p: p.metadata.update(identity="deep"), "it cannot be read|nest|plain JSON"),
        (lambda p: p.metadata.update(identity=json.loads("[" * 50 + "]" * 50)), "no plain JSON object"),
        (lambda p: p.blocks[1][0].update(validation_score=None), "row of generation 1 holds other values"),
        (lambda p: p.blocks[1][0].update(n_species=-1), "counts what cannot be counted"),
        (lambda p: p.blocks[1][0].pop("n_hidden"), "row of generation 1 has other columns"),
        (
            lambda p: p.lines.update({2: b'{"row": {}, "links": 100000000000, "splits": 0, "descent": 0}\n'}),
            "claims more than it holds",
        ),
        (lambda p: p.compressed.add("pool_nodes"), "a part of it is compressed"),
    ],
)
def test_each_thing_that_compiled_code_trusts_is_checked_and_named(tmp_path, forging, saved, change, words):
    parts = forging.Parts(saved[0])
    parts.metadata["journal"]["bytes"] = "fitting"
    parts.write(tmp_path / "forged.npz")
    assert facts(load_checkpoint(tmp_path / "forged.npz")[0]) == facts(saved[1])
    change(parts)
    parts.metadata["journal"]["bytes"] = "fitting"
    parts.write(tmp_path / "forged.npz")
    with pytest.raises(DamagedCheckpointError, match=words):
        load_checkpoint(tmp_path / "forged.npz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 2}, "begun with seed = 1, and now it is 2"),
        ({"evolution": {"survival": 0.3, "activations": ("tanh",)}}, "evolution.survival = 0.2"),
        ({"generations": 9}, "generations may be raised when a run is continued, not lowered from 10 to 9"),
        ({"new": None, "seed": 1.5}, "seed"),
        ({"generations": 9.5}, "generations may be raised"),
        ({"added": 1}, "added = null"),
    ],
)
def test_a_difference_in_identity_is_named(change, words):
    saved = {"seed": 1, "generations": 10, "evolution": {"survival": 0.2, "activations": ["tanh"]}}
    with pytest.raises(CheckpointError, match=words):
        check_identity(saved, saved | change, may_grow=frozenset({"generations"}))


def test_a_refusal_of_more_of_one_size_says_what_may_grow():
    saved = {"generations": 10, "populations": 4}
    with pytest.raises(CheckpointError, match=r"generations = 10, and now it is 20.*\(what may grow is populations\)"):
        check_identity(saved, saved | {"generations": 20}, may_grow=frozenset({"populations"}))


def test_equal_identities_and_more_generations_pass():
    saved = {"generations": 10, "evolution": {"activations": ["tanh"]}}
    check_identity(saved, {"generations": 11, "evolution": {"activations": ("tanh",)}}, may_grow=frozenset({"generations"}))
