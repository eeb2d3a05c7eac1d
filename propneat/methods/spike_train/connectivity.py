"""Which cells of a layer see which: at random, or more often the nearer they lie, as in a liquid."""

import numpy as np

from propneat.base.errors import ConfigError

__all__ = ["grid_connections", "random_connections"]

_EXCITATORY_SHARE = 0.8
_CHANCE = 1.5 * np.array([[0.1, 0.4], [0.2, 0.3]])
"""Connection probability at distance 0 by whether the sender (row) and the receiver (column) excite."""


def random_connections(n_cells: int, density: float, rng: np.random.Generator) -> np.ndarray:
    """Return bool (n_cells, n_cells), from row to column, true with probability `density`; no cell sees itself.

    Raises ConfigError for a density outside 0 to 1.
    """
    if not 0 <= density <= 1:
        raise ConfigError(f"density must lie between 0 and 1, not {density}")
    return (rng.random((n_cells, n_cells)) < density) & ~np.eye(n_cells, dtype=bool)


def grid_connections(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Return bool (n_cells, n_cells), from row to column, for cells on a grid of `shape`; no cell sees itself.

    The probability is 1.5 c exp(-d^2 / 4), where d is the distance in units of the grid, 80 % of cells are called
    excitatory, and c is 0.3 among these, 0.2 from them to the others, 0.4 back, and 0.1 among the others, as in the authors'
    program. The tags have no influence on the signs of weights.
    """
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    n_cells = len(places)
    excites = (rng.permutation(n_cells) < round(_EXCITATORY_SHARE * n_cells)).astype(int)
    squares = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    chance = _CHANCE[excites[:, None], excites[None]] * np.exp(-squares / 4)
    return (rng.random((n_cells, n_cells)) < chance) & ~np.eye(n_cells, dtype=bool)
