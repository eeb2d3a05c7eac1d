"""What a chip is given: one value for each column that the network uses, its place, its name in C, and its levels."""

from dataclasses import dataclass, replace

import numpy as np

from propneat.data.input_rule import FIRST_WORD, InputRule, first_words
from propneat.data.plan import ColumnPlan, ReadColumn
from propneat.export.c_names import distinct_names
from propneat.model import Model

__all__ = ["Column", "Layout", "encode_rows", "inputs_of", "made_up_rows", "plan_columns"]

RESERVED = ("COLUMNS", "OUTPUTS", "MISSING", "OUT_BITS", "H", "IMPLEMENTATION", "IMPLEMENTED", "FLASH", "BYTE", "WORD", "LONG")
"""Names that the files use for something else."""


@dataclass(frozen=True)
class Column:
    """One value of `x`: a number, a truth value, a part of a date, or the code of a text.

    `levels` are the texts that the network tells apart, code 0 first; any other text has the code `len(levels)`. `name` and
    `level_names` are upper-case identifiers, no two of a layout the same.
    """

    feature: str
    part: str | None
    name: str
    kind: str
    levels: tuple[str, ...] = ()
    level_names: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether the value is the code of a text."""
        return self.kind == "text"

    @property
    def title(self) -> str:
        """The column as people know it."""
        return self.feature if self.part is None else f"{self.feature}, {self.part}"


@dataclass(frozen=True)
class Layout:
    """The columns in the order of `x`, and for each used input slot of the plan its rule and the place of its column.

    `taken` are all names in use.
    """

    columns: tuple[Column, ...]
    taken: frozenset[str]
    slots: tuple[int, ...]
    rules: tuple[InputRule, ...]
    places: tuple[int, ...]


def plan_columns(model: Model) -> Layout:
    """Find what a model needs to be given; a date is given as the parts used, so that no calendar is needed on a chip."""
    slots = sorted({int(slot) for slot in model.plan.edge_source if slot < model.plan.n_inputs})
    rules = [model.preprocessor.rules[slot] for slot in slots]
    plans = {column.name: column for column in model.preprocessor.plan.used}
    keys: dict[tuple[str, str | None], list[InputRule]] = {}
    for rule in rules:
        if not rule.missing:
            keys.setdefault((rule.feature, rule.part), []).append(rule)
    for rule in rules:
        if rule.missing and not any(feature == rule.feature for feature, _ in keys):
            keys[rule.feature, "days" if plans[rule.feature].kind == "date" else None] = []
    order = {name: place for place, name in enumerate(plans)}
    ordered = sorted(keys, key=lambda key: (order[key[0]], str(key[1] or "")))
    titles = (feature if part is None else f"{feature} {part}" for feature, part in ordered)
    taken = set(RESERVED)
    names = distinct_names(titles, taken, with_more=("{}", "{}_OTHER", "{}_MISSING", "BITS_OF_{}"))
    columns = tuple(_column(key, name, plans[key[0]], keys[key], taken) for key, name in zip(ordered, names, strict=True))
    places = []
    for rule in rules:
        fits = [place for place, key in enumerate(ordered) if key[0] == rule.feature and (rule.missing or key[1] == rule.part)]
        places.append(fits[0])
    return Layout(columns, frozenset(taken), tuple(slots), tuple(rules), tuple(places))


def _column(key: tuple[str, str | None], name: str, plan: object, rules: list[InputRule], taken: set[str]) -> Column:
    feature, part = key
    if plan.kind == "category" and not plan.has_number_levels:
        known = {rule.level for rule in rules if rule.level is not None}
        known |= {level for rule in rules for level, _ in rule.means or ()}
        levels = tuple(sorted(known))
        return Column(feature, part, name, "text", levels, tuple(distinct_names(levels, taken, f"{name}_")))
    return Column(feature, part, name, "truth" if plan.kind == "truth" else "part" if part else "number")


def encode_rows(model: Model, layout: Layout, table: object) -> np.ndarray:
    """Return `x` for the rows of a table, float32 (n_rows, n_columns), NaN where missing.

    Raises DataError as the preprocessor does.
    """
    read = model.preprocessor.plan.read(table, {column.feature for column in layout.columns})
    found = [_encode(column, read[column.feature]) for column in layout.columns]
    with np.errstate(over="ignore"):
        return np.stack(found, axis=1).astype(np.float32) if found else np.zeros((len(table), 0), np.float32)


def _encode(column: Column, values: object) -> np.ndarray:
    if not column.is_text:
        if values.numbers is None:
            return np.array([*values.levels, np.nan], dtype=np.float64)[values.codes]
        return InputRule("", "", 0.0, 1.0, part=column.part).number_of(values)
    values = first_words(values) if column.part == FIRST_WORD else values
    code = {level: number for number, level in enumerate(column.levels)}
    return np.array([*(code.get(level, len(code)) for level in values.levels), np.nan])[values.codes]


def inputs_of(model: Model, layout: Layout, x: np.ndarray) -> np.ndarray:
    """Return the network inputs for rows of `x` (n_rows, n_columns), float64 (n_rows, n_inputs); 0 where none is used."""
    inputs = np.zeros((len(x), model.plan.n_inputs))
    for slot, rule, place in zip(layout.slots, layout.rules, layout.places, strict=True):
        column, values = layout.columns[place], x[:, place].astype(np.float64)
        plan, odd = ColumnPlan(column.feature, "number"), np.zeros(len(x), bool)
        if column.is_text:
            known = (values >= 0) & (values < len(column.levels))
            codes = np.where(known, values, np.where(values >= 0, len(column.levels), -1)).astype(np.int64)
            read = ReadColumn(plan, codes < 0, odd, codes=codes, levels=(*column.levels, None))
        else:
            read = ReadColumn(plan, np.isnan(values), odd, numbers=values)
        with np.errstate(over="ignore", invalid="ignore"):
            inputs[:, slot] = replace(rule, part=None).apply(read)
    return inputs


def made_up_rows(layout: Layout, count: int = 2000) -> np.ndarray:
    """Return rows of `x` as a model may meet them, float32 (n_rows, n_columns): the same ones for the same layout.

    Numbers are normal with the centre and spread of training, levels and gaps come up at random.
    """
    rng = np.random.default_rng(0)
    x = np.empty((count, len(layout.columns)))
    for place, column in enumerate(layout.columns):
        rules = [rule for rule, own in zip(layout.rules, layout.places, strict=True) if own == place]
        levels = [float(level) for rule in rules for level in _number_levels(rule)]
        plain = [rule for rule in rules if rule.level is None and rule.means is None and not rule.missing]
        if column.is_text:
            x[:, place] = rng.integers(0, len(column.levels) + 1, count)
        elif column.kind == "truth" or not (plain or levels):
            x[:, place] = rng.integers(0, 2, count)
        else:
            x[:, place] = rng.normal(plain[0].center, plain[0].scale, count) if plain else rng.choice(levels, count)
            if plain and levels:
                # a column that has levels holds whole numbers
                x[:, place] = np.where(rng.random(count) < 0.5, rng.choice(levels, count), np.rint(x[:, place]))
        if any(rule.missing for rule in rules):
            x[rng.random(count) < 0.1, place] = np.nan
    return x.astype(np.float32)


def _number_levels(rule: InputRule) -> list[object]:
    return [
        level
        for level in [rule.level, *(level for level, _ in rule.means or ())]
        if level is not None and not isinstance(level, str)
    ]
