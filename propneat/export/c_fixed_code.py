"""A fixed-point model as C: tables of its numbers, and loops over them in integers."""

from collections.abc import Sequence

from propneat.export.c_fixed import WEIGHT_BITS, FixedModel, FixedNode
from propneat.export.c_fixed_answer import CURVE, FARTHEST, LOG2_E, LOGIT_BITS, FixedAnswer
from propneat.export.c_fixed_functions_code import call_of, function_code, within_code
from propneat.export.c_fixed_inputs import Flag, Means, Plain
from propneat.export.c_names import wrap

__all__ = ["fixed_parts"]

_FLASH = """#ifdef __AVR__
#include <avr/pgmspace.h>
#define FLASH PROGMEM
#define BYTE(place) pgm_read_byte(&(place))
#define WORD(place) ((int16_t)pgm_read_word(&(place)))
#define LONG(place) ((int32_t)pgm_read_dword(&(place)))
#else
#define FLASH
#define BYTE(place) (place)
#define WORD(place) (place)
#define LONG(place) (place)
#endif"""

_TYPES = (("uint8_t", 0, 255), ("int8_t", -128, 127), ("int16_t", -32768, 32767), ("int32_t", -(2**31), 2**31 - 1))


class Tables:
    """Arrays of constants: each of the smallest type that holds its numbers, or no array where all are one number."""

    def __init__(self) -> None:
        self.code: list[str] = []

    def add(self, name: str, values: Sequence[int], at: str, kind: str = "") -> str:
        """Add an array and return the expression that reads it at a place; a number where all values are the same."""
        if len(set(values)) == 1 and not kind:
            return _literal(values[0])
        kind = kind or next(kind for kind, low, high in _TYPES if low <= min(values) and max(values) <= high)
        self.code.append(f"static const {kind} {name}[{len(values)}] FLASH = {{\n{wrap(map(_literal, values))}\n}};")
        read = {"uint8_t": "BYTE", "int8_t": "(int8_t)BYTE", "uint16_t": "(uint16_t)WORD", "int16_t": "WORD", "int32_t": "LONG"}
        return f"{read[kind]}({name}[{at}])"


def _literal(value: int) -> str:
    return f"({value + 1} - 1)" if value == -(2**31) else str(value)


def fixed_parts(fixed: FixedModel, answer: FixedAnswer, prefix: str) -> list[str]:
    """Return the parts of the C source: tables, helpers and NAME_predict."""
    tables, order = Tables(), _value_order(fixed)
    input_lines = _input_lines(fixed, tables, order)
    node_lines = _node_lines(fixed, tables, order)
    functions = _functions(fixed)
    sources = [order[int(slot)] for slot in fixed.model.plan.output_slot]
    answer_lines = _number_lines(answer, sources[0]) if fixed.model.task == "regression" else _class_lines(fixed, answer, sources)
    head = f"int {prefix}_predict(const int32_t *x, int32_t *out) {{\n    int16_t v[{len(order)}];"
    unused = [] if fixed.layout.columns else ["    (void)x;"]
    lines = [head, *unused, *(f"    {line}" for line in [*input_lines, *node_lines, *answer_lines]), "}"]
    return [_FLASH, *tables.code, *functions, "\n".join(lines)]


def _value_order(fixed: FixedModel) -> dict[int, int]:
    """Return the place in v of every slot: plain inputs, flags, means, nodes."""
    kinds = (Plain, Flag, Means)
    pairs = list(zip(fixed.layout.slots, fixed.inputs.makers, strict=True))
    slots = [slot for kind in kinds for slot, maker in pairs if isinstance(maker, kind)]
    plan = fixed.model.plan
    return {slot: place for place, slot in enumerate([*slots, *range(plan.n_inputs, plan.n_slots)])}


def _functions(fixed: FixedModel) -> list[str]:
    names = {node.activation for node in fixed.nodes}
    code = function_code(names)
    needs = "\n".join([*code, *(call_of(name) for name in names)])
    uses = "within(" in needs or any(_is_product(node) or node.shift < 0 for node in fixed.nodes)
    return [*([within_code()] if uses else []), *code]


def _input_lines(fixed: FixedModel, tables: Tables, order: dict[int, int]) -> list[str]:
    makers = fixed.inputs.makers
    plain = [maker for maker in makers if isinstance(maker, Plain)]
    flags = [maker for maker in makers if isinstance(maker, Flag)]
    lines = _plain_lines(plain, tables) if plain else []
    lines += _flag_lines(flags, len(plain), tables) if flags else []
    for slot, maker in zip(fixed.layout.slots, makers, strict=True):
        if isinstance(maker, Means):
            lines += _means_lines(maker, order[slot], tables)
    return lines


