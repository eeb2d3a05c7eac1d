"""A formula as one SQL expression that PostgreSQL, SQLite and DuckDB compute."""

import re

from propneat.base.errors import ConfigError
from propneat.export.writing import SOFT, Language, Names, Written, nesting_of, wrapped, write
from propneat.formula import Column, Equals, Formula, Lookup, Missing, Quantity
from propneat.formula.form import Leaf
from propneat.genome import check_functions

__all__ = ["to_sql"]

_EXP = "CASE WHEN {0} > 700e0 THEN EXP(700e0) WHEN {0} > -700e0 THEN EXP({0}) ELSE 0e0 END"
_FUNCTIONS = {
    # TANH and no EXP, of which PostgreSQL refuses to compute those too large or too small
    "sigmoid": "0.5e0 + 0.5e0*TANH(0.5e0*{z})",
    "steep_sigmoid": "0.5e0 + 0.5e0*TANH(2.45e0*{z})",
    "tanh": "TANH({0})",
    "relu": "CASE WHEN {0} > 0e0 THEN {0} ELSE 0e0 END",
    "leaky_relu": "CASE WHEN {0} > 0e0 THEN {0} ELSE 0.01e0*{z} END",
    "elu": "CASE WHEN {0} > 0e0 THEN {0} WHEN {0} > -700e0 THEN EXP({0}) - 1e0 ELSE -1e0 END",
    "gelu": "{z}*(0.5e0 + 0.5e0*TANH(0.7978845608028654e0*({z} + 0.044715e0*{z}*{z}*{z})))",
    "silu": "{z}*(0.5e0 + 0.5e0*TANH(0.5e0*{z}))",
    "softplus": "CASE WHEN {0} > 40e0 THEN {0} WHEN {0} > -700e0 THEN LN(1e0 + EXP({0})) ELSE 0e0 END",
    "sin": "SIN({0})",
    "gauss": "CASE WHEN ABS({0}) < 26e0 THEN EXP(-({z}*{z})) ELSE 0e0 END",
    "abs": "ABS({0})",
    "square": "{z}*{z}",
    "exp": _EXP,
    "reciprocal": "1e0/{z}",
}
check_functions(__name__, activations=("identity", *_FUNCTIONS))
_DATE_PARTS = {
    "days": "{s}/86400e0",
    "weekday": "(SELECT w - 7e0*FLOOR(w/7e0) FROM (SELECT FLOOR({s}/86400e0) + 3e0 AS w) AS a)",
    "hour": "(SELECT h - 24e0*FLOOR(h/24e0) FROM (SELECT FLOOR({s}/3600e0) AS h) AS a)",
    "month": "(SELECT CASE WHEN m < 10e0 THEN m + 3e0 ELSE m - 9e0 END FROM {march})",
    "day": "(SELECT d - FLOOR((153e0*m + 2e0)/5e0) + 1e0 FROM {march})",
}
# days since a 1 March of a 400-year cycle, then the year of the cycle, the day of its year and the month counted from March
_MARCH = (
    "(SELECT d, FLOOR((5e0*d + 2e0)/153e0) AS m FROM (SELECT e - (365e0*y + FLOOR(y/4e0) - FLOOR(y/100e0)) AS d FROM "
    "(SELECT e, FLOOR((e - FLOOR(e/1460e0) + FLOOR(e/36524e0) - FLOOR(e/146096e0))/365e0) AS y FROM "
    "(SELECT z - 146097e0*FLOOR(z/146097e0) AS e FROM (SELECT FLOOR({s}/86400e0) + 719468e0 AS z) AS a) AS b) AS c) AS f) AS g"
)


_DEEPEST = 8
"""Deepest nesting of brackets and cases in one text; SQLite's parser ends at some 20."""


def to_sql(formula: Formula) -> str:
    """Return an expression in the columns of a table, or for several classes one for each, with its name.

    What is used more than once is computed once, in a common table expression; it is MATERIALIZED, as SQLite would otherwise
    write it out in every place again. Functions beyond arithmetic are EXP, LN, TANH, SIN, ABS and FLOOR. Dates are seconds
    since 1970. Raises ConfigError for a name that SQL cannot hold.
    """
    columns = {column.name: _quoted(column.name) for column in formula.columns}
    language = Language(
        "sql", _number, _leaf_text, _FUNCTIONS, _extreme, sums=("sigmoid", "steep_sigmoid"),
        products=("gelu", "silu", "square", "reciprocal"), long_leaves=(Quantity, Lookup, Missing, Equals),
        deepest=_DEEPEST, nesting=lambda text: nesting_of(text, r"\(|\bCASE\b", r"\)|\bEND\b"),
    )  # fmt: skip
    taken = {name.lower() for name in columns}
    parts = []
    for label, answer in formula.answers:
        one = Formula(formula.task, formula.target, formula.columns, formula.steps, ((label, answer),))
        parts.append(_expression(one, language, taken))
    if len(parts) == 1:
        return parts[0] + "\n"
    names = (_quoted(label) for label, _ in formula.answers)
    return ",\n".join(f"{part} AS {name}" for part, name in zip(parts, names, strict=True)) + "\n"


