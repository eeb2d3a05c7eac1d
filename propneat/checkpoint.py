"""Checkpoints: the whole state of a run between two generations as one npz file, without pickle, guarded by a checksum."""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from propneat.errors import CheckpointError
from propneat.evolution import PopulationState, Species
from propneat.evolve import EvolveState
from propneat.genome import CONNECTION_DTYPE, NODE_DTYPE, GenePool, Genome
from propneat.records import write_atomic

__all__ = ["CHECKPOINT_SCHEMA", "check_identity", "load_checkpoint", "save_checkpoint"]

CHECKPOINT_SCHEMA = "propneat.checkpoint/1"

_UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, OSError)


def save_checkpoint(path: Path | str, state: EvolveState, identity: Mapping[str, Any]) -> None:
    """Write a run's state and the identity of the run, plain values that JSON can carry, whole or not at all.

    The file is an npz archive: arrays of genes and of the innovation tracker, all else as JSON text in the bytes of `metadata`,
    and in `checksum` the SHA-256 of the rest. The same state gives the same bytes.
    """
    population = state.population
    arrays: dict[str, np.ndarray] = {f"tracker_{name}": array for name, array in population.tracker.items()}
    arrays |= _pool_arrays("pool", population.pool)
    arrays |= _pool_arrays("representatives", (entry.representative for entry in population.species))
    arrays |= _pool_arrays("leaders", state.leaders)
    arrays |= _pool_arrays("kept", [state.champion, *([] if population.best is None else [population.best])])
    metadata = {
        "schema": CHECKPOINT_SCHEMA,
        "identity": dict(identity),
        "generation": population.generation,
        "species": [[entry.id, entry.best_fitness, entry.improved] for entry in population.species],
        "next_species": population.next_species,
        "threshold": population.threshold,
        "best_fitness": population.best_fitness,
        "champion_loss": state.champion_loss,
        "history": list(state.history),
    }
    arrays["metadata"] = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    arrays["checksum"] = np.frombuffer(_digest(arrays), np.uint8)
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_atomic(path, content.getvalue())


def load_checkpoint(path: Path | str) -> tuple[EvolveState, dict[str, Any]]:
    """Read a checkpoint; returns the state, equal to the bit, and the identity. Raises CheckpointError for any other file."""
    path = Path(path)
    arrays = _read_arrays(path)
    metadata = json.loads(arrays["metadata"].tobytes())
    if metadata["schema"] != CHECKPOINT_SCHEMA:
        raise CheckpointError(f"{path} has schema {metadata['schema']!r}, and this propneat reads {CHECKPOINT_SCHEMA!r}")
    kept = _read_pool("kept", arrays)
    representatives = _read_pool("representatives", arrays)
    population = PopulationState(
        generation=metadata["generation"],
        pool=_read_pool("pool", arrays),
        species=tuple(
            Species(number, representative, best_fitness, improved)
            for (number, best_fitness, improved), representative in zip(metadata["species"], representatives, strict=True)
        ),
        next_species=metadata["next_species"],
        threshold=metadata["threshold"],
        tracker={name.removeprefix("tracker_"): array for name, array in arrays.items() if name.startswith("tracker_")},
        best=kept[1] if len(kept) > 1 else None,
        best_fitness=metadata["best_fitness"],
    )
    state = EvolveState(
        population=population,
        champion=kept[0],
        champion_loss=metadata["champion_loss"],
        leaders=_read_pool("leaders", arrays),
        history=tuple(metadata["history"]),
    )
    return state, metadata["identity"]


def check_identity(saved: Mapping[str, Any], current: Mapping[str, Any], *, may_grow: frozenset[str] = frozenset()) -> None:
    """Raise CheckpointError naming what differs between the identity of a saved run and the current one.

    Numbers under the keys in `may_grow` may be larger now than they were. Nested keys are joined by dots.
    """
    before, now = _flat(saved), _flat(current)
    differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    for key in differing:
        if key not in may_grow:
            raise CheckpointError(
                f"this run was begun with {key} = {_shown(before.get(key))}, and now it is {_shown(now.get(key))}: "
                "continue with what it was begun with, or start a new run"
            )
        if now[key] < before[key]:
            raise CheckpointError(f"{key} may be raised when a run is continued, not lowered from {before[key]} to {now[key]}")


def _pool_arrays(name: str, genomes: Iterable[Genome]) -> dict[str, np.ndarray]:
    """Return the genes of a pool as arrays without padding between fields, whose bytes are all defined."""
    pool = GenePool.pack(genomes)
    return {
        f"{name}_nodes": pool.nodes.astype(_packed(NODE_DTYPE)),
        f"{name}_node_start": pool.node_start,
        f"{name}_connections": pool.connections.astype(_packed(CONNECTION_DTYPE)),
        f"{name}_connection_start": pool.connection_start,
    }


def _packed(dtype: np.dtype) -> np.dtype:
    return np.dtype([(name, dtype[name]) for name in dtype.names])


def _read_pool(name: str, arrays: Mapping[str, np.ndarray]) -> GenePool:
    nodes = arrays[f"{name}_nodes"].astype(NODE_DTYPE)
    connections = arrays[f"{name}_connections"].astype(CONNECTION_DTYPE)
    pool = GenePool(nodes, arrays[f"{name}_node_start"], connections, arrays[f"{name}_connection_start"])
    for array in (pool.nodes, pool.node_start, pool.connections, pool.connection_start):
        array.flags.writeable = False
    return pool


def _digest(arrays: Mapping[str, np.ndarray]) -> bytes:
    """SHA-256 over the name, type, shape and bytes of every array but the checksum itself."""
    digest = hashlib.sha256()
    for name in sorted(arrays.keys() - {"checksum"}):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.descr} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.digest()


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every array of the archive and check their checksum."""
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}: nothing to continue from")
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            for member in archive.namelist():
                # reading a member whole checks its CRC before numpy believes anything it says
                array = np.lib.format.read_array(io.BytesIO(archive.read(member)), allow_pickle=False)
                arrays[member.removesuffix(".npy")] = array
        whole = arrays["checksum"].tobytes() == _digest(arrays)
    except _UNREADABLE as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint: start the run anew") from error
    if not whole:
        raise CheckpointError(f"{path} is damaged, its checksum does not match its content: start the run anew")
    return arrays


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:20] + "..." + text[-20:]
