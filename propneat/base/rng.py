"""Random streams derived from the identity of what they are for, so that order and worker count never matter."""

import hashlib
import json
import operator

import numpy as np

__all__ = ["derive_seed", "make_rng"]


def derive_seed(*identity: int | str) -> int:
    """Hash an identity such as `(seed, "breed", generation)` to a 128-bit seed.

    The hash is BLAKE2b over the JSON text of the identity, so it is the same in every process and on every platform, and for
    numpy's whole numbers as for Python's. Raises TypeError for a number that is not whole.
    """
    parts = [part if isinstance(part, str) else operator.index(part) for part in identity]
    text = json.dumps(parts, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def make_rng(*identity: int | str) -> np.random.Generator:
    """Return the random generator that belongs to an identity (PCG64 seeded by `derive_seed`)."""
    return np.random.Generator(np.random.PCG64(derive_seed(*identity)))