def _place(makers: Sequence[Plain] | Sequence[Flag], name: str, tables: Tables) -> str:
    places = [maker.place for maker in makers]
    return "i" if places == list(range(len(places))) else tables.add(name, places, "i")


def _plain_lines(plain: list[Plain], tables: Tables) -> list[str]:
    """Numbers: within their bounds, and from their centre."""
    center = tables.add("CENTER", [maker.center for maker in plain], "i")
    low, high = (tables.add(name, [getattr(m, name.lower()) for m in plain], "i") for name in ("LOW", "HIGH"))
    return [
        f"for (uint_fast16_t i = 0; i < {len(plain)}; i++) {{",
        f"    const int32_t given = x[{_place(plain, 'PLACE', tables)}], center = {center}, low = center + {low}, high = center + {high};",
        "    const int32_t kept = given < low ? low : given > high ? high : given;",
        "    v[i] = (int16_t)(given == INT32_MIN ? 0 : kept - center);",
        "}",
    ]


def _flag_lines(flags: list[Flag], first: int, tables: Tables) -> list[str]:
    """Levels, truth values and gaps: one number where x is the level, others where it is missing or anything else."""
    level, yes, no, gone = (tables.add(name, [getattr(m, name.lower()) for m in flags], "i") for name in ("LEVEL", "YES", "NO", "GONE"))
    at = f"i + {first}" if first else "i"
    return [
        f"for (uint_fast16_t i = 0; i < {len(flags)}; i++) {{",
        f"    const int32_t given = x[{_place(flags, 'FLAG_PLACE', tables)}];",
        f"    v[{at}] = (int16_t)(given == INT32_MIN ? {gone} : given == {level} ? {yes} : {no});",
        "}",
    ]


def _means_lines(maker: Means, place: int, tables: Tables) -> list[str]:
    if not maker.levels:
        return [f"v[{place}] = {maker.default};"]
    level = tables.add(f"LEVELS_{place}", maker.levels, "i")
    found = tables.add(f"MEANS_{place}", maker.found, "i")
    return [
        f"v[{place}] = {maker.default};",
        f"for (uint_fast16_t i = 0; i < {len(maker.levels)}; i++)",
        f"    if (x[{maker.place}] == {level}) v[{place}] = {found};",
    ]


def _is_product(node: FixedNode) -> bool:
    return node.join == "product" and len(node.sources) > 1


def _join_of(node: FixedNode) -> str:
    """Return how a node's terms are joined in integers; a mean is a sum, for its weights take the division in."""
    return node.join if node.join in ("max", "min", "product") and len(node.sources) > 1 else "sum"


def _node_lines(fixed: FixedModel, tables: Tables, order: dict[int, int]) -> list[str]:
    nodes = fixed.nodes
    sources = [order[source] for node in nodes for source in node.sources]
    weights = [weight for node in nodes for weight in node.weights]
    weight = tables.add("WEIGHT", weights, "e", f"int{WEIGHT_BITS[fixed.numbers]}_t") if weights else "0"
    source = tables.add("SOURCE", sources, "e", "uint8_t" if max(sources, default=0) < 256 else "uint16_t") if sources else "0"
    counts = tables.add("EDGES", [len(node.sources) for node in nodes], "n")
    bias = tables.add("BIAS", [node.bias for node in nodes], "n")
    joins = [_join_of(node) for node in nodes]
    known = sorted(set(joins))
    join = tables.add("JOIN", [known.index(name) for name in joins], "n") if len(known) > 1 else ""
    lines = ["uint_fast16_t e = 0;"] if sources else []
    lines += [f"for (uint_fast16_t n = 0; n < {len(nodes)}; n++) {{", f"    int32_t sum = {bias};"]
    if sources:
        lines += [f"    const uint_fast16_t end = (uint_fast16_t)(e + {counts});"]
        lines += [f"    {line}" for line in _join_lines(known, join, weight, source)]
    lines += _activation_lines(nodes, tables, len(order) - len(nodes))
    return [*lines, "}"]


def _join_lines(known: list[str], join: str, weight: str, source: str) -> list[str]:
    """Add up the terms of a node, or join them as its kind asks."""
    term = f"(int32_t){weight} * v[{source}]"
    blocks = {
        "sum": [f"for (; e < end; e++) sum += {term};"],
        "max": [f"int32_t most = {term};", f"for (e++; e < end; e++) {{ const int32_t term = {term}; if (term > most) most = term; }}", "sum += most;"],
        "min": [f"int32_t least = {term};", f"for (e++; e < end; e++) {{ const int32_t term = {term}; if (term < least) least = term; }}", "sum += least;"],
        "product": [
            f"const int32_t scale = {weight};",
            f"int32_t product = v[{source}];",
            "for (e++; e < end; e++) {",
            f"    const uint8_t shift = (uint8_t){weight};",
            f"    product = within((product * v[{source}] + (((int32_t)1 << shift) >> 1)) >> shift);",
            "}",
            "sum += product * scale;",
        ],
    }  # fmt: skip
    if not join:
        return blocks[known[0]]
    lines = [f"switch ({join}) {{"]
    for code, name in enumerate(known):
        label = "default" if code == len(known) - 1 else f"case {code}"
        lines += [f"{label}: {{", *(f"    {line}" for line in blocks[name]), "    break;", "}"]
    return [*lines, "}"]


