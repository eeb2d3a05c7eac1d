"""The archive of a checkpoint: arrays of known names and types in one npz file, without pickle, guarded by a checksum."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import IO, Any

import numpy as np

from propneat.base.records import nests_deeper
from propneat.genome import CONNECTION_DTYPE, NODE_DTYPE, GenePool, Genome, frozen

__all__ = ["CHECKPOINT_SCHEMA", "pack_archive", "pool_arrays", "read_pool", "unpack_archive"]

CHECKPOINT_SCHEMA = "propneat.checkpoint/8"

_POOLS = ("pool", "representatives", "leaders", "kept", "finished", "front")
# fields one after another, so that every byte has a meaning; truth values as bits of a byte, because a bool must be 0 or 1
_NODE = np.dtype(
    [("id", "<i8"), ("bias", "<f8"), ("kind", "i1"), ("activation", "i1"), ("aggregation", "i1"), ("time_constant", "<f8")]
)
_CONNECTION = np.dtype([("innovation", "<i8"), ("source", "<i8"), ("target", "<i8"), ("weight", "<f8"), ("enabled", "u1")])
_RECURRENT = 2
"""The bit of the byte `enabled` that says of a connection that it is recurrent; bit 1 says that it is enabled."""
_INTEGER, _FLOAT, _BYTE = np.dtype("<i8"), np.dtype("<f8"), np.dtype("u1")
_POOL = {"nodes": _NODE, "node_start": _INTEGER, "connections": _CONNECTION, "connection_start": _INTEGER}
_LAYOUT: dict[str, np.dtype] = {f"{pool}_{part}": dtype for pool in _POOLS for part, dtype in _POOL.items()} | {
    "species_id": _INTEGER,
    "species_fitness": _FLOAT,
    "species_improved": _INTEGER,
    "front_loss": _FLOAT,
    "tracker_state": _INTEGER,
    "metadata": _BYTE,
    "checksum": _BYTE,
}
_LONGEST_METADATA = 2**20
_DEEPEST = 20


def pack_archive(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> bytes:
    """Return the bytes of an archive: `arrays` has every name of the layout but these two, `metadata` what JSON can carry."""
    whole = {name: np.ascontiguousarray(array, _LAYOUT[name]) for name, array in arrays.items()}
    text = json.dumps({"schema": CHECKPOINT_SCHEMA, **metadata}).encode()
    if len(text) > _LONGEST_METADATA:
        raise ValueError(f"the identity of this run takes {len(text)} bytes, and a checkpoint holds {_LONGEST_METADATA}")
    whole["metadata"] = np.frombuffer(text, np.uint8)
    whole["checksum"] = np.frombuffer(_digest(whole), np.uint8)
    content = io.BytesIO()
    np.savez(content, **whole)  # type: ignore[arg-type]  # no array of the layout is named like an option
    return content.getvalue()


def unpack_archive(file: IO[bytes]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return arrays and metadata of an archive, with the names, types and checksum they must have; content is not checked.

    Raises ValueError that says what is wrong, or whatever the readers of foreign bytes raise. Takes no more memory than the
    file is long.
    """
    with zipfile.ZipFile(file) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        # an archive of propneat is not compressed, so no part may claim to be larger than it is
        for member in members.values():
            if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
                raise ValueError("a part of it is compressed")
        metadata = _read_metadata(archive.read(members["metadata"]))
        if members.keys() != _LAYOUT.keys():
            raise ValueError("it does not have the parts of a checkpoint")
        arrays = {name: _read_array(archive.read(members[name]), dtype) for name, dtype in _LAYOUT.items()}
    if arrays["checksum"].tobytes() != _digest(arrays):
        raise ValueError("its checksum does not match its content")
    return arrays, metadata


def _read_metadata(data: bytes) -> dict[str, Any]:
    if len(data) > _LONGEST_METADATA:
        raise ValueError("its metadata are too long")
    metadata = json.loads(_read_array(data, _BYTE).tobytes())
    if not isinstance(metadata, dict) or nests_deeper(metadata, _DEEPEST):
        raise ValueError("its metadata are no plain JSON object")
    if metadata["schema"] != CHECKPOINT_SCHEMA:
        raise ValueError(f"it has schema {metadata['schema']!r:.60}, and this propneat reads {CHECKPOINT_SCHEMA!r}")
    return metadata


def pool_arrays(name: str, genomes: Iterable[Genome]) -> dict[str, np.ndarray]:
    """Return the genes of a pool as arrays for `pack_archive`."""
    pool = GenePool.pack(genomes)
    genes = np.zeros(len(pool.connections), _CONNECTION)
    for field in _CONNECTION.names or ():
        genes[field] = pool.connections[field]
    genes["enabled"] |= np.where(pool.connections["recurrent"], _RECURRENT, 0).astype(np.uint8)
    return {
        f"{name}_nodes": pool.nodes.astype(_NODE),
        f"{name}_node_start": pool.node_start,
        f"{name}_connections": genes,
        f"{name}_connection_start": pool.connection_start,
    }


def read_pool(name: str, arrays: Mapping[str, np.ndarray]) -> GenePool:
    """Return a pool out of arrays, frozen; raises ValueError where parts do not fit together. Genes are not checked."""
    parts = {part: arrays[f"{name}_{part}"] for part in _POOL}
    for starts, owned in (("node_start", "nodes"), ("connection_start", "connections")):
        start = parts[starts]
        if len(start) < 1 or start[0] != 0 or start[-1] != len(parts[owned]) or np.any(start[1:] < start[:-1]):
            raise ValueError(f"the {starts} of {name} does not divide its {owned}")
    if len(parts["node_start"]) != len(parts["connection_start"]):
        raise ValueError(f"{name} has more genomes by nodes than by connections, or fewer")
    genes = np.zeros(len(parts["connections"]), CONNECTION_DTYPE)
    for field in _CONNECTION.names or ():
        genes[field] = parts["connections"][field]
    flags = parts["connections"]["enabled"]
    if np.any(flags > 1 + _RECURRENT):
        raise ValueError(f"a connection of {name} is neither enabled nor disabled")
    genes["enabled"], genes["recurrent"] = (flags & 1) != 0, (flags & _RECURRENT) != 0
    arrays = {**parts, "connections": genes}
    types = (NODE_DTYPE, np.dtype(np.int64), CONNECTION_DTYPE, np.dtype(np.int64))
    return GenePool(*(frozen(arrays[part].astype(dtype)) for part, dtype in zip(_POOL, types, strict=True)))


def _read_array(data: bytes, dtype: np.dtype) -> np.ndarray:
    """Return the array of an npy file, a view of its bytes; the header must be the one that numpy writes for what is there."""
    start = 10 + int.from_bytes(data[8:10], "little")
    length = (len(data) - start) // dtype.itemsize
    header = f"{{'descr': {np.lib.format.dtype_to_descr(dtype)!r}, 'fortran_order': False, 'shape': ({length},), }}"
    if data[:8] != b"\x93NUMPY\x01\x00" or data[10:start].rstrip() != header.encode():
        raise ValueError("a part of it has another type or length than it should")
    return np.frombuffer(data, dtype, length, start)


def _digest(arrays: Mapping[str, np.ndarray]) -> bytes:
    """SHA-256 over name, length and bytes of every array but the checksum itself."""
    digest = hashlib.sha256()
    for name in sorted(arrays.keys() - {"checksum"}):
        digest.update(f"{name} {len(arrays[name])}\n".encode())
        digest.update(arrays[name].tobytes())
    return digest.digest()
