"""Forge checkpoints, with checksums that fit, and see that each is refused in one sentence or leads to a run that ends.

    python benchmarks/forged_checkpoints.py
    python benchmarks/forged_checkpoints.py --number 200 --seed 3

Each forged checkpoint is a whole one of a small run in which one thing was changed: a number, a length, a type, a name, a
claim. `propneat evolve --resume` is asked for one more generation of it, in a process that does many of them one after another;
a process that dies is counted against the checkpoint that killed it.
"""

import argparse
import collections
import contextlib
import hashlib
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from propneat.cli import main as cli
from propneat.search.descent import DESCENT

RUN = ["evolve", "xd6", "--generations", "3", "--population", "12", "--fine-tune-epochs", "1", "--refit-epochs", "0", "--quiet"]
INTEGERS = (-(2**63), -(2**31), -1, 0, 1, 2, 7, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1)
FLOATS = (float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e308, -1e308, 5e-324)
NUMBERS = (-1, 0, 1.5, 2**53, 10**30, 10**400, float("nan"), float("-inf"))
VALUES = (None, True, "x", "", *NUMBERS, [], [[]], {}, {"x": [{}]}, "deep", "long")


class Parts:
    """A checkpoint taken apart: arrays by name, the metadata, and the blocks of the journal as [row, links, splits, descent]."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as archive:
            self.arrays = {name: archive[name].copy() for name in archive.files if name not in ("metadata", "checksum")}
            self.metadata = json.loads(archive["metadata"].tobytes())
        self.blocks = list(_blocks(path.with_suffix(".journal").read_bytes()))
        self.lines: dict[int, bytes] = {}
        self.raw: dict[str, bytes] = {}
        self.compressed: set[str] = set()

    def write(self, path: Path) -> None:
        """Write the two files, with checksums that fit whatever the parts are."""
        journal = b"".join(self._block(number, *block) for number, block in enumerate(self.blocks))
        path.with_suffix(".journal").write_bytes(journal)
        if isinstance(self.metadata, dict) and isinstance(self.metadata.get("journal"), dict):
            self.metadata["journal"] |= {"sha256": hashlib.sha256(journal).hexdigest()}
            if self.metadata["journal"].get("bytes") == "fitting":
                self.metadata["journal"]["bytes"] = len(journal)
        arrays = self.arrays | {"metadata": np.frombuffer(_json(self.metadata), np.uint8)}
        digest = hashlib.sha256()
        for name in sorted(arrays):
            digest.update(f"{name} {len(arrays[name]) if arrays[name].ndim else 0}\n".encode())
            digest.update(b"" if arrays[name].dtype.hasobject else arrays[name].tobytes())
        arrays["checksum"] = np.frombuffer(digest.digest(), np.uint8)
        with zipfile.ZipFile(path, "w") as archive:
            for name, array in arrays.items():
                kind = zipfile.ZIP_DEFLATED if name in self.compressed else zipfile.ZIP_STORED
                archive.writestr(f"{name}.npy", self.raw.get(name) or _npy(array), kind)

    def _block(self, number: int, row: Any, links: np.ndarray, splits: np.ndarray, descent: np.ndarray) -> bytes:
        line = _json({"row": row, "links": len(links), "splits": len(splits), "descent": len(descent)}) + b"\n"
        parts = (links.astype("<i8"), splits.astype("<i8"), descent)
        return self.lines.get(number, line) + b"".join(part.tobytes() for part in parts)


def _blocks(data: bytes) -> Iterator[list]:
    file = io.BytesIO(data)
    while line := file.readline():
        head = json.loads(line)
        pairs = (np.frombuffer(file.read(16 * head[name]), "<i8").reshape(-1, 2).copy() for name in ("links", "splits"))
        yield [head["row"], *pairs, np.frombuffer(file.read(DESCENT.itemsize * head["descent"]), DESCENT).copy()]


def _json(value: Any) -> bytes:
    """JSON text; the words "deep" and "long" stand for what is very deep and very long."""
    text = json.dumps(value)
    return text.replace('"deep"', "[" * 5000 + "]" * 5000).replace('"long"', '"' + "x" * 100_000 + '"').encode()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _odd_number(dtype: np.dtype, rng: np.random.Generator) -> Any:
    if dtype.kind == "f":
        return FLOATS[rng.integers(len(FLOATS))]
    return np.array(INTEGERS[rng.integers(len(INTEGERS))], np.int64).astype(dtype)


def _change_number(parts: Parts, rng: np.random.Generator) -> None:
    array = _some_array(parts, rng)
    field = array[array.dtype.names[rng.integers(len(array.dtype.names))]] if array.dtype.names else array
    field[rng.integers(len(field))] = _odd_number(field.dtype, rng)


def _some_array(parts: Parts, rng: np.random.Generator) -> np.ndarray:
    full = [name for name, array in parts.arrays.items() if len(array)]
    return parts.arrays[full[rng.integers(len(full))]]


def _change_length(parts: Parts, rng: np.random.Generator) -> None:
    name = list(parts.arrays)[rng.integers(len(parts.arrays))]
    array = parts.arrays[name]
    forms = (array[:-1], array[1:], array[:0], np.concatenate([array, array]), array[::-1].copy(), np.zeros_like(array))
    parts.arrays[name] = forms[rng.integers(len(forms))]


def _change_type(parts: Parts, rng: np.random.Generator) -> None:
    name = list(parts.arrays)[rng.integers(len(parts.arrays))]
    array = parts.arrays[name]
    plain = np.zeros(len(array), np.int64)
    forms = [plain.astype(other) for other in (">i8", "<i4", "<f8", "?", "U3", "<c16", "M8[s]")]
    forms += [plain.reshape(-1, 1), np.array(1)]
    parts.arrays[name] = forms[rng.integers(len(forms))]


def _change_names(parts: Parts, rng: np.random.Generator) -> None:
    name = list(parts.arrays)[rng.integers(len(parts.arrays))]
    array = parts.arrays.pop(name)
    if rng.random() < 0.5:
        parts.arrays[("../", "x", "", name + "é")[rng.integers(4)] + name] = array


def _claim_much(parts: Parts, rng: np.random.Generator) -> None:
    """An array whose header claims far more than there is, one that is packed small, or one that is a pickle."""
    name = list(parts.arrays)[rng.integers(len(parts.arrays))]
    kind = rng.integers(4)
    if kind == 0:
        claim = f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({10 ** int(rng.integers(9, 30))},), }}"
        text = claim.encode().ljust(117) + b"\n"
        parts.raw[name] = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    elif kind == 1:
        parts.arrays[name] = np.zeros(2**24, np.uint8)
        parts.compressed.add(name)
    elif kind == 2:
        parts.raw[name] = _npy(np.array([print], dtype=object))
    else:
        parts.raw[name] = b"\x93NUMPY\x01\x00\xff\xff" + b"(" * int(rng.integers(1, 70_000))


def _change_metadata(parts: Parts, rng: np.random.Generator) -> None:
    place = parts.metadata
    while True:
        key = list(place)[rng.integers(len(place))]
        if not isinstance(place[key], dict) or not place[key] or rng.random() < 0.2:
            break
        place = place[key]
    if rng.random() < 0.2:
        del place[key]
    else:
        place[key] = VALUES[rng.integers(len(VALUES))]


def _change_history(parts: Parts, rng: np.random.Generator) -> None:
    block = parts.blocks[rng.integers(len(parts.blocks))]
    keys = list(block[0])
    kind = rng.integers(5)
    if kind == 0:
        del block[0][keys[rng.integers(len(keys))]]
    elif kind == 1:
        block[0] = VALUES[rng.integers(len(VALUES))]
    elif kind == 2:
        parts.blocks.remove(block)
    else:
        block[0][keys[rng.integers(len(keys))]] = VALUES[rng.integers(len(VALUES))]


def _change_pairs(parts: Parts, rng: np.random.Generator) -> None:
    block = parts.blocks[rng.integers(len(parts.blocks))]
    which = int(rng.integers(1, 3))
    pairs = block[which]
    kind = rng.integers(4)
    if kind == 0 or not len(pairs):
        block[which] = np.concatenate([pairs, pairs, [[3, 3]]])
    elif kind == 1:
        block[which] = pairs[:-1] if rng.random() < 0.5 else np.zeros_like(pairs)
    else:
        pairs[rng.integers(len(pairs)), rng.integers(2)] = INTEGERS[rng.integers(len(INTEGERS))]


def _change_line(parts: Parts, rng: np.random.Generator) -> None:
    number = int(rng.integers(len(parts.blocks)))
    row = json.dumps(parts.blocks[number][0]).encode()
    lines = (b"", b"\n", b"[" * 70_000, b"{}\n", b"\xff\xfe\n", b'{"row": ' + row + b', "links": 100000000000, "splits": 0}\n')
    lines += (b'{"row": ' + row + b', "links": -1, "splits": 1}\n', b'{"row": ' + row + b', "links": true, "splits": 0.5}\n')
    parts.lines[number] = lines[rng.integers(len(lines))]


def _change_structure(parts: Parts, rng: np.random.Generator) -> None:
    """A connection turned round, joined to another node, or under another number, as if it had always been so."""
    genes = parts.arrays["pool_connections"]
    gene = genes[rng.integers(len(genes))]
    kind = rng.integers(3)
    if kind == 0:
        gene["source"], gene["target"] = gene["target"], gene["source"]
    elif kind == 1:
        gene["target"] = rng.choice(parts.arrays["pool_nodes"]["id"])
    else:
        gene["innovation"] = rng.choice(genes["innovation"])


KINDS: dict[str, Callable[[Parts, np.random.Generator], None]] = {
    "number": _change_number,
    "length": _change_length,
    "type": _change_type,
    "name": _change_names,
    "claim": _claim_much,
    "metadata": _change_metadata,
    "history": _change_history,
    "pairs": _change_pairs,
    "line": _change_line,
    "structure": _change_structure,
}


def forge(whole: Path, path: Path, seed: int) -> str:
    """Write a forged copy of the checkpoint `whole` to `path`; returns what kind of change was made."""
    rng = np.random.default_rng(seed)
    kind = list(KINDS)[seed % len(KINDS)]
    parts = Parts(whole)
    parts.metadata["journal"]["bytes"] = "fitting"
    KINDS[kind](parts, rng)
    parts.write(path)
    return kind


def resume(folder: Path) -> tuple[int, str]:
    """Ask for one more generation of the run in a folder; returns the exit code and what was said on stderr."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.main(["evolve", "--resume", str(folder), "--generations", "4", "--quiet"])
        except SystemExit as left:
            return left.code, said.getvalue()


