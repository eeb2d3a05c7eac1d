"""From a table to network inputs: a flat list of tiny rules, one per input, that JSON can carry and any language can apply."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from propneat.data.columns import TableView, as_codes, as_numbers, kind_of, texts_of
from propneat.data.weighted import check_weights, measure, tally
from propneat.errors import DataError

__all__ = ["InputRule", "Preprocessor"]


@dataclass(frozen=True)
class InputRule:
    """How one network input is made from the value of one column.

    A plain rule takes the number itself and gives 0 when it is missing. With `level` the number is 1 where the value equals
    the level, else 0; with `missing` it is 1 where the value is missing, else 0. The input is (number - center) / scale.
    """

    name: str
    feature: str
    center: float
    scale: float
    level: str | int | float | None = None
    missing: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return the rule for JSON; `level` and `missing` appear only where they are used."""
        plain = {"name": self.name, "feature": self.feature, "center": self.center, "scale": self.scale}
        return plain | ({} if self.level is None else {"level": self.level}) | ({"missing": True} if self.missing else {})


@dataclass(frozen=True)
class Preprocessor:
    """The input rules of a network and the columns they read, in the order of the training table.

    Raises DataError when a rule reads a column that is not listed, when two rules share a name, or when the rules of one
    column take it both for a number and for a text.
    """

    rules: tuple[InputRule, ...]
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names) or len(set(self.features)) < len(self.features):
            raise DataError("preprocessing names must differ from each other, and two of them are the same")
        kinds: dict[str, bool] = {}
        for rule in self.rules:
            if rule.feature not in self.features:
                raise DataError(f"input {rule.name!r} reads column {rule.feature!r}, which is not among the columns")
            if not rule.missing and kinds.setdefault(rule.feature, isinstance(rule.level, str)) != isinstance(rule.level, str):
                raise DataError(f"the inputs of column {rule.feature!r} take it both for a number and for a text")

    @classmethod
    def fit(
        cls, frame: object, weights: object = None, *, max_levels: int = 20, one_hot_integers: int = 0
    ) -> "Preprocessor":
        """Learn the rules from training rows: a DataFrame or an array of shape (n_rows, n_columns), weights (n_rows,) or None.

        Numbers (also true/false) are centred on their weighted mean and divided by their weighted standard deviation, a
        constant column by 1. Texts and pandas categories get one input for each of the `max_levels` heaviest levels, sorted,
        or a single one when there are two levels and nothing is missing. Number columns of 3 to `one_hot_integers` distinct
        whole numbers get such inputs in addition. A column with missing training values gets one input that says so.
        Inputs of levels and of missing values are centred on their weighted frequency and not scaled.

        A row of weight 2 counts as the row twice, one of weight 0 not at all, and the order of rows does not matter.
        Raises DataError for tables without rows or columns, wrong weights, and columns that hold neither numbers nor texts.
        """
        if max_levels < 1 or one_hot_integers < 0:
            raise DataError(f"max_levels must be at least 1 and one_hot_integers 0, not {max_levels} and {one_hot_integers}")
        table = TableView.of(frame)
        if not len(table) or not table.names:
            raise DataError(f"expected at least one row and one column, got a table of {len(table)} by {len(table.names)}")
        row_weights = check_weights(weights, len(table))
        if not row_weights.all():
            table, row_weights = table.rows(row_weights > 0), row_weights[row_weights > 0]
        rules: list[InputRule] = []
        for position, name in enumerate(table.names):
            values = table.column(position)
            kind = kind_of(values, name)
            if kind == "text":
                rules += _text_rules(name, values, row_weights, max_levels)
            else:
                rules += _number_rules(name, values, row_weights, max_levels, one_hot_integers, kind == "code")
        return cls(_with_distinct_names(rules), table.names)

    def transform(self, frame: object) -> np.ndarray:
        """Return the network inputs of a table, float64 of shape (n_rows, n_inputs); each row depends on that row alone.

        Columns of a DataFrame are found by name, in any order, and others ignored; columns of an array by position.
        A level never seen in training counts as none of the levels. Raises DataError for columns that are not there, texts
        in a number column, and values that are infinite or too large.
        """
        table = TableView.of(frame)
        position_of = self._positions(table)
        inputs = np.empty((len(table), len(self.rules)))
        columns: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        levels_of = self._text_levels()
        with np.errstate(over="ignore"):
            for index, rule in enumerate(self.rules):
                if rule.feature not in columns:
                    values = table.column(position_of[rule.feature])
                    columns[rule.feature] = _parse(values, levels_of.get(rule.feature), rule.feature)
                inputs[:, index] = _apply(rule, *columns[rule.feature], levels_of.get(rule.feature, ()))
        if not np.isfinite(inputs).all():
            name = self.rules[int(np.flatnonzero(~np.isfinite(inputs).all(axis=0))[0])].feature
            raise DataError(f"column {name!r} holds a value too far from those of the training rows to compute with")
        return inputs

    def gaps(self, frame: object) -> np.ndarray:
        """Return which of the inputs that `transform` gives stand in for a missing value, bool (n_rows, n_inputs).

        Inputs that say whether a value is missing are never among them. Raises as `transform` does.
        """
        table = TableView.of(frame)
        position_of, levels_of = self._positions(table), self._text_levels()
        missing = {
            feature: _parse(table.column(position_of[feature]), levels_of.get(feature), feature)[1]
            for feature in {rule.feature for rule in self.rules if not rule.missing}
        }
        found = np.zeros((len(table), len(self.rules)), bool)
        for index, rule in enumerate(self.rules):
            if not rule.missing:
                found[:, index] = missing[rule.feature]
        return found

    def to_dict(self) -> dict[str, object]:
        """Return the rules for JSON."""
        return {"features": list(self.features), "rules": [rule.to_dict() for rule in self.rules]}

    @classmethod
    def from_dict(cls, document: object) -> "Preprocessor":
        """Read what `to_dict` wrote; raises DataError for anything else, one sentence saying what."""
        _expect_keys(document, {"features", "rules"}, set(), "preprocessing")
        features, rules = document["features"], document["rules"]
        if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
            raise DataError("preprocessing 'features' must be a list of column names")
        if not isinstance(rules, list):
            raise DataError("preprocessing 'rules' must be a list of rules, one per input")
        return cls(tuple(_read_rule(rule) for rule in rules), tuple(features))

    def _positions(self, table: TableView) -> dict[str, int]:
        if table.is_array:
            if len(table.names) != len(self.features):
                raise DataError(f"expected {len(self.features)} columns as in training, got an array of {len(table.names)}")
            return {name: position for position, name in enumerate(self.features)}
        position_of = {name: position for position, name in enumerate(table.names)}
        absent = [name for name in self.features if name not in position_of]
        if absent:
            more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
            raise DataError(f"the table lacks columns used in training: {', '.join(map(repr, absent[:5]))}{more}")
        return position_of

    def _text_levels(self) -> dict[str, tuple[str, ...]]:
        """Return the levels of the columns read as text; a column asked only for missing values is one too."""
        numbers = {rule.feature for rule in self.rules if not rule.missing and not isinstance(rule.level, str)}
        texts: dict[str, tuple[str, ...]] = {rule.feature: () for rule in self.rules if rule.feature not in numbers}
        for rule in self.rules:
            if isinstance(rule.level, str):
                texts[rule.feature] += (rule.level,)
        return texts


