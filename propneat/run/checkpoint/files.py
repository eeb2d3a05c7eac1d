"""The two files of a checkpoint: written by a CheckpointWriter, generation by generation, and read by `load_checkpoint`."""

import errno
import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from propneat.base.errors import CheckpointError, DamagedCheckpointError
from propneat.base.records import write_atomic
from propneat.evolution import PopulationState, Species
from propneat.run.checkpoint.archive import pack_archive, pool_arrays, read_pool, unpack_archive
from propneat.run.checkpoint.checks import check_front, check_row, check_state
from propneat.run.checkpoint.journal import journal_block, read_block
from propneat.search import HISTORY_COLUMNS, EvolveState, Finished
from propneat.search.descent import DESCENT
from propneat.search.front import Front

__all__ = ["CheckpointWriter", "journal_of", "load_checkpoint"]

_NO_PAIRS, _NO_DESCENT = np.zeros((0, 2), np.int64), np.zeros(0, DESCENT)
_METADATA = {
    "schema",
    "identity",
    "generation",
    "next_species",
    "threshold",
    "best_fitness",
    "champion_loss",
    "finished",
    "journal",
}


def journal_of(path: Path | str) -> Path:
    """Return the path of the journal that belongs to a checkpoint."""
    return Path(path).with_suffix(".journal")


class CheckpointWriter:
    """Writes the states of one run, in their order, each replacing the one before.

    After a kill at any moment the files hold the last state that `save` returned from, or the one it was writing. States that
    are not to be written are to be told by `note`, so that the files do not depend on which were. Mutable: it remembers how
    much of the run the journal has, and what comes next in it.
    """

    def __init__(self, path: Path | str, identity: Mapping[str, Any], *, after: EvolveState | None = None) -> None:
        """Begin a run, or go on `after` the state that `path` holds; `identity` are plain values that JSON can carry.

        Raises DamagedCheckpointError when `path` does not hold the state that it is to go on after.
        """
        self.path, self.identity = Path(path), dict(identity)
        self._n_rows = self._n_links = self._n_splits = self._size = 0
        self._digest, self._waiting = hashlib.sha256(), b""
        self._is_begun = after is not None
        if after is not None:
            self._size, self._digest = _end_of_journal(self.path, after.population.generation)
            self._remember(after)

    def note(self, state: EvolveState) -> None:
        """Take what a state adds to the run, without writing it yet."""
        self._waiting += self._new_blocks(state)
        self._remember(state)

    def save(self, state: EvolveState) -> None:
        """Write a state, whole or not at all; the same states give the same bytes. Raises OSError when it cannot be written."""
        journal = journal_of(self.path)
        if not self._is_begun:
            # an older checkpoint must not meet a journal that is not its own
            self.path.unlink(missing_ok=True)
            write_atomic(journal, b"")
            self._is_begun = True
        if len(state.history) > self._n_rows:
            self.note(state)
        _append(journal, self._size, self._waiting)
        self._digest.update(self._waiting)
        self._size += len(self._waiting)
        self._waiting = b""
        write_atomic(self.path, pack_archive(_arrays_of(state), self._metadata(state)))

    def _remember(self, state: EvolveState) -> None:
        tracker = state.population.tracker
        self._n_rows, self._n_links, self._n_splits = len(state.history), len(tracker["links"]), len(tracker["splits"])

    def _new_blocks(self, state: EvolveState) -> bytes:
        tracker = state.population.tracker
        *earlier, last = range(self._n_rows, len(state.history))
        kept = state.descent or (_NO_DESCENT,) * len(state.history)
        blocks = [journal_block(state.history[k], _NO_PAIRS, _NO_PAIRS, kept[k]) for k in earlier]
        new = tracker["links"][self._n_links :], tracker["splits"][self._n_splits :]
        blocks.append(journal_block(state.history[last], *new, kept[last]))
        return b"".join(blocks)

    def _metadata(self, state: EvolveState) -> dict[str, Any]:
        population = state.population
        more = {} if state.extra is None else {"extra": state.extra}
        return more | {
            "identity": self.identity,
            "generation": population.generation,
            "next_species": population.next_species,
            "threshold": population.threshold,
            "best_fitness": population.best_fitness,
            "champion_loss": state.champion_loss,
            "finished": [
                [part.validation_loss, part.validation_score, part.generations, part.linear_share] for part in state.finished
            ],
            "journal": {"bytes": self._size, "sha256": self._digest.hexdigest()},
        }


