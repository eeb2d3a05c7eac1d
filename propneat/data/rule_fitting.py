"""Learning the input rules of each column from training rows."""

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from threading import Lock

import numpy as np

from propneat.base.errors import DataError
from propneat.data.bounds import find_bounds
from propneat.data.dates import DATE_PARTS, date_part
from propneat.data.encoded import CodedInput
from propneat.data.input_rule import FIRST_WORD, InputRule, first_words
from propneat.data.level_means import N_FOLDS, LevelMeans, join_equal, level_groups, out_of_fold, row_hashes
from propneat.data.plan import ReadColumn
from propneat.data.threads import map_columns
from propneat.data.weighted import is_clearly_less, measure, tally, tally_clipped

__all__ = ["EncodingOptions", "fit_rules"]

_REACH = 5.0
_LEAST_GAIN = 0.003
_MOST_WHOLE_LEVELS = 1000
_LEAST_ROWS_A_LEVEL = 4.0
_SIZE_GROUPS = 8
_MOST_TARGETS = 10
_STORED_ROWS = 3.0
_MOST_FIRST_WORDS = 0.5
_RARE_ROWS = 5.0
_PART_LEVELS = {"month": 12, "weekday": 7}


@dataclass(frozen=True)
class EncodingOptions:
    """How many levels of a category, and how many distinct whole numbers, get an input each; names of the targets.

    Indicators of whole numbers are given up, those of most numbers first, before there are more than `most_inputs`.
    """

    max_levels: int = 20
    one_hot_integers: int = 0
    target_names: tuple[str, ...] = ("target",)
    most_inputs: float = float("inf")

    def __post_init__(self) -> None:
        if self.max_levels < 1 or self.one_hot_integers < 0:
            wrong = f"{self.max_levels} and {self.one_hot_integers}"
            raise DataError(f"max_levels must be at least 1 and one_hot_integers 0, not {wrong}")


