"""A formula for people to read: a few lines in the names of the columns."""

from propneat.export.writing import SOFT, Language, Names, wrapped, write
from propneat.formula import Equals, Formula, Missing
from propneat.formula.form import Leaf, symbol_name
from propneat.genome import check_functions

__all__ = ["to_lines"]

_FUNCTIONS = {name: f"{name}({{0}})" for name in (
    "sigmoid", "steep_sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sin", "gauss", "abs", "exp",
)} | {"square": "{z}^2", "reciprocal": "1/{z}"}  # fmt: skip
check_functions(__name__, activations=("identity", *_FUNCTIONS))


def to_lines(formula: Formula, width: int = 110) -> list[str]:
    """Return a formula as lines of about a width: hidden nodes, then the answers.

    What brackets say is 1 or 0; bounds of columns, and what stands for missing values, are left out.
    """
    language = Language(
        "plain", lambda value: f"{value:.6g}", _leaf_text, _FUNCTIONS,
        lambda largest, terms: f"{'max' if largest else 'min'}({f',{SOFT}'.join(terms)})",
        times=" * ", products=("square", "reciprocal"),
    )  # fmt: skip
    names = Names()
    written = write(formula, language, lambda node, step: names.give(step or "v"), all_steps=True)
    start = formula.target if formula.task == "regression" else f"P({formula.target}={{}})"
    answers = [(start.format(label), text) for (label, _), text in zip(formula.answers, written.answers, strict=True)]
    texts = [wrapped(f"{own} = ", text, width=width) for own, text in [*written.named, *answers]]
    return "\n".join(texts).splitlines()


def _leaf_text(leaf: Leaf) -> str:
    name = symbol_name(leaf)
    return f"[{name}]" if isinstance(leaf, Equals | Missing) else name