def load_checkpoint(
    path: Path | str, columns: Mapping[str, type] = HISTORY_COLUMNS, *, has_extra: bool = False
) -> tuple[EvolveState, dict[str, Any]]:
    """Read a checkpoint; returns the state, equal to the bit, and the identity.

    `columns` are those of its history, and `has_extra` says that the state has an `extra`, whose content is not checked.

    Raises CheckpointError when there is none, DamagedCheckpointError for any other file, and OSError when it cannot be read.
    Takes no more memory than a small multiple of what the files have.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}: nothing to continue from")
    journal = journal_of(path)
    if not journal.is_file():
        raise DamagedCheckpointError(f"{path} lacks its other half, {journal.name}: start the run anew")
    with path.open("rb") as file, journal.open("rb") as more:
        try:
            return _read(file, more, columns, has_extra)
        except MemoryError:
            raise
        except Exception as error:
            # foreign bytes make their readers raise anything, also OSError for a place that no file has
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            reason = str(error) if isinstance(error, ValueError) and str(error) else "it cannot be read"
            raise DamagedCheckpointError(f"{path} is damaged or not a checkpoint ({reason}): start the run anew") from error


def _end_of_journal(path: Path, generation: int) -> tuple[int, Any]:
    """Return how many bytes of the journal belong to a checkpoint that was read before, and their running SHA-256."""
    with path.open("rb") as file, journal_of(path).open("rb") as more:
        metadata = unpack_archive(file)[1]
        claimed = metadata["journal"]
        digest = hashlib.sha256(more.read(claimed["bytes"]))
    if metadata["generation"] != generation or digest.hexdigest() != claimed["sha256"]:
        raise DamagedCheckpointError(f"{path} was changed after it was read: continue the run once more")
    return claimed["bytes"], digest


def _read(file: IO[bytes], more: IO[bytes], columns: Mapping[str, type], has_extra: bool) -> tuple[EvolveState, dict[str, Any]]:
    arrays, metadata = unpack_archive(file)
    if set(metadata) != _METADATA | ({"extra"} if has_extra else set()) or not isinstance(metadata["identity"], dict):
        raise ValueError("its metadata have other parts")
    history, links, splits, descent = _read_journal(more, metadata["journal"], columns)
    pools = {name: read_pool(name, arrays) for name in ("pool", "representatives", "leaders", "kept", "finished", "front")}
    if len(pools["kept"]) not in (1, 2) or arrays["tracker_state"].shape != (4,):
        raise ValueError("it holds other than a champion and a best genome, or other counters")
    numbers = (arrays[f"species_{part}"].tolist() for part in ("id", "fitness", "improved"))
    species = tuple(
        Species(number, representative, best_fitness, improved)
        for number, best_fitness, improved, representative in zip(*numbers, pools["representatives"], strict=True)
    )
    population = PopulationState(
        generation=metadata["generation"],
        pool=pools["pool"],
        species=species,
        next_species=metadata["next_species"],
        threshold=metadata["threshold"],
        tracker={"state": arrays["tracker_state"].astype(np.int64), "links": links, "splits": splits},
        best=pools["kept"][1] if len(pools["kept"]) > 1 else None,
        best_fitness=metadata["best_fitness"],
    )
    figures = metadata["finished"]
    if not isinstance(figures, list) or len(figures) != len(pools["finished"]):
        raise ValueError("it has other figures of finished populations than champions")
    finished = tuple(Finished(champion, *entry) for champion, entry in zip(pools["finished"], figures, strict=True))
    # compiled only once it is checked
    front = Front(pools["front"], arrays["front_loss"].astype(np.float64), np.zeros(0, np.int64))
    found = (population, pools["kept"][0], metadata["champion_loss"], pools["leaders"], history, finished, front)
    state = EvolveState(*found, metadata.get("extra"), descent)
    check_state(state)
    state = replace(state, front=Front.make(front.genomes, front.losses))
    check_front(state.front)
    return state, metadata["identity"]


def _read_journal(
    file: IO[bytes], claimed: Any, columns: Mapping[str, type]
) -> tuple[tuple[dict[str, Any], ...], np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Return the history, links, splits and descent of the part of a journal that the archive claims."""
    if not isinstance(claimed, dict) or set(claimed) != {"bytes", "sha256"} or type(claimed["bytes"]) is not int:
        raise ValueError("it does not say what its journal is")
    size = claimed["bytes"]
    if not 0 <= size <= os.fstat(file.fileno()).st_size:
        raise ValueError("its journal is cut")
    digest = hashlib.sha256()
    rows: list[dict[str, Any]] = []
    links, splits, descent = [_NO_PAIRS], [_NO_PAIRS], []
    while file.tell() < size:
        row, more_links, more_splits, kept, data = read_block(file, size - file.tell())
        check_row(row, len(rows), columns)
        digest.update(data)
        rows.append(row)
        links.append(more_links)
        splits.append(more_splits)
        descent.append(kept)
    if digest.hexdigest() != claimed["sha256"]:
        raise ValueError("the checksum of its journal does not match")
    return tuple(rows), np.concatenate(links), np.concatenate(splits), tuple(descent) if any(map(len, descent)) else ()


def _arrays_of(state: EvolveState) -> dict[str, np.ndarray]:
    population = state.population
    kept = [state.champion, *([] if population.best is None else [population.best])]
    return {
        **pool_arrays("pool", population.pool),
        **pool_arrays("representatives", (entry.representative for entry in population.species)),
        **pool_arrays("leaders", state.leaders),
        **pool_arrays("kept", kept),
        **pool_arrays("finished", (part.champion for part in state.finished)),
        **pool_arrays("front", state.front.genomes),
        "front_loss": state.front.losses,
        "species_id": np.array([entry.id for entry in population.species], np.int64),
        "species_fitness": np.array([entry.best_fitness for entry in population.species], np.float64),
        "species_improved": np.array([entry.improved for entry in population.species], np.int64),
        "tracker_state": population.tracker["state"],
    }


def _append(path: Path, position: int, data: bytes) -> None:
    """Write bytes at a position of a file that ends there, or behind which lies what a kill has left, and flush them."""
    try:
        with open(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b") as file:
            file.truncate(position)
            file.seek(position)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
