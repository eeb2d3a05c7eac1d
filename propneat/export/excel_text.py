"""A formula as one cell of a spreadsheet, in the columns of the table that the cell stands in."""

import re

from propneat.base.errors import ConfigError
from propneat.export.writing import SOFT, Language, Names, nesting_of, write
from propneat.formula import Column, Equals, Formula, Lookup, Missing, Quantity
from propneat.formula.form import Leaf
from propneat.genome import check_functions

__all__ = ["MOST_CHARACTERS", "MOST_LEVELS", "to_excel"]

MOST_CHARACTERS, MOST_LEVELS = 8192, 64
"""What Excel holds in one cell: characters, and levels of nested functions."""

_FUNCTIONS = {
    "sigmoid": "1/(1+EXP(MIN(-{z},700)))",
    "steep_sigmoid": "1/(1+EXP(MIN(-4.9*{z},700)))",
    "tanh": "TANH({0})",
    "relu": "MAX({0},0)",
    "leaky_relu": "MAX({0},0.01*{z})",
    "elu": "IF({0}>0,{0},EXP({0})-1)",
    "gelu": "{z}/(1+EXP(MIN(-1.59576912160573*({z}+0.044715*{z}*{z}*{z}),700)))",
    "silu": "{z}/(1+EXP(MIN(-{z},700)))",
    "softplus": "MAX({0},0)+LN(1+EXP(-ABS({0})))",
    "sin": "SIN({0})",
    "gauss": "EXP(-({z}*{z}))",
    "abs": "ABS({0})",
    "square": "{z}*{z}",
    "exp": "EXP(MIN({0},700))",
    "reciprocal": "1/{z}",
}
check_functions(__name__, activations=("identity", *_FUNCTIONS))
_DATE_PARTS = {
    "days": "({r}-25569)",
    "month": "MONTH({r})",
    "day": "DAY({r})",
    "weekday": "WEEKDAY({r},3)",
    "hour": "HOUR({r})",
}


def to_excel(formula: Formula) -> str:
    """Return a cell's text, or for several classes one for each on lines of their own.

    Columns are those of the table (Insert, Table) that holds the row, as `[@[mean radius]]`. What is used more than once is
    computed once by LET, which Excel has since 2021, LibreOffice since 24.8. Raises ConfigError for a formula that is too large
    for a cell.
    """
    language = Language(
        "excel", _number, _leaf_text, _FUNCTIONS, lambda largest, terms: f"{'MAX' if largest else 'MIN'}({','.join(terms)})",
        sums=("softplus",), products=("sigmoid", "steep_sigmoid", "gelu", "silu", "square", "reciprocal"),
        long_leaves=(Quantity, Equals, Missing, Lookup),
    )  # fmt: skip
    cells = []
    for label, answer in formula.answers:
        one = Formula(formula.task, formula.target, formula.columns, formula.steps, ((label, answer),))
        cells.append(_cell(one, language))
    return "\n".join(cells) + "\n"


def _cell(formula: Formula, language: Language) -> str:
    names = Names()
    # "h3" would be a cell, "h3_" is none
    written = write(formula, language, lambda node, step: names.give(step or "v") + "_", all_steps=False)
    text = ",".join([*(f"{own},{value}" for own, value in written.named), *written.answers])
    cell = f"=LET({text})" if written.named else f"={text}"
    cell = cell.replace(f"{SOFT}+ ", "+").replace(f"{SOFT}- ", "-")
    levels = nesting_of(cell, r"\(", r"\)")
    if len(cell) > MOST_CHARACTERS or levels > MOST_LEVELS:
        raise ConfigError(
            f"this formula takes {len(cell)} characters and {levels} levels of brackets, and a cell of Excel holds "
            f"{MOST_CHARACTERS} and {MOST_LEVELS}: round it with --digits 4, or export it --to python or sql"
        )
    return cell


def _number(value: float) -> str:
    """Return a number with the 15 digits that Excel keeps."""
    return f"{value:.15g}".replace("e", "E")


def _text(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _cell_of(column: Column) -> str:
    return "[@[" + re.sub(r"([\[\]#'@])", r"'\1", column.name) + "]]"


def _given(column: Column) -> str:
    """Return the condition that a cell holds a number that means something."""
    cell = _cell_of(column)
    is_number = f"OR(ISNUMBER({cell}),ISLOGICAL({cell}))" if column.kind == "truth" else f"ISNUMBER({cell})"
    others = [f"{cell}<>{_number(value)}" for value in column.absent]
    return f"AND({','.join([is_number, *others])})" if others else is_number


def _part(column: Column, part: str | None) -> str:
    cell = _cell_of(column)
    if part is None:
        return f"({cell}+0)" if column.kind == "truth" else cell
    return _DATE_PARTS[part].replace("{r}", cell)


def _leaf_text(leaf: Leaf) -> str:
    column, cell = leaf.column, _cell_of(leaf.column)
    match leaf:
        case Quantity():
            kept = _part(column, leaf.part)
            if leaf.low is not None:
                kept = f"MIN(MAX({kept},{_number(leaf.low)}),{_number(leaf.high)})"
            return f"IF({_given(column)},{kept},{_number(leaf.default)})"
        case Missing():
            if column.kind != "text":
                return f"IF({_given(column)},0,1)"
            gone = ",".join([f'{cell}=""', *(f"EXACT({cell},{_text(value)})" for value in column.absent if value)])
            return f"IF(OR({gone}),1,0)"
        case Equals():
            return f"IF({_is(leaf, leaf.level)},1,0)"
    # a sum, because cases would be nested
    terms = [f"IF({_is(leaf, level)},{_number(mean - leaf.default)},0)" for level, mean in leaf.pairs]
    return f"({'+'.join([_number(leaf.default), *terms])})"


def _is(leaf: Equals | Lookup, level: str | int | float) -> str:
    if isinstance(level, str):
        cell = _cell_of(leaf.column)
        taken = f'LEFT({cell}&" ",{len(level) + 1})' if leaf.part else cell
        return f"EXACT({taken},{_text(level + ' ' if leaf.part else level)})"
    given, equal = _given(leaf.column), f"{_part(leaf.column, leaf.part)}={_number(level)}"
    # AND would take a part of what is no date
    return f"AND({given},{equal})" if leaf.part is None else f"IF({given},{equal},FALSE)"