def is_right(code: int, said: str) -> bool:
    """Say whether a forged checkpoint was met as it should be: continued without a word, or refused in one sentence."""
    if code == 0:
        return said == ""
    return code in (2, 3) and said.startswith("Error: ") and said.count("\n") == 1 and len(said) < 500


def work(root: Path, first: int, last: int) -> None:
    """Forge and resume checkpoints, one line of JSON for each on stdout, before it and after."""
    folder = root / "forged"
    for seed in range(first, last):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(root / "whole", folder)
        kind = forge(root / "whole" / "checkpoint.npz", folder / "checkpoint.npz", seed)
        print(json.dumps([seed, kind]), flush=True)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            code, said = resume(folder)
        except BaseException as error:
            code, said = -1, f"{type(error).__name__}: {error}"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before if seed > first else 0
        print(json.dumps([seed, code, said, grown]), flush=True)


def main() -> None:
    """Forge the checkpoint of a run many times, and print how each kind of change was met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", nargs=3, metavar=("ROOT", "FIRST", "LAST"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(Path(options.worker[0]), int(options.worker[1]), int(options.worker[2]))
        return
    met, wrong, most = ask_all(options.seed, options.seed + options.number)
    for kind, codes in met.items():
        print(f"{kind!s:10} " + "  ".join(f"exit code {code}: {count}" for code, count in sorted(codes.items(), key=str)))
    for number, kind, code, said in wrong:
        print("WRONG", number, kind, code, said[:300])
    print(f"{options.number - len(wrong)} of {options.number} forged checkpoints met as they should be")
    print(f"most memory that one of them added to its process: {most / 1024:.0f} MiB")
    sys.exit(bool(wrong))


def ask_all(first: int, end: int) -> tuple[dict[str, collections.Counter], list[tuple], int]:
    """Forge and resume checkpoints in other processes; returns exit codes by kind, what was wrong, and the most KiB added."""
    met: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    wrong, most = [], 0
    with tempfile.TemporaryDirectory() as root:
        whole = str(Path(root) / "whole")
        subprocess.run([sys.executable, "-m", "propneat", *RUN, "--out", whole], check=True, stdout=subprocess.DEVNULL)
        while first < end:
            kinds = {}
            for number, *rest in answers(root, first, end):
                if len(rest) == 1:
                    kinds[number] = rest[0]
                    continue
                code, said, grown = rest
                met[kinds[number]][code] += 1
                most = max(most, grown)
                if not is_right(code, said):
                    wrong.append((number, kinds[number], code, said))
                first = number + 1
            if first < end:
                wrong.append((first, kinds.get(first), "died", ""))
                met[kinds.get(first)]["died"] += 1
                first += 1
    return met, wrong, most


def answers(root: str, first: int, end: int) -> Iterator[list]:
    """Give what a worker says until it is done or dies."""
    command = [sys.executable, __file__, "--worker", root, str(first), str(end)]
    environment = os.environ | {"NUMBA_NUM_THREADS": "1"}
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False).stdout.splitlines()
    return map(json.loads, lines)


if __name__ == "__main__":
    main()
