"""The front of sizes: networks none of which has both more connections and a higher loss than another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from propneat.compiler import compile_pool, timeless
from propneat.genome import GenePool, Genome
from propneat.settings.picking import price_of

__all__ = ["Front", "connection_counts", "non_dominated", "pick", "sized_front", "spread"]


def connection_counts(pool: GenePool) -> np.ndarray:
    """Return how many connections of every genome take part in an output, int64 (n_genomes,)."""
    return np.diff(compile_pool(timeless(pool)).genome_edge_start) if len(pool) else np.zeros(0, np.int64)


def non_dominated(sizes: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return the positions of networks than which none of at most as many connections has as low a loss, smallest first.

    Of networks that are alike in both the first counts. A loss that is not finite is worse than any other.
    """
    losses = np.where(np.isfinite(losses), losses, np.inf)
    order = np.lexsort((losses, sizes))
    lowest_before = np.minimum.accumulate(np.concatenate([[np.inf], losses[order]]))[:-1]
    return order[losses[order] < lowest_before]


def sized_front(sizes: np.ndarray, losses: np.ndarray) -> list[int]:
    """Return the positions of the networks on the front that have a connection at all, or of the first where none has."""
    connected = np.flatnonzero(sizes > 0)
    return connected[non_dominated(sizes[connected], losses[connected])].tolist() or [0]


def spread(sizes: np.ndarray, most: int) -> np.ndarray:
    """Return the positions of at most so many of some growing sizes, evenly spread by their ratios, both ends among them."""
    if len(sizes) <= most:
        return np.arange(len(sizes))
    logs = np.log(np.maximum(sizes, 1))
    wanted = np.linspace(logs[0], logs[-1], most)
    return np.unique(np.abs(logs[:, None] - wanted).argmin(axis=0))


def pick(
    rule: str | int, sizes: Sequence[int], losses: Sequence[float], errors: Sequence[float], costs: Sequence[float]
) -> int:
    """Return which network of a front is chosen, whose members come by growing size and falling loss.

    "best" takes the lowest cost; "one-standard-error" the smallest whose loss lies within the standard error of the lowest
    (Breiman et al. 1984); a number the largest of at most as many connections, or the smallest where there is none. A price, as
    "1%", takes the lowest cost with so much added for each connection: 1 % of the root mean squared error of a regression, 0.01
    of the log loss of a classification.
    """
    price = price_of(rule)
    if price is not None:
        return int(np.argmin(np.asarray(costs) + price * np.asarray(sizes)))
    if rule == "best":
        return int(np.argmin(costs))
    if rule == "one-standard-error":
        within = np.asarray(losses) <= losses[-1] + errors[-1]
        return int(np.flatnonzero(within)[0]) if within.any() else len(sizes) - 1
    return max(0, int(np.searchsorted(sizes, rule, side="right")) - 1)


@dataclass(frozen=True, eq=False)
class Front:
    """The best genomes of every size that a population has seen, of growing size and falling validation loss."""

    genomes: GenePool
    losses: np.ndarray
    """Float64, shape (n_genomes,)."""
    sizes: np.ndarray
    """Numbers of connections, int64, shape (n_genomes,)."""

    @classmethod
    def make(cls, genomes: Iterable[Genome] = (), losses: Iterable[float] = ()) -> "Front":
        """Return the front of genomes in the order they have in one, counting their connections."""
        pool = GenePool.pack(genomes)
        return cls(pool, np.array(list(losses), np.float64), connection_counts(pool))

    def joined(self, pool: GenePool, losses: np.ndarray, sizes: np.ndarray) -> "Front":
        """Return the front of its own genomes and those of a pool."""
        both = np.concatenate([self.losses, losses]), np.concatenate([self.sizes, sizes])
        kept = non_dominated(both[1], both[0])
        if np.array_equal(kept, np.arange(len(self.genomes))):
            return self
        own = len(self.genomes)
        genomes = (self.genomes[k] if k < own else pool[k - own] for k in kept.tolist())
        return Front(GenePool.pack(genomes), both[0][kept], both[1][kept])
