"""Network inputs of rows that were read: written out when they are asked for, column by column or as training takes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from propneat.base.errors import DataError
from propneat.data.input_kernel import LEVEL, MISSING, NUMBER, write_levels, write_numbers
from propneat.data.input_rule import InputRule
from propneat.data.mapped import trim
from propneat.data.plan import ReadColumn
from propneat.data.threads import map_columns

__all__ = ["CodedInput", "EncodedRows"]

_INPUTS_AT_ONCE, _MANY_INPUTS = 2**19, 2**24


@dataclass(frozen=True, eq=False)
class CodedInput:
    """An input that takes few values, float64 (n_values,); `codes`, whole numbers (n_rows,), say which each row has."""

    codes: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class _LevelInputs:
    """Inputs of columns of levels, neighbours together, as `write_levels` takes them: by run its codes, and arrays."""

    codes: list[np.ndarray]
    slots: np.ndarray
    places: np.ndarray
    table: np.ndarray

    @classmethod
    def of(cls, runs: list[tuple[np.ndarray, int, list[np.ndarray], int]]) -> "_LevelInputs":
        """Join runs: codes (n_rows,), number of the first input, values by level of each input, and the level of code 0."""
        slots = [(first, first + len(values)) for _, first, values, _ in runs]
        tables = [np.stack(values, axis=1).ravel() + 0.0 for _, _, values, _ in runs]
        starts = np.cumsum([0, *map(len, tables)])[:-1]
        places = [start + len(values) * level for start, (_, _, values, level) in zip(starts, runs, strict=True)]
        table = np.concatenate([np.zeros(0), *tables]).astype(np.float32)
        return cls([codes for codes, *_ in runs], np.array(slots, np.int64).reshape(-1, 2), np.array(places, np.int64), table)

    def write(self, rows: slice | np.ndarray, out: np.ndarray) -> None:
        """Write the inputs of some rows to `out`, float32 (n, n_inputs)."""
        codes = np.empty((len(self.codes), len(out)), np.int32)
        for own, every in zip(codes, self.codes, strict=True):
            own[:] = every[rows]
        write_levels(codes, self.slots, self.places, self.table, out)


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """The inputs that rules make of columns which were read; a rule whose column is not among them gives 0.

    `own` has by number of the rule inputs that stand instead of those of the rule.
    """

    rules: tuple[InputRule, ...]
    columns: Mapping[str, ReadColumn]
    n_rows: int
    own: Mapping[int, CodedInput] = field(default_factory=dict)

    def column(self, index: int, out: np.ndarray | None = None) -> np.ndarray:
        """Return one input of all rows, float64 (n_rows,), in `out` if given.

        Raises DataError where a value is too far from those of the training rows to compute with.
        """
        if index in self.own:
            return self.own[index].values[self.own[index].codes]
        rule = self.rules[index]
        return _checked(rule, rule.apply(self.columns[rule.feature], out))

    def inputs(self) -> np.ndarray:
        """Return all inputs, float64 (n_rows, n_inputs), the numbers of a column in one piece; raises as `column` does."""
        inputs = np.zeros((len(self.rules), self.n_rows)).T

        def fill(index: int) -> None:
            found = self.column(index, inputs[:, index])
            if index in self.own:
                inputs[:, index] = found

        map_columns(fill, self._used, n_rows=self.n_rows)
        return inputs

    def rows(self, wanted: np.ndarray | None = None) -> np.ndarray:
        """Return the inputs of rows, all or those numbered in `wanted` (n,), as training takes them; raises as `column` does.

        They are float32 (n, n_inputs), the numbers of a row in one piece, those of `inputs` rounded, and -0 is 0.
        """
        n_rows = self.n_rows if wanted is None else len(wanted)
        if n_rows * len(self.rules) > _MANY_INPUTS:
            trim()
        inputs = np.zeros((n_rows, len(self.rules)), np.float32)
        levels, columns = _LevelInputs.of(self._level_runs()), self._number_rules()
        size = max(_INPUTS_AT_ONCE // max(len(self.rules), 1), 1)

        def fill(start: int) -> None:
            block = slice(start, start + size)
            rows, out = block if wanted is None else wanted[block], inputs[block]
            levels.write(rows, out)
            for feature, by_part in columns.items():
                column = self.columns[feature].rows(rows)
                for part, (indices, rules) in by_part.items():
                    numbers = column.numbers if part is None else column.part(part)
                    if rules is None or not write_numbers(np.array(numbers), rules, out):
                        for index in indices:
                            rule = self.rules[index]
                            out[:, index] = _checked(rule, rule.apply(column)) + 0.0

        map_columns(fill, range(0, n_rows, size), n_rows=n_rows)
        return inputs

    @property
    def _used(self) -> list[int]:
        return [index for index, rule in enumerate(self.rules) if rule.feature in self.columns]

    def _level_runs(self) -> list[tuple[np.ndarray, int, list[np.ndarray], int]]:
        """Return neighbouring inputs of the same column of levels, as `_LevelInputs.of` takes them."""
        runs = []
        coded = [
            index for index in self._used if index in self.own or self.columns[self.rules[index].feature].codes is not None
        ]
        keys = {
            index: (index - place, index) if index in self.own else (index - place, self.rules[index].feature)
            for place, index in enumerate(coded)
        }
        for _, run in groupby(coded, keys.__getitem__):
            first, *others = run
            if first in self.own:
                runs.append((self.own[first].codes, first, [self.own[first].values], 0))
                continue
            column = self.columns[self.rules[first].feature]
            levels = column.each_level()
            values = [_checked(self.rules[index], self.rules[index].apply(levels)) for index in (first, *others)]
            # what is missing, of code -1, comes before the first level
            runs.append((column.codes, first, [np.roll(each, 1) for each in values], 1))
        return runs

    def _number_rules(self) -> dict[str, dict[str | None, tuple[list[int], np.ndarray | None]]]:
        """Return by column of numbers and part of it the inputs, and their rules as `write_numbers` takes them, None for others."""
        found: dict[str, dict[str | None, list[int]]] = {}
        for index in self._used:
            rule = self.rules[index]
            if index not in self.own and self.columns[rule.feature].codes is None:
                found.setdefault(rule.feature, {}).setdefault(rule.part, []).append(index)
        return {
            feature: {part: (indices, self._rules_of(indices)) for part, indices in by_part.items()}
            for feature, by_part in found.items()
        }

    def _rules_of(self, indices: list[int]) -> np.ndarray | None:
        rows = []
        for index in indices:
            rule = self.rules[index]
            if rule.means is not None:
                return None
            kind = MISSING if rule.missing else NUMBER if rule.level is None else LEVEL
            low, high = (-np.inf, np.inf) if rule.low is None else (rule.low, rule.high)
            rows.append((index, kind, rule.center, rule.scale, low, high, rule.level or 0.0))
        return np.array(rows, np.float64)


def _checked(rule: InputRule, values: np.ndarray) -> np.ndarray:
    if not (np.isfinite(values.sum()) or np.isfinite(values).all()):
        raise DataError(f"column {rule.feature!r} holds a value too far from those of the training rows to compute with")
    return values