def _activation_lines(nodes: Sequence[FixedNode], tables: Tables, first: int) -> list[str]:
    shift = tables.add("SHIFT", [node.shift for node in nodes], "n")
    if any(node.shift < 0 for node in nodes):
        text = f"shift < 0 ? (int32_t)within(sum) * ((int32_t)1 << (shift < -15 ? 15 : -shift)) : sum >> shift"
        lines = [f"const int8_t shift = {shift};", f"const int32_t z = {text};"]
    else:
        lines = [f"const int32_t z = sum >> {shift};"]
    names = [node.activation for node in nodes]
    calls = {name: call_of(name) for name in names}
    if any("more" in call for call in calls.values()):
        lines.append(f"const uint8_t more = {tables.add('MORE', [node.more for node in nodes], 'n')};")
    value = f"v[n + {first}]" if first else "v[n]"
    known = sorted(set(calls.values()))
    if len(known) == 1:
        return [f"    {line}" for line in [*lines, f"{value} = {known[0]};"]]
    kind = tables.add("KIND", [known.index(calls[name]) for name in names], "n")
    lines.append(f"switch ({kind}) {{")
    for code, call in enumerate(known):
        label = "default" if code == len(known) - 1 else f"case {code}"
        lines.append(f"{label}: {value} = {call}; break;")
    return [f"    {line}" for line in [*lines, "}"]]


def _number_lines(answer: FixedAnswer, source: int) -> list[str]:
    half = (1 << answer.shift) >> 1
    scaled = f"((int32_t)v[{source}] * {answer.factor} + {half}) >> {answer.shift}" if answer.shift else f"(int32_t)v[{source}] * {answer.factor}"
    lines = [f"out[0] = ({scaled}) + {_literal(answer.center)};"]
    if answer.low is not None:
        lines += [f"if (out[0] < {answer.low}) out[0] = {answer.low};", f"if (out[0] > {answer.high}) out[0] = {answer.high};"]
    return [*lines, "return 0;"]


def _class_lines(fixed: FixedModel, answer: FixedAnswer, sources: list[int]) -> list[str]:
    """Softmax of the outputs; that of a binary model is the logit of its second class, and the first one's is 0."""
    logits = [
        f"(int32_t)v[{source}] * {1 << shift}" if shift >= 0 else f"v[{source}] >> {-shift}"
        for source, shift in zip(sources, answer.shifts, strict=True)
    ]
    logits = ["0", *logits] if fixed.model.task == "binary" else logits
    first, second, third = CURVE
    each = f"for (k = 0; k < {len(logits)}; k++)"
    return [
        "int k, best = 0;",
        "uint8_t shift = 1;",
        "uint32_t total = 0, share;",
        "int32_t highest;",
        *(f"out[{place}] = {text};" for place, text in enumerate(logits)),
        f"{each} if (out[k] > out[best]) best = k;",
        "highest = out[best];",
        f"{each} {{ /* exp(-a) = m / 2^(15 + lower) */",
        "    const int32_t a = highest - out[k];",
        f"    const uint32_t t = (uint32_t)(a > {FARTHEST} ? {FARTHEST} : a) * {LOG2_E}u, r = (t >> {LOGIT_BITS - 1}) & 32767u;",
        f"    const uint32_t m = 32768u - ((r * ({first}u - ((r * ({second}u - ((r * {third}u) >> 15))) >> 15))) >> 15);",
        f"    const uint32_t lower = t >> {LOGIT_BITS + 14};",
        "    total += (m << 9) >> lower;",
        "    out[k] = (int32_t)((lower << 16) | m);",
        "}",
        "for (total >>= 9; total > 0xFFFFu; total >>= 1) shift++;",
        "share = 0x80000000u / total;",
        f"{each} {{",
        "    const uint32_t m = (uint32_t)out[k] & 0xFFFFu, down = ((uint32_t)out[k] >> 16) + shift;",
        "    out[k] = down > 31 ? 0 : (int32_t)((m * share) >> down);",
        "}",
        "return best;",
    ]
