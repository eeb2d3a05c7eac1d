"""From a table to network inputs: rules learnt from training rows, beside the plan by which columns are read."""

from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from propneat.base.errors import DataError
from propneat.data.encoded import CodedInput, EncodedRows
from propneat.data.frames import TableView
from propneat.data.input_rule import FIRST_WORD, InputRule, expect_keys
from propneat.data.plan import ColumnPlan, TablePlan
from propneat.data.planning import plan_table
from propneat.data.rule_fitting import EncodingOptions, fit_rules
from propneat.data.weighted import check_weights

__all__ = ["EncodingOptions", "InputRule", "Preprocessor"]


@dataclass(frozen=True)
class Preprocessor:
    """The plan by which columns are read, and the rule of every network input.

    Raises DataError when a rule reads a column that is not in the plan, when two rules share a name, or when a rule does not
    suit what its column is read as.
    """

    rules: tuple[InputRule, ...]
    plan: TablePlan

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise DataError("preprocessing names must differ from each other, and two of them are the same")
        columns = {column.name: column for column in self.plan.used}
        for rule in self.rules:
            if rule.feature not in columns:
                raise DataError(f"input {rule.name!r} reads column {rule.feature!r}, which is not among the columns")
            _check_kind(rule, columns[rule.feature])

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read, in the order of the plan."""
        return tuple(column.name for column in self.plan.used)

    @classmethod
    def fit(
        cls,
        table: object,
        weights: object = None,
        *,
        plan: TablePlan | None = None,
        targets: np.ndarray | None = None,
        options: EncodingOptions = EncodingOptions(),
    ) -> "Preprocessor":
        """Learn the rules from training rows: a table of shape (n_rows, n_columns), weights (n_rows,) or None.

        `plan` says how columns are read; None decides by these rows. See `fit_encoded` for the rest.
        """
        return cls.fit_encoded(table, weights, plan=plan, targets=targets, options=options)[0]

    @classmethod
    def fit_transform(
        cls,
        table: object,
        weights: object = None,
        *,
        plan: TablePlan | None = None,
        targets: np.ndarray | None = None,
        options: EncodingOptions = EncodingOptions(),
    ) -> tuple["Preprocessor", np.ndarray]:
        """Learn the rules from training rows, and return them with the inputs of these rows, float64 (n_rows, n_inputs).

        See `fit_encoded`.
        """
        preprocessor, encoded = cls.fit_encoded(table, weights, plan=plan, targets=targets, options=options)
        return preprocessor, encoded.inputs()

    @classmethod
    def fit_encoded(
        cls,
        table: object,
        weights: object = None,
        *,
        plan: TablePlan | None = None,
        targets: np.ndarray | None = None,
        options: EncodingOptions = EncodingOptions(),
    ) -> tuple["Preprocessor", EncodedRows]:
        """Learn the rules from training rows, and return them with the inputs of these rows, not yet written out.

        Numbers are kept within the range of training and a margin, centred on their weighted mean and divided by their weighted
        standard deviation, a constant column by 1; of dates the parts that vary are such numbers. Categories get one input for
        each of the `options.max_levels` heaviest levels, sorted, or a single one when there are two levels and nothing is missing.
        Numbers of 3 to `options.one_hot_integers` distinct whole values get such inputs in addition, those of fewer where there
        would be more than `options.most_inputs` inputs. A column with missing training
        values gets one input that says so. Inputs of levels and of missing values are centred on their weighted frequency.

        With `targets`, float64 (n_rows, n_targets), columns of more levels also get the mean target of the level, and where
        there are at most half as many first words as levels, the same inputs of these. The mean target is given, too, for
        whole numbers whose levels say more of the target than their size does; for the training rows returned here means are
        learnt from other rows (`propneat.data.level_means`).

        A row of weight 2 counts as the row twice, one of weight 0 not at all, and the order of rows does not matter.
        Raises DataError for tables without rows or columns, wrong weights, and columns that cannot be read.
        """
        view = TableView.of(table)
        if not len(view) or not view.names:
            raise DataError(f"expected at least one row and one column, got a table of {len(view)} by {len(view.names)}")
        row_weights = check_weights(weights, len(view))
        heavy = row_weights > 0
        learnt = view if heavy.all() else view.rows(heavy)
        plan = plan_table(learnt).plan if plan is None else plan
        columns = plan.read(learnt)
        rules, own_inputs = fit_rules(columns, row_weights[heavy], None if targets is None else targets[heavy], options)
        preprocessor = cls(_with_distinct_names(rules), plan)
        if heavy.all():
            return preprocessor, EncodedRows(preprocessor.rules, columns, len(view), own_inputs)
        every = EncodedRows(preprocessor.rules, plan.read(view), len(view))
        own, row = {}, np.arange(len(view))
        for index, learnt_input in own_inputs.items():
            values = every.column(index)
            values[heavy] = learnt_input.values[learnt_input.codes]
            own[index] = CodedInput(row, values)
        return preprocessor, replace(every, own=own)

    def transform(self, table: object, features: Container[str] | None = None) -> np.ndarray:
        """Return the network inputs of a table, float64 of shape (n_rows, n_inputs); each row depends on that row alone.

        Columns of a dataframe are found by name, in any order, and others ignored; columns of an array by position.
        A level never seen in training counts as none of the levels. With `features` only the inputs from these columns are
        made, and the others are 0. Raises DataError for columns that are not there and infinite values.
        """
        view = TableView.of(table)
        wanted = self._read_features if features is None else [name for name in self._read_features if name in features]
        return EncodedRows(self.rules, self.plan.read(view, wanted), len(view)).inputs()

    @cached_property
    def _read_features(self) -> frozenset[str]:
        return frozenset(rule.feature for rule in self.rules)

    def gaps(self, table: object) -> np.ndarray:
        """Return which of the inputs that `transform` gives stand in for a missing value, bool (n_rows, n_inputs).

        Inputs that say whether a value is missing are never among them. Raises as `transform` does.
        """
        columns = self.plan.read(table, self._read_features)
        found = [
            np.zeros_like(columns[rule.feature].missing) if rule.missing else columns[rule.feature].missing
            for rule in self.rules
        ]
        return np.stack(found, axis=1)

    def to_dict(self) -> dict[str, object]:
        """Return plan and rules for JSON."""
        return self.plan.to_dict() | {"rules": [rule.to_dict() for rule in self.rules]}

    @classmethod
    def from_dict(cls, document: object) -> "Preprocessor":
        """Read what `to_dict` wrote; raises DataError for anything else, one sentence saying what.

        A document with "features" instead of "columns" and "missing" is of schema propneat.genome/1, where rules alone said how
        a column is read.
        """
        if isinstance(document, dict) and "features" in document:
            return cls._from_first_schema(document)
        expect_keys(document, {"missing", "columns", "rules"}, set(), "preprocessing")
        plan = TablePlan.from_dict({key: document[key] for key in ("missing", "columns")})
        return cls(_read_rules(document["rules"]), plan)

    @classmethod
    def _from_first_schema(cls, document: dict[str, object]) -> "Preprocessor":
        expect_keys(document, {"features", "rules"}, set(), "preprocessing")
        features, rules = document["features"], _read_rules(document["rules"])
        if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
            raise DataError("preprocessing 'features' must be a list of column names")
        kinds: dict[str, str] = {}
        for rule in rules:
            if not rule.missing:
                kind = "category" if isinstance(rule.level, str) else "number"
                if kinds.setdefault(rule.feature, kind) != kind:
                    raise DataError(f"the inputs of column {rule.feature!r} take it both for a number and for a text")
        levels = {
            name: tuple(rule.level for rule in rules if rule.feature == name and isinstance(rule.level, str))
            for name in features
        }
        columns = tuple(ColumnPlan(name, kinds.get(name, "category"), levels=levels[name]) for name in features)
        return cls(rules, TablePlan(columns, _FIRST_MARKERS))


_FIRST_MARKERS = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "<NA>")


def _check_kind(rule: InputRule, column: ColumnPlan) -> None:
    """Refuse a rule that does not suit what its column is read as."""
    is_text = column.kind == "category" and not column.has_number_levels
    levels = [level for level, _ in rule.means or ()] + ([] if rule.level is None else [rule.level])
    if any(isinstance(level, str) != is_text for level in levels) or (
        column.kind == "category" and not (rule.missing or levels or rule.means is not None)
    ):
        raise DataError(f"the inputs of column {rule.feature!r} take it both for a number and for a text")
    wanted = "category" if rule.part == FIRST_WORD else "date"
    if (rule.part is not None and column.kind != wanted) or (rule.part is None and column.kind == "date" and not rule.missing):
        raise DataError(
            f"input {rule.name!r} takes a part of a date, and column {rule.feature!r} is none, or the other way round"
        )


def _read_rules(rules: object) -> tuple[InputRule, ...]:
    if not isinstance(rules, list):
        raise DataError("preprocessing 'rules' must be a list of rules, one per input")
    return tuple(map(InputRule.from_dict, rules))


def _with_distinct_names(rules: list[InputRule]) -> tuple[InputRule, ...]:
    """Mark repeated names, which odd column names such as "a=b" can cause, with a count."""
    seen: set[str] = set()
    renamed = []
    for rule in rules:
        name, count = rule.name, 2
        while name in seen:
            name, count = f"{rule.name} ({count})", count + 1
        seen.add(name)
        renamed.append(rule if name == rule.name else replace(rule, name=name))
    return tuple(renamed)
