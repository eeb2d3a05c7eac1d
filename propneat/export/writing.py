"""Expressions as text: what every language of formulas shares, and what each of them says in its own way."""

import itertools
import keyword
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from propneat.base.errors import ConfigError
from propneat.formula import Apply, Clip, Extreme, Formula, Linear, Node, Number, Product, Shift
from propneat.formula.form import Leaf, parts_of, walk

__all__ = ["SOFT", "Language", "Names", "Written", "identifiers", "nesting_of", "wrapped", "write"]

_SUM, _PRODUCT, _ATOM = 1, 2, 3
SOFT = "\x1f"
"""A blank at which a line may be broken."""


@dataclass(frozen=True)
class Language:
    """How a language writes numbers, leaves and functions.

    Templates of functions have the argument as `{0}`, where a sum may stand, or as `{z}`, a sum in brackets; the text that
    results counts as what is in brackets unless the name is among `sums` or `products`.
    """

    name: str
    number: Callable[[float], str]
    leaf: Callable[[Leaf], str]
    functions: Mapping[str, str]
    extreme: Callable[[bool, list[str]], str]
    times: str = "*"
    brackets: tuple[str, str] = ("(", ")")
    sums: Collection[str] = ()
    products: Collection[str] = ()
    long_leaves: tuple[type, ...] = ()
    """Leaves that are long texts, which are named where hidden nodes are, or when they are used more than once."""
    deepest: int | None = None
    """Texts in which brackets (and what else `nesting` counts) are nested deeper are named, None where nothing limits them."""
    nesting: Callable[[str], int] = lambda text: nesting_of(text, r"\(", r"\)")