def _number_rules(
    name: str, values: object, weights: np.ndarray, max_levels: int, one_hot_integers: int, is_code: bool
) -> list[InputRule]:
    numbers = as_numbers(values, name)
    missing = np.isnan(numbers)
    distinct, totals = tally(numbers[~missing], weights[~missing])
    if is_code:
        return _level_rules(name, [_tidy(value) for value in distinct], totals, weights, missing, max_levels)
    rules = [InputRule(name, name, *measure(distinct, totals))]
    if 3 <= len(distinct) <= one_hot_integers and (distinct == np.round(distinct)).all():
        total = weights.sum()
        rules += [
            InputRule(f"{name}={_tidy(level)}", name, float(share / total), 1.0, level=_tidy(level))
            for level, share in zip(distinct, totals, strict=True)
        ]
    return rules + _missing_rules(name, missing, weights)


def _text_rules(name: str, values: object, weights: np.ndarray, max_levels: int) -> list[InputRule]:
    levels = texts_of(values, name)
    codes = as_codes(values, levels, name)
    missing = codes < 0
    totals = np.bincount(codes[~missing], weights=weights[~missing], minlength=len(levels))
    return _level_rules(name, levels, totals, weights, missing, max_levels)


def _level_rules(
    name: str, levels: list[object], totals: np.ndarray, weights: np.ndarray, missing: np.ndarray, max_levels: int
) -> list[InputRule]:
    heaviest = np.sort(np.argsort(-totals, kind="stable")[:max_levels])
    if len(levels) == 2 and not missing.any():
        heaviest = heaviest[-1:]
    total = weights.sum()
    rules = [
        InputRule(f"{name}={levels[index]}", name, float(totals[index] / total), 1.0, level=levels[index])
        for index in heaviest
    ]
    return rules + _missing_rules(name, missing, weights)


