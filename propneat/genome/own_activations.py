"""Activations of one's own, beside the built-in ones: a function and its derivative under a name, `package.module:NAME`.

They have codes behind those of the built-in ones, in the order in which a process came to know them, so that genes hold them as
they hold others. Files hold their names, and what reads one imports the module that it names.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ConfigError, GenomeError
from propneat.base.importing import import_named

__all__ = ["Activation", "ActivationNames"]

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_MOST_CODES = 128
"""Genes keep codes in a byte."""
_TRIED = np.linspace(-2.9, 3.1, 25)
_TOLERANCE, _STEP = 1e-3, 1e-5


@dataclass(frozen=True)
class Activation:
    """A function of one's own: both take float64 arrays of any shape and return the like, element by element."""

    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]

    def check(self, name: str) -> None:
        """Raise ConfigError for a function that is none, and for a derivative that differences contradict."""
        values, slopes = (_tried(part, name) for part in (self.function, self.derivative))
        differences = (_tried(self.function, name, _STEP) - _tried(self.function, name, -_STEP)) / (2 * _STEP)
        wrong = np.flatnonzero(np.abs(slopes - differences) > _TOLERANCE * (1 + np.abs(differences)))
        if not np.isfinite(values).all():
            raise ConfigError(f"the activation {name!r} is not a finite number everywhere between -3 and 3")
        if len(wrong):
            k = wrong[0]
            raise ConfigError(
                f"the derivative of the activation {name!r} is {slopes[k]:.4g} at z = {_TRIED[k]:.4g}, "
                f"where its function rises by {differences[k]:.4g}: correct one of them"
            )


_OWN: dict[str, Activation] = {}


class ActivationNames(tuple[str, ...]):
    """The built-in names; those of one's own are found too, by code and by name, but not counted or gone through."""

    @property
    def n_codes(self) -> int:
        """Number of codes in use in this process."""
        return len(self) + len(_OWN)

    def own(self, code: int) -> Activation | None:
        """Return the activation of one's own that has a code, None for a built-in one."""
        return None if code < len(self) else _OWN[self[code]]

    def own_names(self, codes: np.ndarray) -> list[str]:
        """Return the names of one's own among codes."""
        # single answers take some microseconds, and looking through the codes as many
        return [self[code] for code in np.unique(codes).tolist() if code >= len(self)] if _OWN else []

    def refuse_own(self, codes: np.ndarray, what: str) -> None:
        """Raise GenomeError, which says that `what` cannot have it, for a code of one's own."""
        if names := self.own_names(codes):
            raise GenomeError(f"{what} has no form of {names[0]!r}, an activation of your own, which is known as Python alone")

    def register(self, name: str, activation: Activation) -> None:
        """Make an activation known under a name, `package.module:NAME`; one of that name is replaced.

        Where the module has it under that name, nobody needs to call this. Raises ConfigError for a name of another form, more
        than a byte can number, and an activation that `Activation.check` finds wrong.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(f"an activation of your own is named package.module:NAME, not {name!r}")
        if not isinstance(activation, Activation):
            kind = type(activation).__name__
            raise ConfigError(f"{name} must be a propneat.Activation, a function with its derivative, not {kind}")
        if name not in _OWN and self.n_codes >= _MOST_CODES:
            raise ConfigError(f"a process knows {_MOST_CODES} activations at most, and {name!r} is one more")
        activation.check(name)
        _OWN[name] = activation

    def find(self, name: object) -> bool:
        """Say whether there is an activation of a name; one of one's own is imported. Raises ConfigError where that fails."""
        if isinstance(name, str) and name not in self and _NAME.fullmatch(name):
            self.register(name, import_named(name, "the activation"))
        return name in self

    def __getitem__(self, code):
        if isinstance(code, slice) or code < len(self):
            return super().__getitem__(code)
        return list(_OWN)[code - len(self)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (super().__contains__(name) or name in _OWN)

    def index(self, name: str, *where: int) -> int:  # type: ignore[override]
        """Return the code of a name; raises ValueError for an unknown one."""
        return len(self) + list(_OWN).index(name) if name in _OWN else super().index(name, *where)


def _tried(part: Callable[[np.ndarray], np.ndarray], name: str, step: float = 0.0) -> np.ndarray:
    with np.errstate(all="ignore"):
        values = np.asarray(part(_TRIED + step), np.float64)
    if values.shape != _TRIED.shape:
        raise ConfigError(
            f"the activation {name!r} and its derivative are computed element by element, "
            f"and of {len(_TRIED)} numbers came an array of shape {values.shape}"
        )
    return values