@dataclass
class Written:
    """A formula in a language: named texts, each after those that it uses, and the text of every answer."""

    named: list[tuple[str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    level: dict[str, int] = field(default_factory=dict)
    """How many named texts deep each name is, 1 for those that use no other."""


def write(formula: Formula, language: Language, names: Callable[[Node, str | None], str | None], all_steps: bool) -> Written:
    """Write a formula; `names(node, step)` gives a name for a text that deserves one, where step is that of a hidden node.

    With `all_steps` every hidden node that is more than a symbol is named; otherwise only texts that occur more than once.
    """
    roots = [answer for _, answer in formula.answers]
    order = list(walk(roots))
    _check_constants(order)
    uses = _uses(order, roots, language)
    steps = {id(node): name for name, node in formula.steps}
    texts: dict[object, tuple[str, int]] = {}
    written = Written()
    depth: dict[object, int] = {}
    for node in order:
        key = node if isinstance(node, Leaf) else id(node)
        if key in texts:
            continue
        below = [part if isinstance(part, Leaf) else id(part) for part in parts_of(node)]
        depth[key] = max((depth[one] for one in below), default=0)
        text = _text(node, language, texts)
        is_leaf = isinstance(node, language.long_leaves)
        is_deep = language.deepest is not None and language.nesting(text[0]) > language.deepest
        if (is_leaf or parts_of(node)) and (uses[key] > 1 or is_deep or (all_steps and (is_leaf or id(node) in steps))):
            depth[key] += 1
            name = names(node, steps.get(id(node)))
            written.named.append((name, text[0]))
            written.level[name] = depth[key]
            text = (name, _ATOM)
        texts[key] = text
    written.answers = [texts[root if isinstance(root, Leaf) else id(root)][0] for root in roots]
    return written


def _uses(order: Sequence[Node], roots: Sequence[Node], language: Language) -> Counter[object]:
    """Count how often each expression would be written, were those that hold it written once."""
    uses: Counter[object] = Counter(root if isinstance(root, Leaf) else id(root) for root in roots)
    seen: set[object] = set()
    for node in order:
        key = node if isinstance(node, Leaf) else id(node)
        if key in seen:
            continue
        seen.add(key)
        times = _repeats(node, language)
        for part in parts_of(node):
            uses[part if isinstance(part, Leaf) else id(part)] += times
    return uses


def _repeats(node: Node, language: Language) -> int:
    """Return how often a language writes each part of an expression."""
    if isinstance(node, Apply):
        template = language.functions[node.function]
        return template.count("{0}") + template.count("{z}")
    if isinstance(node, Extreme | Clip):
        probe = language.extreme(True, ["\x00", "\x01"])
        return max(probe.count("\x00"), probe.count("\x01")) if isinstance(node, Extreme) else probe.count("\x00") ** 2
    return 1


def _text(node: Node, language: Language, texts: Mapping[object, tuple[str, int]]) -> tuple[str, int]:
    """Return the text of an expression and how tightly it holds together."""

    def of(part: Node) -> tuple[str, int]:
        return texts[part if isinstance(part, Leaf) else id(part)]

    match node:
        case Number():
            return _constant(node.value, language)
        case Shift():
            return _sum([(1.0, of(node.quantity))], -node.center, language), _SUM
        case Linear():
            text = _sum([(weight, of(part)) for weight, part in node.terms], node.constant, language)
            return text, _PRODUCT if len(node.terms) == 1 and node.constant == 0.0 and node.terms[0][0] > 0 else _SUM
        case Product():
            return language.times.join(_bracketed(of(factor), _PRODUCT, language) for factor in node.factors), _PRODUCT
        case Extreme():
            return language.extreme(node.largest, [of(term)[0] for term in node.terms]), _ATOM
        case Clip():
            lower = language.extreme(True, [of(node.argument)[0], language.number(node.low)])
            return language.extreme(False, [lower, language.number(node.high)]), _ATOM
        case Apply():
            argument = of(node.argument)
            bound = _SUM if node.function in language.sums else _PRODUCT if node.function in language.products else _ATOM
            return language.functions[node.function].format(argument[0], z=_bracketed(argument, _ATOM, language)), bound
    return language.leaf(node), _ATOM


def _constant(value: float, language: Language) -> tuple[str, int]:
    return language.number(value), _ATOM if value >= 0 else _SUM


def _bracketed(text: tuple[str, int], least: int, language: Language) -> str:
    return text[0] if text[1] >= least else f"{language.brackets[0]}{text[0]}{language.brackets[1]}"


def _sum(terms: Sequence[tuple[float, tuple[str, int]]], constant: float, language: Language) -> str:
    """Write a sum of weighted texts and a constant, with a minus in place of adding what is negative."""
    parts: list[tuple[bool, str]] = []
    for weight, text in terms:
        factor = "" if abs(weight) == 1.0 else language.number(abs(weight)) + language.times
        parts.append((weight < 0, factor + _bracketed(text, _PRODUCT, language)))
    if constant != 0.0 or not parts:
        parts.append((constant < 0, language.number(abs(constant))))
    first, *others = parts
    joined = "".join(f"{SOFT}{'-' if negative else '+'} {text}" for negative, text in others)
    return ("-" if first[0] else "") + first[1] + joined


def nesting_of(text: str, opening: str, closing: str, quoted: str = r"\'[^']*\'|\"[^\"]*\"") -> int:
    """Return how deep a text nests what the patterns `opening` and `closing` find, outside of what is quoted."""
    depth = deepest = 0
    for found in re.finditer(rf"(?:{quoted})|(?P<open>{opening})|(?P<close>{closing})", text):
        depth += (found["open"] is not None) - (found["close"] is not None)
        deepest = max(deepest, depth)
    return deepest


def wrapped(start: str, text: str, *, width: int = 110, indent: str = "    ", brackets: tuple[str, str] = ("", "")) -> str:
    """Return `start` + `text` on lines of about a width, broken where a term begins; brackets go around what is broken."""
    if len(start) + len(text) <= width or SOFT not in text:
        return start + text.replace(SOFT, " ")
    first, *others = text.split(SOFT)
    lines, line = [], f"{start}{brackets[0]}{first} "
    for piece in others:
        if len(line) + len(piece) >= width:
            lines.append(line.rstrip())
            line = indent
        line += piece + " "
    return "\n".join([*lines, line.rstrip() + brackets[1]])


class Names:
    """Gives identifiers of letters, digits and "_", all different and none of them taken or a keyword."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._used = {*taken, *keyword.kwlist}
        self._count: dict[str, int] = {}

    def give(self, wanted: str) -> str:
        """Return an identifier as near as may be to a text."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "column"
        base = f"column_{base}" if base[0].isdigit() else base
        for count in itertools.count(self._count.get(base, 1)):
            own = base if count == 1 else f"{base}_{count}"
            if own not in self._used:
                self._count[base] = count + 1
                self._used.add(own)
                return own


def identifiers(names: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Return an identifier for each name, none of them `taken`."""
    given = Names(taken)
    return {name: given.give(name) for name in names}


def _check_constants(order: Sequence[Node]) -> None:
    """Raise ConfigError for a constant that overflowed, which no formula can say."""
    for node in order:
        constants = [node.value] if isinstance(node, Number) else []
        if isinstance(node, Linear):
            constants = [node.constant, *(weight for weight, _ in node.terms)]
        if not all(map(math.isfinite, constants)):
            raise ConfigError("the network's weights are so large that a constant of its formula overflows: it has no formula")
