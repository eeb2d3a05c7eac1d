"""From the columns of a table to network inputs as ONNX operators."""

import re

import numpy as np
from onnx import TensorProto

from propneat.data import InputRule
from propneat.data.input_rule import FIRST_WORD
from propneat.export.onnx_graph import Graph
from propneat.formula import Column

__all__ = ["column_inputs", "is_plain", "plain_inputs"]


def is_plain(rule: InputRule, column: Column) -> bool:
    """Say whether a rule takes the number as it stands, and only NaN is missing."""
    special = rule.missing or rule.level is not None or rule.means is not None or rule.part is not None
    return column.kind in ("number", "truth") and not column.absent and not special


def plain_inputs(g: Graph, values: list[str], rules: list[InputRule]) -> str:
    """Return the inputs of plain rules, in their order, float64 (n_rows, n_rules), from the column of each: all at once."""
    numbers = g.joined(values)
    low = [[-np.inf if rule.low is None else rule.low for rule in rules]]
    high = [[np.inf if rule.high is None else rule.high for rule in rules]]
    kept = g("Min", g("Max", numbers, g.constant(low)), g.constant(high))
    return g("Where", g("IsNaN", numbers), g.constant(0.0), _scaled(g, kept, rules))


def column_inputs(g: Graph, value: str, column: Column, rules: list[tuple[int, InputRule]]) -> tuple[list[int], list[str]]:
    """Return the network inputs that some rules make of a column, by number, and the values (n_rows, some) that hold them.

    `value` is the column, float64 or text, of shape (n_rows, 1); texts have the missing ones empty or as markers.
    """
    gone = _missing(g, value, column)
    numbers, pieces = [], []
    levels: dict[str | None, list[tuple[int, InputRule]]] = {}
    for number, rule in rules:
        if rule.missing:
            piece = _scaled(g, _number(g, gone), [rule])
        elif rule.means is not None:
            piece = _scaled(g, _mean(g, value, gone, column, rule), [rule])
        elif rule.level is not None:
            levels.setdefault(rule.part, []).append((number, rule))
            continue
        else:
            piece = _quantity(g, value, gone, rule)
        numbers.append(number)
        pieces.append(piece)
    for part, own in levels.items():
        equal = _equal(g, value, gone, column, part, [rule.level for _, rule in own])
        numbers += [number for number, _ in own]
        pieces.append(_scaled(g, equal, [rule for _, rule in own]))
    return numbers, pieces


def _number(g: Graph, truth: str) -> str:
    return g("Cast", truth, to=TensorProto.DOUBLE)


def _scaled(g: Graph, value: str, rules: list[InputRule]) -> str:
    centers, scales = ([[getattr(rule, name) for rule in rules]] for name in ("center", "scale"))
    return g("Div", g("Sub", value, g.constant(centers)), g.constant(scales))


def _missing(g: Graph, value: str, column: Column) -> str:
    """Return whether each row has no value, bool (n_rows, 1)."""
    if column.kind == "text":
        same = g("Equal", value, g.constant([list(dict.fromkeys(["", *column.absent]))], object))
    else:
        same = g("IsNaN", value)
        if column.absent:
            same = g("Concat", same, g("Equal", value, g.constant([list(column.absent)])), axis=1)
        else:
            return same
    return g("Cast", g("ReduceMax", _number(g, same), g.constant([1], np.int64)), to=TensorProto.BOOL)


def _quantity(g: Graph, value: str, gone: str, rule: InputRule) -> str:
    number = _part(g, value, rule.part)
    if rule.low is not None:
        number = g("Min", g("Max", number, g.constant(rule.low)), g.constant(rule.high))
    return g("Where", gone, g.constant(0.0), _scaled(g, number, [rule]))


def _equal(g: Graph, value: str, gone: str, column: Column, part: str | None, levels: list[str | int | float]) -> str:
    """Return for each row and level whether they are equal, float64 (n_rows, n_levels)."""
    if part == FIRST_WORD:
        found = [g("RegexFullMatch", value, pattern=f"(?s){re.escape(level)}( .*)?") for level in levels]
        return _number(g, g.joined(found))
    if column.kind == "text":
        same = g("Equal", value, g.constant([levels], object))
    else:
        same = g("Equal", _part(g, value, part), g.constant([levels]))
    return _number(g, g("And", same, g("Not", gone)))


def _mean(g: Graph, value: str, gone: str, column: Column, rule: InputRule) -> str:
    """Return the mean that stands for each row's level, float64 (n_rows, 1)."""
    if not rule.means:
        return g("Add", g("Mul", _number(g, gone), g.constant(0.0)), g.constant(rule.default))
    equal = _equal(g, value, gone, column, rule.part, [level for level, _ in rule.means])
    beyond = g.constant([[mean - rule.default] for _, mean in rule.means])
    return g("Add", g("MatMul", equal, beyond), g.constant(rule.default))


def _part(g: Graph, seconds: str, part: str | None) -> str:
    """Return the part of a date, given in seconds since 1970; the calendar is that of 400 years that begin in March."""
    if part is None:
        return seconds

    def whole(value: str, divisor: float) -> str:
        return g("Floor", g("Div", value, g.constant(divisor)))

    def rest(value: str, divisor: float) -> str:
        return g("Sub", value, g("Mul", whole(value, divisor), g.constant(divisor)))

    if part == "days":
        return g("Div", seconds, g.constant(86400.0))
    if part == "hour":
        return rest(whole(seconds, 3600.0), 24.0)
    days = whole(seconds, 86400.0)
    if part == "weekday":
        return rest(g("Add", days, g.constant(3.0)), 7.0)
    day = rest(g("Add", days, g.constant(719468.0)), 146097.0)
    year = whole(g("Sub", g("Add", g("Sub", day, whole(day, 1460.0)), whole(day, 36524.0)), whole(day, 146096.0)), 365.0)
    past = g("Sub", g("Add", g("Mul", year, g.constant(365.0)), whole(year, 4.0)), whole(year, 100.0))
    of_year = g("Sub", day, past)
    month = whole(g("Add", g("Mul", of_year, g.constant(5.0)), g.constant(2.0)), 153.0)
    if part == "month":
        return g("Add", rest(g("Add", month, g.constant(2.0)), 12.0), g.constant(1.0))
    before = whole(g("Add", g("Mul", month, g.constant(153.0)), g.constant(2.0)), 5.0)
    return g("Add", g("Sub", of_year, before), g.constant(1.0))
