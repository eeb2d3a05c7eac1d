"""What all made tables share: a growing set of columns, the effects of these on the target, and the file they are written to."""

import csv
import io
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas

__all__ = ["Layout", "MadeTable", "Maker", "by_level", "in_words", "marked", "written"]


@dataclass(frozen=True)
class Layout:
    """How a file is written: its delimiter and encoding, what stands above and at the end of lines, empty rows at its end."""

    delimiter: str = ","
    encoding: str = "utf-8"
    first_line: str = ""
    line_end: str = ""
    blank_rows: int = 0


@dataclass(frozen=True, eq=False)
class MadeTable:
    """A table of `n_train` rows to learn from and, below them, rows to be tested on.

    `messy` holds the texts of the file's columns, `clean` the same columns as numbers (NaN where missing) and categories;
    `truth`, shape (n_rows,), is a number or, for a task of "binary", 1 where the class is `positive`.
    """

    name: str
    task: str
    target: str
    positive: str
    messy: dict[str, Sequence[str]]
    clean: pandas.DataFrame
    truth: np.ndarray
    n_train: int
    layout: Layout

    def write(self, path: Path, *, train: bool) -> None:
        """Write the training rows to a file, or the test rows without the target."""
        rows = slice(self.n_train) if train else slice(self.n_train, None)
        kept = {name: texts[rows] for name, texts in self.messy.items() if train or name != self.target}
        text = io.StringIO()
        text.write(f"{self.layout.first_line}\n" if self.layout.first_line else "")
        writer = csv.writer(text, delimiter=self.layout.delimiter, lineterminator=f"{self.layout.line_end}\n")
        writer.writerow(kept)
        writer.writerows(zip(*kept.values(), strict=True))
        writer.writerows([[""] * len(kept)] * self.layout.blank_rows)
        path.write_bytes(text.getvalue().encode(self.layout.encoding))


@dataclass(eq=False)
class Maker:
    """A table in the making: columns are added one by one, some with an effect on the target, which is drawn last."""

    name: str
    seed: int
    n_train: int = 2000
    n_test: int = 4000
    layout: Layout = field(default_factory=Layout)

    def __post_init__(self) -> None:
        """Start with no columns and a signal of zeros."""
        self.n = self.n_train + self.n_test
        self.rng = np.random.default_rng([self.seed, zlib.crc32(self.name.encode())])
        self.messy: dict[str, Sequence[str]] = {}
        self.clean: dict[str, np.ndarray] = {}
        self.signal = np.zeros(self.n)

    def column(self, name: str, texts: Iterable[object], **clean: np.ndarray) -> None:
        """Add a column of the file and the clean columns that say what is in it, none for one that says nothing."""
        self.messy[name] = [str(text) for text in texts]
        self.clean |= clean

    def number(self, name: str, values: np.ndarray, form: str = "{:.6g}", effect: float = 0.0) -> np.ndarray:
        """Add a column of plain numbers, with a linear effect on the target."""
        self.column(name, map(form.format, values), **{name: np.asarray(values, float)})
        self.effect(effect, values)
        return values

    def category(
        self, name: str, levels: Sequence[str], share: Sequence[float] | None = None, effect: float = 0.0
    ) -> np.ndarray:
        """Add a column of levels, each with an effect of its own on the target; returns the level of every row."""
        share = None if share is None else np.array(share) / sum(share)
        found = self.rng.choice(np.array(levels, object), self.n, p=share)
        self.column(name, found, **{name: found})
        self.effect(effect, by_level(self.rng, found))
        return found

    def effect(self, weight: float, values: np.ndarray) -> None:
        """Add so many standard deviations of some values to the signal."""
        values = np.asarray(values, float)
        if weight:
            self.signal = self.signal + weight * (values - values.mean()) / values.std()

    def chance(self, share: float) -> np.ndarray:
        """Draw True for a share of the rows."""
        return self.rng.random(self.n) < share

    def binary(self, target: str, labels: tuple[str, str], *, spread: float = 2.4, base: float = -0.5) -> MadeTable:
        """Draw a class for every row, its logit the signal scaled to a standard deviation of `spread`."""
        logit = spread * (self.signal - self.signal.mean()) / self.signal.std() + base
        truth = (self.rng.random(self.n) < 1 / (1 + np.exp(-logit))).astype(int)
        self.messy[target] = [labels[label] for label in truth]
        return self._finish("binary", target, labels[1].strip(), truth)

    def amount(
        self, target: str, form: Callable[[float], str], *, share: float = 0.9, center: float, scale: float
    ) -> MadeTable:
        """Draw a number for every row, the signal being a `share` of its variance, centred and scaled, and written in a form."""
        noise = np.sqrt(1 / share - 1) * self.rng.normal(size=self.n)
        signal = (self.signal - self.signal.mean()) / self.signal.std() + noise
        return self.known(target, center + scale * signal, form)

    def known(self, target: str, truth: np.ndarray, form: Callable[[float], str]) -> MadeTable:
        """Take a number for every row as the target, written in a form."""
        self.messy[target] = [form(value) for value in truth]
        return self._finish("regression", target, "", truth)

    def _finish(self, task: str, target: str, positive: str, truth: np.ndarray) -> MadeTable:
        clean = pandas.DataFrame(self.clean)
        return MadeTable(self.name, task, target, positive, self.messy, clean, truth, self.n_train, self.layout)


def by_level(rng: np.random.Generator, levels: np.ndarray) -> np.ndarray:
    """Return for every row a number that belongs to its level, drawn from the normal distribution, shape (n_rows,)."""
    names, codes = np.unique(np.asarray(levels, str), return_inverse=True)
    return rng.normal(size=len(names))[codes]


def marked(texts: Iterable[object], where: np.ndarray, mark: str | Sequence[str]) -> list[str]:
    """Return texts with a mark instead, or one of several by turns, where asked for."""
    marks = [mark] if isinstance(mark, str) else list(mark)
    count = np.cumsum(where)
    pairs = zip(texts, where, count, strict=True)
    return [marks[number % len(marks)] if is_marked else str(text) for text, is_marked, number in pairs]


def written(values: np.ndarray, form: str) -> list[str]:
    """Return numbers as texts of one form."""
    return [form.format(value) for value in values]


_WORDS = (
    "the room was staff very and friendly but breakfast late we came back from town with a child who liked garden view quiet "
    "street noise night again price fair service slow coffee cold nothing to add would visit next year maybe parking far bus"
).split()


def in_words(rng: np.random.Generator, n_rows: int) -> list[str]:
    """Return sentences that say nothing of anything, nearly all of them different."""
    lengths = rng.integers(5, 18, n_rows)
    return [" ".join(rng.choice(_WORDS, length)).capitalize() + "." for length in lengths]
