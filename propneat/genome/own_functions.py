"""Activations and aggregations of one's own, beside the built-in ones: a function and its derivative under a name,
`package.module:NAME`.

They have codes behind those of the built-in ones, in the order in which a process came to know them, so that genes hold them as
they hold others. Files and pickles hold their names, and what reads one imports the module that it names.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.importing import import_named

__all__ = ["Activation", "Aggregation", "FunctionNames"]

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_MOST_CODES = 128
"""Genes keep codes in a byte."""
_TRIED = np.linspace(-2.9, 3.1, 25)
_TRIED_TERMS = tuple(np.random.default_rng(n).uniform(-3, 3, (n, 25)) for n in (1, 2, 3, 5))
_TOLERANCE, _STEP = 1e-3, 1e-5


@dataclass(frozen=True)
class Activation:
    """A function of one's own: both take float64 arrays of any shape and return the like, element by element."""

    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]

    def check(self, name: str) -> None:
        """Raise ConfigError for a function that is none, and for a derivative that differences contradict."""
        values, slopes, above, below = (
            _tried(
                part, _TRIED + step, _TRIED.shape, f"the activation {name!r} and its derivative are computed element by element"
            )
            for part, step in ((self.function, 0.0), (self.derivative, 0.0), (self.function, _STEP), (self.function, -_STEP))
        )
        if not np.isfinite(values).all():
            raise ConfigError(f"the activation {name!r} is not a finite number everywhere between -3 and 3")
        k, found, expected = _contradicted(slopes, (above - below) / (2 * _STEP)) or (None, 0.0, 0.0)
        if k is not None:
            raise ConfigError(
                f"the derivative of the activation {name!r} is {found:.4g} at z = {_TRIED[k]:.4g}, "
                f"where its function rises by {expected:.4g}: correct one of them"
            )


@dataclass(frozen=True)
class Aggregation:
    """A way of one's own to join the weighted inputs of a node.

    Both take the terms, float64 (n_terms, n_rows), one term or more. The function returns what they join to, (n_rows,), whatever
    their order, and the derivative by how much that rises with each term, (n_terms, n_rows). The bias is added after, and a node
    without inputs joins to 0, as with built-in ones.
    """

    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]

    def check(self, name: str) -> None:
        """Raise ConfigError for a function that is none, and for a derivative that differences contradict."""
        for terms in _TRIED_TERMS:
            self._check_terms(name, terms)

    def _check_terms(self, name: str, terms: np.ndarray) -> None:
        n_terms, n_rows = terms.shape
        columns = f"the aggregation {name!r} joins every column of terms to one number, its derivative has one for every term"

        def joined(some: np.ndarray) -> np.ndarray:
            return _tried(self.function, some, some.shape[1:], columns)

        values = joined(terms)
        if not np.isfinite(values).all():
            raise ConfigError(f"the aggregation {name!r} of {n_terms} terms between -3 and 3 is not always a finite number")
        few = n_rows // 2
        pairs = (joined(terms[::-1]), values), (joined(terms[:, :few]), values[:few])
        if not all(np.allclose(*pair, rtol=1e-9, atol=1e-12) for pair in pairs):
            raise ConfigError(
                f"the aggregation {name!r} joins {n_terms} terms to another number in another order, or beside other rows: a row's "
                "terms alone may decide"
            )
        slopes = _tried(self.derivative, terms, terms.shape, columns)
        steps = _STEP * np.eye(n_terms)[:, :, None]
        differences = np.array([joined(terms + step) - joined(terms - step) for step in steps]) / (2 * _STEP)
        if wrong := _contradicted(slopes, differences):
            place, found, expected = wrong
            at = ", ".join(f"{term:.4g}" for term in terms[:, place % n_rows])
            raise ConfigError(
                f"the derivative of the aggregation {name!r} by term {place // n_rows + 1} is {found:.4g} where the terms are {at}, "
                f"and its function rises by {expected:.4g}: correct one of them"
            )