def _expression(formula: Formula, language: Language, taken: set[str]) -> str:
    names = Names(taken)
    written = write(formula, language, lambda node, step: names.give(step or "v"), all_steps=False)
    (answer,) = written.answers
    if not written.named:
        return wrapped("", answer)
    last = _last_uses(written)
    stages = []
    for level in range(1, max(written.level.values()) + 1):
        own = [f"{text} AS {name}" for name, text in written.named if written.level[name] == level]
        earlier = [name for name, _ in written.named if written.level[name] < level and last[name] > level]
        columns = ([f",{SOFT}".join(earlier)] if earlier else []) + own
        selected = ",\n".join(wrapped("    ", column, indent=" " * 8) for column in columns)
        source = f"\n  FROM s{level - 1}" if level > 1 else ""
        stages.append(f"s{level} AS MATERIALIZED (\n  SELECT\n{selected}{source})")
    return f"(WITH {', '.join(stages)}\n" + wrapped("SELECT ", answer) + f"\nFROM s{len(stages)})"


def _last_uses(written: Written) -> dict[str, int]:
    """Return for every name the level of the last text that holds it, that of the answer being one above all."""
    beyond = max(written.level.values()) + 1
    texts = [*((text, written.level[name]) for name, text in written.named), (written.answers[0], beyond)]
    last: dict[str, int] = {}
    for text, level in texts:
        for word in re.findall(r"\w+", text):
            last[word] = max(last.get(word, 0), level)
    return last


def _extreme(largest: bool, terms: list[str]) -> str:
    """Return the largest or smallest of some terms; SQLite's name for the function is another than that of the others."""
    if len(terms) > 2:
        rows = f" UNION ALL{SOFT}SELECT ".join(terms[1:])
        return f"(SELECT {'MAX' if largest else 'MIN'}(t) FROM (SELECT {terms[0]} AS t UNION ALL{SOFT}SELECT {rows}) AS u)"
    return f"CASE WHEN {terms[0]} {'>' if largest else '<'} {terms[1]} THEN {terms[0]} ELSE {terms[1]} END"


def _number(value: float) -> str:
    """Return a number that is of floating point in every one of the languages, DuckDB's decimals being none."""
    text = repr(float(value))
    return text if "e" in text else f"{text.removesuffix('.0')}e0"


def _text(value: str) -> str:
    if "\x00" in value:
        raise ConfigError(f"SQL cannot say the text {value!r}, which holds a zero character")
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    if "\x00" in name:
        raise ConfigError(f"SQL cannot say the name {name!r}, which holds a zero character")
    return '"' + name.replace('"', '""') + '"'


def _read(column: Column) -> str:
    """Return a column's number, NULL where it is missing."""
    name = _quoted(column.name)
    text = f"CAST({f'CAST({name} AS INTEGER)' if column.kind == 'truth' else name} AS DOUBLE PRECISION)"
    for value in column.absent:
        text = f"NULLIF({text}, {_number(value)})"
    return text


def _part(column: Column, part: str | None) -> str:
    text = _read(column)
    return text if part is None else _DATE_PARTS[part].replace("{march}", _MARCH).replace("{s}", text)


def _leaf_text(leaf: Leaf) -> str:
    column = leaf.column
    name = _quoted(column.name)
    match leaf:
        case Quantity():
            number, default = _part(column, leaf.part), _number(leaf.default)
            if leaf.low is None:
                return f"COALESCE({number}, {default})"
            low, high = _number(leaf.low), _number(leaf.high)
            plain = leaf.part is None and column.kind != "truth" and not column.absent
            x = name if plain else "x"
            kept = f"CASE WHEN {x} IS NULL THEN {default} WHEN {x} < {low} THEN {low} WHEN {x} > {high} THEN {high} "
            return f"{kept}ELSE {number} END" if plain else f"(SELECT {kept}ELSE x END FROM (SELECT {number} AS x) AS q)"
        case Missing():
            gone = f"{_read(column) if column.kind != 'text' else name} IS NULL"
            if column.kind == "text" and column.absent:
                gone += f" OR {name} IN ({', '.join(_text(value) for value in column.absent)})"
            return f"CASE WHEN {gone} THEN 1e0 ELSE 0e0 END"
        case Equals():
            return f"CASE WHEN {_is(leaf, leaf.level)} THEN 1e0 ELSE 0e0 END"
    cases = SOFT.join(f"WHEN {_is(leaf, level)} THEN {_number(mean)}" for level, mean in leaf.pairs)
    return f"CASE {cases}{SOFT}ELSE {_number(leaf.default)} END"


def _is(leaf: Equals | Lookup, level: str | int | float) -> str:
    """Return the condition that a column, its first word or a part of its date equals a level."""
    name = _quoted(leaf.column.name)
    if not isinstance(level, str):
        number = name if leaf.part is None and leaf.column.kind == "number" else _part(leaf.column, leaf.part)
        return f"{number} = {_number(level)}"
    if leaf.part is None:
        return f"{name} = {_text(level)}"
    return f"SUBSTR({name} || ' ', 1, {len(level) + 1}) = {_text(level + ' ')}"
