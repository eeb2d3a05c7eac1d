"""A fixed-point model as C: tables of its numbers, and loops over them in integers."""

from collections.abc import Sequence

from propneat.export.c_fixed import WEIGHT_BITS, FixedModel, FixedNode
from propneat.export.c_fixed_answer import FixedAnswer
from propneat.export.c_fixed_functions_code import call_of, function_code, within_code
from propneat.export.c_fixed_inputs import Flag, Means, Plain
from propneat.export.c_tables import Tables, flash_code, int_literal, loop
from propneat.genome import check_functions

__all__ = ["fixed_parts"]

check_functions(__name__, aggregations=("sum", "mean", "product", "max", "min"))


def fixed_parts(fixed: FixedModel, answer: FixedAnswer, prefix: str) -> list[str]:
    """Return the parts of the C source: tables, helpers and NAME_predict."""
    tables, order = Tables(), _value_order(fixed)
    input_lines = _input_lines(fixed, tables, order)
    node_lines = _node_lines(fixed, tables, order)
    sources = [order[int(slot)] for slot in fixed.model.plan.output_slot]
    answer_lines = {"regression": _number_lines, "binary": _binary_lines}.get(fixed.model.task, _softmax_lines)(answer, sources)
    functions = _functions(fixed, "\n".join(answer_lines))
    head = f"int {prefix}_predict(const int32_t *x, int32_t *out) {{\n    int16_t v[{len(order)}];"
    unused = [] if fixed.layout.columns else ["    (void)x;"]
    lines = [head, *unused, *(f"    {line}" for line in [*input_lines, *node_lines, *answer_lines]), "}"]
    parts = [*functions, "\n".join(lines)]
    helpers = [within_code()] if any("within(" in part for part in parts) else []
    parts = [*tables.code, *helpers, *parts]
    return [*flash_code(parts), *parts]


def _value_order(fixed: FixedModel) -> dict[int, int]:
    """Return the place in v of every slot: plain inputs, flags, means, nodes."""
    kinds = (Plain, Flag, Means)
    pairs = list(zip(fixed.layout.slots, fixed.inputs.makers, strict=True))
    slots = [slot for kind in kinds for slot, maker in pairs if isinstance(maker, kind)]
    plan = fixed.model.plan
    return {slot: place for place, slot in enumerate([*slots, *range(plan.n_inputs, plan.n_slots)])}


def _functions(fixed: FixedModel, answer: str) -> list[str]:
    return function_code({node.activation for node in fixed.nodes}, any(node.is_computed for node in fixed.nodes), answer)


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
    """Numbers: how far above their lower bound, up to the upper one, and from the centre."""
    low = tables.add("LOW", [maker.center + maker.low for maker in plain], "i")
    width = tables.add("WIDTH", [maker.high - maker.low for maker in plain], "i")
    center = tables.add("CENTER", [-maker.low for maker in plain], "i")
    return [
        loop("i", len(plain))[0],
        f"    const int32_t given = x[{_place(plain, 'PLACE', tables)}], low = {low};",
        f"    const uint16_t width = (uint16_t){width};",
        "    const uint32_t above = given > low ? (uint32_t)given - (uint32_t)low : 0;",
        f"    v[i] = (int16_t)(given == INT32_MIN ? 0 : (int32_t)(above > width ? width : (uint16_t)above) - {center});",
        "}",
    ]


def _flag_lines(flags: list[Flag], first: int, tables: Tables) -> list[str]:
    """Levels, truth values and gaps: one number where x is the level, others where it is missing or anything else."""
    level, no = (tables.add(name, [getattr(m, name.lower()) for m in flags], "i") for name in ("LEVEL", "NO"))
    apart = {maker.yes - maker.no for maker in flags}
    found = f"given == {level} ? {tables.add('YES', [maker.yes for maker in flags], 'i')} : {no}" if len(apart) > 1 else ""
    found = found or f"{no} + (given == {level} ? {apart.pop()} : 0)"
    missed = [maker.gone for maker in flags]
    is_like_no = missed == [maker.no for maker in flags]
    gone = "" if is_like_no else f"given == INT32_MIN ? {tables.add('GONE', missed, 'i')} : "
    at = f"i + {first}" if first else "i"
    return [
        loop("i", len(flags))[0],
        f"    const int32_t given = x[{_place(flags, 'FLAG_PLACE', tables)}];",
        f"    v[{at}] = (int16_t)({gone}{found});",
        "}",
    ]


