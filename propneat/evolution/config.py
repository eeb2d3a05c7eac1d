"""What the settings of evolution say of whole numbers."""

import math

from propneat.settings.evolution import EvolutionConfig

__all__ = ["EvolutionConfig", "part_of"]


def part_of(share: float, number: int) -> int:
    """Return the least whole number that is not below this share of a number.

    Shares are decimals to people, so what the product of floats adds to it is left out: 0.07 of 100 is 7.
    """
    return math.ceil(share * number * (1 - 1e-12))
