"""How genes are shown to people: text that every format can hold, names of nodes, and weights as colour and strength."""

import re
from collections.abc import Sequence

import numpy as np

from propneat.base.errors import ConfigError
from propneat.genome.genes import NodeKind
from propneat.genome.genome import Genome

__all__ = ["NEGATIVE_COLOUR", "POSITIVE_COLOUR", "ZERO_COLOUR", "clean_text", "node_names", "sign_colour", "weight_strengths"]

POSITIVE_COLOUR = "#0072b2"
NEGATIVE_COLOUR = "#d55e00"
ZERO_COLOUR = "#8a8a8a"
"""Blue, vermilion and grey: told apart with every common colour vision deficiency (Okabe and Ito 2008)."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean_text(text: str) -> str:
    """Return the text on one line and without characters that XML 1.0 or UTF-8 cannot hold.

    Runs of white space become one space, each impossible character (control characters, lone surrogates) becomes U+FFFD.
    """
    return _NOT_XML.sub("\ufffd", " ".join(text.split()))


def node_names(
    genome: Genome, input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None
) -> dict[int, str]:
    """Return the cleaned name of every input and output node by node id, in id order: x0, x1, ... and y0, y1, ... unless given.

    Raises ConfigError when the number of names is not that of the nodes.
    """
    names: dict[int, str] = {}
    for kind, given, letter in ((NodeKind.INPUT, input_names, "x"), (NodeKind.OUTPUT, output_names, "y")):
        ids = genome.nodes["id"][genome.nodes["kind"] == kind].tolist()
        if given is None:
            given = [f"{letter}{k}" for k in range(len(ids))]
        if len(given) != len(ids):
            raise ConfigError(
                f"this genome has {len(ids)} {kind.name.lower()} nodes, but {len(given)} {kind.name.lower()} names were given: "
                "give one name per node, or none at all"
            )
        names.update((node, clean_text(str(name))) for node, name in zip(ids, given, strict=True))
    return names


def weight_strengths(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Return |weights| as fractions of a reference, cut at 1, shape (n_weights,), and the reference.

    The reference is the size that 95 % of the weights other than 0 do not exceed, so that a single huge one does not make
    all others look alike; it is 0, and so are the fractions, when there are no such weights.
    """
    magnitudes = np.abs(weights)
    if not magnitudes.any():
        return np.zeros(len(magnitudes)), 0.0
    reference = float(np.quantile(magnitudes[magnitudes > 0], 0.95, method="higher"))
    return np.minimum(magnitudes, reference) / reference, reference


def sign_colour(weight: float) -> str:
    """Return the colour of a weight's sign as "#rrggbb"."""
    if weight == 0:
        return ZERO_COLOUR
    return POSITIVE_COLOUR if weight > 0 else NEGATIVE_COLOUR