def _missing_rules(name: str, missing: np.ndarray, weights: np.ndarray) -> list[InputRule]:
    if not missing.any():
        return []
    return [InputRule(f"{name} missing", name, float(weights[missing].sum() / weights.sum()), 1.0, missing=True)]


def _with_distinct_names(rules: list[InputRule]) -> tuple[InputRule, ...]:
    """Mark repeated names, which odd column names such as "a=b" can cause, with a count."""
    seen: set[str] = set()
    renamed = []
    for rule in rules:
        name, count = rule.name, 2
        while name in seen:
            name, count = f"{rule.name} ({count})", count + 1
        seen.add(name)
        renamed.append(InputRule(name, rule.feature, rule.center, rule.scale, rule.level, rule.missing))
    return tuple(renamed)


def _parse(values: object, levels: tuple[str, ...] | None, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a column as numbers, or as positions among its text levels, and where it is missing; both of shape (n_rows,)."""
    if levels is None:
        numbers = as_numbers(values, name)
        return numbers, np.isnan(numbers)
    codes = as_codes(values, levels, name)
    return codes, codes == -1


def _apply(rule: InputRule, values: np.ndarray, missing: np.ndarray, levels: tuple[str, ...]) -> np.ndarray:
    """Return the inputs one rule makes of a parsed column, shape (n_rows,)."""
    if rule.missing:
        numbers = missing.astype(np.float64)
    elif rule.level is None:
        numbers = values
    else:
        level = levels.index(rule.level) if isinstance(rule.level, str) else rule.level
        numbers = (values == level).astype(np.float64)
    inputs = (numbers - rule.center) / rule.scale
    if rule.level is None and not rule.missing:
        inputs[missing] = 0.0
    return inputs


def _tidy(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _expect_keys(document: object, required: set[str], optional: set[str], what: str) -> None:
    if not isinstance(document, Mapping):
        raise DataError(f"{what} must be an object, not {type(document).__name__}")
    if wrong := (required - set(document)) | (set(document) - required - optional):
        key = sorted(map(str, wrong))[0]
        raise DataError(f"{what} {'lacks' if key in required else 'has an unknown'} key {key!r}")


def _read_rule(document: object) -> InputRule:
    _expect_keys(document, {"name", "feature", "center", "scale"}, {"level", "missing"}, "an input rule")
    text = json.dumps(str(document.get("name")))
    if not isinstance(document["name"], str) or not isinstance(document["feature"], str):
        raise DataError(f"'name' and 'feature' of input rule {text} must be texts")
    for key in ("center", "scale"):
        if not _is_finite_number(document[key]):
            raise DataError(f"{key!r} of input rule {text} must be a finite number")
    if document["scale"] <= 0:
        raise DataError(f"'scale' of input rule {text} must be positive")
    level, missing = document.get("level"), document.get("missing", False)
    if "level" in document and not (isinstance(level, str) or _is_finite_number(level)):
        raise DataError(f"'level' of input rule {text} must be a text or a finite number")
    if not isinstance(missing, bool) or (missing and level is not None):
        raise DataError(f"'missing' of input rule {text} must be true or false, and not true beside a level")
    return InputRule(document["name"], document["feature"], float(document["center"]), float(document["scale"]), level, missing)


def _is_finite_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
