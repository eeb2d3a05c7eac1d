"""Network inputs of rows that were read: written out when they are asked for, column by column or as training takes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from propneat.base.errors import DataError
from propneat.base.native import outer
from propneat.data.input_rule import InputRule
from propneat.data.mapped import trim
from propneat.data.plan import ReadColumn
from propneat.data.threads import map_columns

__all__ = ["EncodedRows"]

_INPUTS_AT_ONCE, _MANY_INPUTS = 2**19, 2**24


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """The inputs that rules make of columns which were read; a rule whose column is not among them gives 0.

    `own` has by number of the rule inputs, float64 (n_rows,), that stand instead of those of the rule.
    """

    rules: tuple[InputRule, ...]
    columns: Mapping[str, ReadColumn]
    n_rows: int
    own: Mapping[int, np.ndarray] = field(default_factory=dict)

    def column(self, index: int, out: np.ndarray | None = None) -> np.ndarray:
        """Return one input of all rows, float64 (n_rows,), in `out` if given.

        Raises DataError where a value is too far from those of the training rows to compute with.
        """
        if index in self.own:
            return self.own[index]
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
        tables, others = self._tables(), [index for index in self._used if self._by_itself(index)]
        read = {self.rules[index].feature for index in others if index not in self.own}
        size = max(_INPUTS_AT_ONCE // max(len(self.rules), 1), 1)

        def fill(start: int) -> None:
            block = slice(start, start + size)
            rows, out = block if wanted is None else wanted[block], inputs[block]
            for feature, (slots, table) in tables.items():
                write_levels(self.columns[feature].codes[rows].astype(np.int64), slots, table, out)
            parts = {feature: self.columns[feature].rows(rows) for feature in read}
            for index in others:
                rule = self.rules[index]
                found = self.own[index][rows] if index in self.own else _checked(rule, rule.apply(parts[rule.feature]))
                out[:, index] = found + 0.0

        map_columns(fill, range(0, n_rows, size), n_rows=n_rows)
        return inputs

    @property
    def _used(self) -> list[int]:
        return [index for index, rule in enumerate(self.rules) if rule.feature in self.columns]

    def _by_itself(self, index: int) -> bool:
        """Say whether an input is no function of the level of its column alone."""
        return index in self.own or self.columns[self.rules[index].feature].codes is None

    def _tables(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return for columns of levels the numbers of their inputs, and these by level, float32 (n_levels + 1, n), if missing last."""
        indices: dict[str, list[int]] = {}
        for index in self._used:
            if not self._by_itself(index):
                indices.setdefault(self.rules[index].feature, []).append(index)
        tables = {}
        for feature, slots in indices.items():
            levels = self.columns[feature].each_level()
            table = np.stack([_checked(self.rules[index], self.rules[index].apply(levels)) for index in slots], axis=1) + 0.0
            tables[feature] = np.array(slots), np.ascontiguousarray(table, np.float32)
        return tables


@outer
def write_levels(codes, slots, table, out):
    """Write the inputs of a column of levels to `out`, float32 (n_rows, n_inputs), at `slots`, int64 (n,).

    `codes`, int64 (n_rows,), are rows of `table`, float32 (n_levels + 1, n), -1 the last.
    """
    for row in range(len(codes)):
        code = codes[row] if codes[row] >= 0 else len(table) - 1
        for number in range(len(slots)):
            out[row, slots[number]] = table[code, number]


def _checked(rule: InputRule, values: np.ndarray) -> np.ndarray:
    if not (np.isfinite(values.sum()) or np.isfinite(values).all()):
        raise DataError(f"column {rule.feature!r} holds a value too far from those of the training rows to compute with")
    return values