def _means_lines(maker: Means, place: int, tables: Tables) -> list[str]:
    if not maker.levels:
        return [f"v[{place}] = {maker.default};"]
    level = tables.add(f"LEVELS_{place}", maker.levels, "i")
    found = tables.add(f"MEANS_{place}", maker.found, "i")
    return [
        f"v[{place}] = {maker.default};",
        loop("i", len(maker.levels))[0][:-2],
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
    source = "e" if sources == list(range(len(sources))) else tables.add("SOURCE", sources, "e")
    counts = tables.add("EDGES", [len(node.sources) for node in nodes], "n")
    bias = tables.add("BIAS", [node.bias for node in nodes], "n")
    joins = [_join_of(node) for node in nodes]
    known = sorted(set(joins))
    join = tables.add("JOIN", [known.index(name) for name in joins], "n") if len(known) > 1 else ""
    kind = loop("e", len(sources))[1]
    lines = [f"{kind} e = 0;"] if sources else []
    lines += [loop("n", len(nodes))[0], f"    int32_t sum = {bias};"]
    if sources:
        lines += [f"    const {kind} end = ({kind})(e + {counts});"]
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
        text = "shift < 0 ? (int32_t)within(sum) * ((int32_t)1 << (shift < -15 ? 15 : -shift)) : sum >> shift"
        lines = [f"const int8_t shift = {shift};", f"const int32_t all = {text};"]
    else:
        lines = [f"const int32_t all = sum >> {shift};"]
    names = [node.activation for node in nodes]
    calls = {name: call_of(name) for name in names}
    lines += [] if set(names) == {"sin"} else ["const int16_t z = within(all);"]
    if any("more" in call for call in calls.values()):
        lines.append(f"const uint8_t more = {tables.add('MORE', [node.more for node in nodes], 'n')};")
    value = f"v[n + {first}]" if first else "v[n]"
    known = sorted(set(calls.values()))
    if len(known) == 1:
        return [f"    {line}" for line in [*lines, f"{value} = {known[0]};"]]
    kind = tables.add("KIND", [known.index(calls[name]) for name in names], "n")
    lines += ["int16_t value;", f"switch ({kind}) {{"]
    for code, call in enumerate(known):
        label = "default" if code == len(known) - 1 else f"case {code}"
        lines.append(f"{label}: value = {call}; break;")
    return [f"    {line}" for line in [*lines, "}", f"{value} = value;"]]


def _scaled(answer: FixedAnswer, place: int, source: int) -> str:
    """Return the expression of an output in the units of the answer."""
    half, product = (1 << answer.shifts[place]) >> 1, f"(int32_t)v[{source}] * {answer.factors[place]}"
    return f"({product} + {half}) >> {answer.shifts[place]}" if half else product


def _number_lines(answer: FixedAnswer, sources: list[int]) -> list[str]:
    scaled, center = _scaled(answer, 0, sources[0]), int_literal(answer.center)
    lines = [f"out[0] = ({scaled}) + {center};"]
    if answer.is_log:
        lines = [
            f"const int32_t less = {center} - ({scaled});",
            "const uint32_t d = less < 0 ? 0u : (uint32_t)less, whole = d >> 16;",
            "out[0] = (int32_t)(((uint32_t)power_of_half((uint16_t)(d & 0xFFFFu)) << 14) >> (whole > 31u ? 31u : whole));",
        ]
    if answer.low is not None:
        lines += [f"if (out[0] < {answer.low}) out[0] = {answer.low};", f"if (out[0] > {answer.high}) out[0] = {answer.high};"]
    return [*lines, "return 0;"]


def _binary_lines(answer: FixedAnswer, sources: list[int]) -> list[str]:
    """The sigmoid of the logit."""
    return [
        f"const int32_t logit = {_scaled(answer, 0, sources[0])};",
        "const int yes = logit > 0;",
        "const uint32_t d = (uint32_t)(yes ? logit : -logit);",
        "const int32_t small = logistic((uint16_t)(d >> 16), (uint16_t)(d & 0xFFFFu));",
        "out[1 - yes] = small;",
        "out[yes] = 0x40000000 - small;",
        "return yes;",
    ]


def _softmax_lines(answer: FixedAnswer, sources: list[int]) -> list[str]:
    """The softmax of the logits: as a power of two each is m / 2^(16 + n), and the whole a sum of these."""
    each = f"for (k = 0; k < {len(sources)}; k++)"
    return [
        "int k, best = 0;",
        "uint8_t shift = 2;",
        "uint32_t total = 512, highest; /* so that the share has 16 bits */",
        *(f"out[{place}] = {_scaled(answer, place, source)};" for place, source in enumerate(sources)),
        f"{each} if (out[k] > out[best]) best = k;",
        "highest = (uint32_t)out[best];",
        f"{each} {{",
        "    const uint32_t d = highest - (uint32_t)out[k], n = d >> 16 > 31u ? 31u : d >> 16;",
        "    const uint16_t m = power_of_half((uint16_t)(d & 0xFFFFu));",
        "    total += ((uint32_t)m << 8) >> n;",
        "    out[k] = (int32_t)((n << 16) | m);",
        "}",
        "for (total >>= 9; total > 0xFFFFu; total >>= 1) shift++;",
        "total = 0x7FFFFFFFu / total;",
        f"{each} {{",
        "    const uint8_t down = (uint8_t)(((uint32_t)out[k] >> 16) + shift);",
        "    out[k] = (int32_t)(((uint32_t)out[k] & 0xFFFFu) * total >> (down > 31 ? 31 : down));",
        "}",
        "return best;",
    ]