T = TypeVar("T", Activation, Aggregation)


class FunctionNames(tuple[str, ...], Generic[T]):
    """The built-in names; those of one's own are found too, by code and by name, but not counted or gone through."""

    def __new__(cls, names: tuple[str, ...], kind: type[T]) -> "FunctionNames[T]":
        """Make the names of the built-in functions of a kind, of whose own ones none is known yet."""
        made = super().__new__(cls, names)
        made.kind, made._own = kind, {}
        return made

    kind: type[T]
    _own: dict[str, T]

    @property
    def word(self) -> str:
        """What one of them is called."""
        return self.kind.__name__.lower()

    @property
    def n_codes(self) -> int:
        """Number of codes in use in this process."""
        return len(self) + len(self._own)

    def own(self, code: int) -> T | None:
        """Return the function of one's own that has a code, None for a built-in one."""
        return None if code < len(self) else self._own[self[code]]

    def own_names(self, codes: np.ndarray) -> list[str]:
        """Return the names of one's own among codes."""
        # single answers take some microseconds, and looking through the codes as many
        return [self[code] for code in np.unique(codes).tolist() if code >= len(self)] if self._own else []

    def described(self, name: str) -> str:
        """Return a name of one's own with what it is, for a sentence that refuses it."""
        return f"{name!r}, an {self.word} of your own"

    def register(self, name: str, function: T) -> None:
        """Make a function known under a name, `package.module:NAME`; one of that name is replaced.

        Where the module has it under that name, nobody needs to call this. Raises ConfigError for a name of another form, more
        than a byte can number, and a function that its `check` finds wrong.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(f"an {self.word} of your own is named package.module:NAME, not {name!r}")
        if not isinstance(function, self.kind):
            wanted, kind = self.kind.__name__, type(function).__name__
            raise ConfigError(f"{name} must be a propneat.{wanted}, a function with its derivative, not {kind}")
        if name not in self._own and self.n_codes >= _MOST_CODES:
            raise ConfigError(f"a process knows {_MOST_CODES} {self.word}s at most, and {name!r} is one more")
        function.check(name)
        self._own[name] = function

    def find(self, name: object) -> bool:
        """Say whether there is a function of a name; one of one's own is imported. Raises ConfigError where that fails."""
        if isinstance(name, str) and name not in self and _NAME.fullmatch(name):
            self.register(name, import_named(name, f"the {self.word}"))
        return name in self

    def __getitem__(self, code: Any) -> Any:
        """Return the name of a code; slices are of the built-in names."""
        if isinstance(code, slice) or code < len(self):
            return super().__getitem__(code)
        return list(self._own)[code - len(self)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (super().__contains__(name) or name in self._own)

    def index(self, name: str, *where: int) -> int:  # type: ignore[override]
        """Return the code of a name; raises ValueError for an unknown one."""
        return len(self) + list(self._own).index(name) if name in self._own else super().index(name, *where)


def _tried(part: Callable[[np.ndarray], np.ndarray], z: np.ndarray, shape: tuple[int, ...], rule: str) -> np.ndarray:
    """Return what a function makes of numbers; raises ConfigError, which states the rule, for another shape."""
    with np.errstate(all="ignore"):
        values = np.asarray(part(z), np.float64)
    if values.shape != shape:
        raise ConfigError(f"{rule}, and of an array of shape {z.shape} came one of shape {values.shape}")
    return values


def _contradicted(slopes: np.ndarray, differences: np.ndarray) -> tuple[int, float, float] | None:
    """Return the place of the first slope that differences contradict, that slope and the difference, or None."""
    wrong = np.flatnonzero(~(np.abs(slopes - differences) <= _TOLERANCE * (1 + np.abs(differences))))
    return (int(wrong[0]), float(slopes.flat[wrong[0]]), float(differences.flat[wrong[0]])) if len(wrong) else None