@dataclass(frozen=True, eq=False)
class _Merged:
    """Joined rows: a row of each, the joined row of each row, weights, targets and folds; and the variance of the targets."""

    first: np.ndarray
    position: np.ndarray
    weights: np.ndarray
    targets: np.ndarray
    folds: np.ndarray
    variance: float

    @cached_property
    def cases(self) -> tuple[np.ndarray, np.ndarray]:
        """The different targets of rows, float64 (n_cases, n_targets), and for each row (n_rows,) which of them it has."""
        from pandas import factorize

        case, distinct = factorize(row_hashes(list(self.targets.T)))
        cases = np.empty((len(distinct), self.targets.shape[1]))
        cases[case] = self.targets
        return cases, case

    def cells(self, codes: np.ndarray, n_levels: int) -> np.ndarray:
        """Return for each row the number of its fold and level, int64 (n_rows,); the code -1 is the last of n_levels + 1."""
        return self.folds * (n_levels + 1) + np.where(codes < 0, n_levels, codes)

    def alike(self, codes: np.ndarray, n_levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """Return fold, level and target of rows that differ in them, and for each row which of these it is like.

        `codes` (n_rows,) are the levels, -1 where missing, which is the last of n_levels + 1. Where hardly any are alike, what is
        returned is of all rows, and None.
        """
        cases, case_of = self.cases
        shape = (N_FOLDS, n_levels + 1, len(cases))
        if np.prod(shape) > len(codes):
            return self.folds, codes, self.targets, None
        fold, level, case = np.indices(shape).reshape(3, -1)
        return fold, level, cases[case], self.cells(codes, n_levels) * len(cases) + case_of


@dataclass(frozen=True, eq=False)
class _Rows:
    """The training rows, and the same in an order of their own with equal ones joined: sums do not depend on how they came."""

    columns: dict[str, ReadColumn]
    weights: np.ndarray
    targets: np.ndarray
    _lock: Lock = field(default_factory=Lock)

    @cached_property
    def chosen(self) -> np.ndarray:
        """The targets whose means are learnt: with many classes the heaviest ones."""
        heavy = np.argsort(-(self.weights[:, None] * self.targets).sum(axis=0), kind="stable")[:_MOST_TARGETS]
        return np.sort(heavy) if self.targets.shape[1] > _MOST_TARGETS else np.arange(self.targets.shape[1])

    @property
    def merged(self) -> _Merged:
        """The joined rows."""
        with self._lock:
            return self._merged

    @cached_property
    def _merged(self) -> _Merged:
        parts = [column.codes if column.codes is not None else column.numbers for column in self.columns.values()]
        hashes = row_hashes([*parts, *self.targets.T])
        distinct, first, position = join_equal(hashes)
        weights, targets = np.bincount(position, weights=self.weights), self.targets[first][:, self.chosen]
        variance = sum(measure(*tally(column, weights))[1] ** 2 for column in targets.T)
        folds = (distinct % np.uint64(N_FOLDS)).astype(np.int64)
        return _Merged(first, position, weights, targets, folds, variance)


@dataclass(frozen=True, eq=False)
class _Fitting:
    """One column while its rules are learnt; rules gathered so far, and the inputs of those learnt from other rows."""

    rows: _Rows | None
    weights: np.ndarray
    options: EncodingOptions
    rules: list[InputRule] = field(default_factory=list)
    own_inputs: dict[int, CodedInput] = field(default_factory=dict)
    one_hot: set[int] = field(default_factory=set)
    """Of whole numbers that got an input for each, how many there are."""


def fit_rules(
    columns: dict[str, ReadColumn], weights: np.ndarray, targets: np.ndarray | None, options: EncodingOptions
) -> tuple[list[InputRule], dict[int, CodedInput]]:
    """Return the rules of all columns, and by number of the rule the inputs (n_rows,) of those that learn from the target.

    `weights` (n_rows,) are positive; `targets` is float64 (n_rows, n_targets) or None. See `Preprocessor.fit_transform`.
    """
    rows = None if targets is None else _Rows(columns, weights, targets)

    def fit(name: str, most: int) -> _Fitting:
        fitting = _Fitting(rows, weights, replace(options, one_hot_integers=most))
        _fit_column(fitting, name, columns[name])
        return fitting

    fittings: dict[str, _Fitting] = {}
    changing = list(columns)
    for most in [*range(options.one_hot_integers, 2, -1), 0]:
        fittings |= zip(changing, map_columns(partial(fit, most=most), changing, n_rows=len(weights)), strict=True)
        if sum(len(fitting.rules) for fitting in fittings.values()) <= options.most_inputs:
            break
        # one fewer makes a difference to columns of just so many numbers
        changing = [name for name in columns if most in fittings[name].one_hot]
    rules, own_inputs = [], {}
    for fitting in fittings.values():
        own_inputs |= {len(rules) + number: values for number, values in fitting.own_inputs.items()}
        rules += fitting.rules
    return rules, own_inputs


def _fit_column(fitting: _Fitting, name: str, column: ReadColumn) -> None:
    if column.codes is not None:
        _fit_levels(fitting, name, name, column)
    elif column.plan.kind == "date":
        _fit_date(fitting, name, column)
    else:
        _fit_number(fitting, name, name, column.numbers, column, fitting.options.one_hot_integers)
    if column.missing.any():
        share = float(fitting.weights[column.missing].sum() / fitting.weights.sum())
        fitting.rules.append(InputRule(f"{name} missing", name, share, 1.0, missing=True))


def _fit_date(fitting: _Fitting, name: str, column: ReadColumn) -> None:
    """Every part of the date that varies is a number."""
    for part in DATE_PARTS:
        numbers = date_part(column.numbers, part)
        known = numbers[~np.isnan(numbers)]
        if len(known) and known.min() < known.max():
            most = _PART_LEVELS.get(part, fitting.options.one_hot_integers)
            _fit_number(fitting, f"{name} {part}", name, numbers, column, most, part)


def _fit_number(
    fitting: _Fitting, label: str, name: str, numbers: np.ndarray, column: ReadColumn, most_levels: int, part: str | None = None
) -> None:
    known = ~np.isnan(numbers)
    distinct, totals = tally(numbers, fitting.weights) if known.all() else tally(numbers[known], fitting.weights[known])
    low, high = find_bounds(distinct, totals, _REACH)
    center, scale = measure(*tally_clipped(distinct, totals, low, high))
    bounds = {"low": low, "high": high} if len(distinct) else {}
    fitting.rules.append(InputRule(label, name, center, scale, part=part, **bounds))
    if len(distinct) < 3 or (distinct != np.round(distinct)).any():
        return
    if len(distinct) <= most_levels:
        fitting.one_hot.add(len(distinct))
        total = fitting.weights.sum()
        for level, share in zip(distinct, totals, strict=True):
            rule = InputRule(f"{label}={_tidy(level)}", name, float(share / total), 1.0, level=_tidy(level), part=part)
            fitting.rules.append(rule)
    elif len(distinct) <= min(_MOST_WHOLE_LEVELS, totals.sum() / _LEAST_ROWS_A_LEVEL) and _levels_say_more(
        fitting, numbers, distinct
    ):
        codes = _positions(distinct, numbers)
        _fit_means(fitting, label, name, codes, [_tidy(level) for level in distinct], part)


def _levels_say_more(fitting: _Fitting, numbers: np.ndarray, distinct: np.ndarray) -> bool:
    """Say whether whole numbers name something: their levels explain more of the target than groups of near ones do."""
    if fitting.rows is None:
        return False
    merged = fitting.rows.merged
    codes = _positions(distinct, numbers[merged.first])
    near = level_groups(codes, merged.weights, len(distinct), _SIZE_GROUPS)
    fold, level, targets, position = merged.alike(codes, len(distinct))
    each = np.append(np.arange(len(distinct)), -1)

    def squared_errors(groups: np.ndarray, n_groups: int) -> np.ndarray:
        means = out_of_fold(groups[codes], merged.targets, merged.weights, n_groups, merged.folds)
        return ((means[fold, groups[level]] - targets) ** 2).sum(axis=1)

    errors, others = squared_errors(each, len(distinct)), squared_errors(near, _SIZE_GROUPS)
    return is_clearly_less(errors, others, merged.weights, _LEAST_GAIN * merged.variance, position)


def _positions(distinct: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the position of each number among all that there are, which are whole and ascend, -1 where missing."""
    known = ~np.isnan(numbers)
    if not known.all():
        numbers = np.where(known, numbers, distinct[0])
    span = distinct[-1] - distinct[0]
    if span > len(numbers):
        positions = np.searchsorted(distinct, numbers)
    else:
        table = np.zeros(int(span) + 1, np.int64)
        table[(distinct - distinct[0]).astype(np.int64)] = np.arange(len(distinct))
        positions = table[(numbers - distinct[0]).astype(np.int64)]
    return positions if known.all() else np.where(known, positions, -1)


def _fit_levels(fitting: _Fitting, label: str, name: str, column: ReadColumn, part: str | None = None) -> None:
    """One input for each of the heaviest levels; where there are more, their mean target, and the same of their first words."""
    totals = np.bincount(column.codes + 1, weights=fitting.weights, minlength=len(column.levels) + 1)[1:]
    # first words stand for many texts, or a person's name would be kept
    used = np.flatnonzero(totals > (0 if part is None else _RARE_ROWS))
    most = fitting.options.max_levels
    heaviest = np.sort(used[np.argsort(-totals[used], kind="stable")[:most]])
    if len(used) == 2 and part is None and not column.missing.any():
        heaviest = heaviest[-1:]
    total = fitting.weights.sum()
    for index in heaviest:
        level = column.levels[index]
        fitting.rules.append(InputRule(f"{label}={level}", name, float(totals[index] / total), 1.0, level=level, part=part))
    if len(used) <= most or fitting.rows is None:
        return
    _fit_means(fitting, label, name, column.codes, list(column.levels), part)
    if part is None and not column.plan.has_number_levels:
        words = first_words(column)
        if 1 < len(words.levels) <= _MOST_FIRST_WORDS * len(used):
            _fit_levels(fitting, f"{label} {FIRST_WORD}", name, words, FIRST_WORD)


def _fit_means(
    fitting: _Fitting, label: str, name: str, codes: np.ndarray, levels: list[str | int | float], part: str | None = None
) -> None:
    """Add the mean of each target by level; training rows get that of other rows than their own."""
    rows, merged = fitting.rows, fitting.rows.merged
    codes = codes[merged.first].astype(np.int64)
    means = LevelMeans.fit(codes, merged.targets, merged.weights, len(levels))
    own = out_of_fold(codes, merged.targets, merged.weights, len(levels), merged.folds)
    cells = merged.cells(codes, len(levels)).astype(np.min_scalar_type(own[:, :, 0].size))
    own_codes = cells[merged.position]
    # of two classes, one says all
    chosen = range(1, 2) if own.shape[2] == 2 and rows.targets.shape[1] == 2 else range(own.shape[2])
    kept = [index for index in range(len(levels)) if means.weights[index] >= _STORED_ROWS]
    for number in chosen:
        values = own[:, :, number].ravel()
        center, scale = measure(*tally(values, merged.weights, cells))
        target = fitting.options.target_names[rows.chosen[number]]
        pairs = tuple((levels[index], float(means.means[index, number])) for index in kept)
        rule = InputRule(
            f"{label} mean of {target}", name, center, scale, part=part, means=pairs, default=float(means.prior[number])
        )
        fitting.own_inputs[len(fitting.rules)] = CodedInput(own_codes, (values - center) / scale)
        fitting.rules.append(rule)


def _tidy(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)
