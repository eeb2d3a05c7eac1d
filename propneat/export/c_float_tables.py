"""A model as float32 C in tables and loops: smaller than straight code from a few connections on, and slower."""

from dataclasses import dataclass

import numpy as np

from propneat.data.input_rule import InputRule
from propneat.export.c_answer import answer_code
from propneat.export.c_columns import Column, Layout
from propneat.export.c_float import FINE, FUNCTIONS, is_plain, level_number
from propneat.export.c_names import float_literal
from propneat.export.c_tables import Tables, flash_code, loop
from propneat.genome import ACTIVATIONS, AGGREGATIONS
from propneat.model import Model

__all__ = ["TableCode", "table_code"]


@dataclass(frozen=True)
class TableCode:
    """The parts of a source: tables with the macros that read them, and the lines of the body of NAME_predict."""

    tables: list[str]
    lines: list[str]


def table_code(model: Model, layout: Layout) -> TableCode:
    """Return a model as tables and loops; values are numbers of columns first, then flags, means, and nodes."""
    tables, plan = Tables(), model.plan
    used = list(zip(layout.slots, layout.rules, layout.places, strict=True))
    plain = [(slot, rule, place) for slot, rule, place in used if is_plain(rule)]
    flags = [(slot, rule, place) for slot, rule, place in used if rule.missing or rule.level is not None]
    means = [(slot, rule, place) for slot, rule, place in used if rule.means is not None]
    order = {
        slot: k
        for k, slot in enumerate([*(slot for slot, _, _ in [*plain, *flags, *means]), *range(plan.n_inputs, plan.n_slots)])
    }
    lines = [f"float v[{len(order)}];", *([] if layout.columns else ["(void)x;"])]
    lines += _plain_lines([(rule, place) for _, rule, place in plain], tables) if plain else []
    lines += _flag_lines([(rule, place) for _, rule, place in flags], len(plain), layout, tables) if flags else []
    for slot, rule, place in means:
        lines += _means_lines(rule, place, layout.columns[place], order[slot], tables)
    lines += _node_lines(model, order, tables)
    lines += answer_code(model, [f"v[{order[int(slot)]}]" for slot in plan.output_slot])
    return TableCode([*flash_code([*tables.code, *lines]), *tables.code], lines)


def _places(places: list[int], name: str, tables: Tables) -> str:
    return "i" if places == list(range(len(places))) else tables.add(name, places, "i")


def _plain_lines(plain: list[tuple[InputRule, int]], tables: Tables) -> list[str]:
    """Numbers: 0 where missing, else within their bounds, from their centre, by their spread."""
    rules = [rule for rule, _ in plain]
    rests = [rule.center - float(np.float32(rule.center)) for rule in rules]
    center, factor = (
        tables.add_floats("CENTER", [r.center for r in rules], "i"),
        tables.add_floats("FACTOR", [1 / r.scale for r in rules], "i"),
    )
    is_fine = any(abs(rest) > FINE * rule.scale for rest, rule in zip(rests, rules, strict=True))
    rest = f" - {tables.add_floats('REST', rests, 'i')}" if is_fine else ""
    lines = [loop("i", len(plain))[0], f"    const float given = x[{_places([place for _, place in plain], 'PLACE', tables)}];"]
    value = "given"
    if any(rule.low is not None for rule in rules):
        largest = float(np.finfo(np.float32).max)
        low = tables.add_floats("LOW", [-largest if rule.low is None else rule.low for rule in rules], "i")
        high = tables.add_floats("HIGH", [largest if rule.low is None else rule.high for rule in rules], "i")
        lines.append(f"    const float low = {low}, high = {high}, kept = given < low ? low : given > high ? high : given;")
        value = "kept"
    return [*lines, f"    v[i] = given != given ? 0.0f : ({value} - {center}{rest}) * {factor};", "}"]


def _flag_lines(flags: list[tuple[InputRule, int]], first: int, layout: Layout, tables: Tables) -> list[str]:
    """Levels and gaps: one number where x is the level, another where it is missing, a third elsewhere."""
    levels, yes, no, gone = [], [], [], []
    for rule, place in flags:
        column = layout.columns[place]
        is_so, is_not = ((number - rule.center) / rule.scale for number in (1.0, 0.0))
        levels.append(-1.0 if rule.missing else level_number(rule, column))
        yes.append(is_so if not rule.missing or column.is_text else is_not)
        no.append(is_not)
        gone.append(is_so if rule.missing else is_not)
    read = [
        tables.add_floats(name, values, "i") for name, values in (("LEVEL", levels), ("YES", yes), ("NO", no), ("GONE", gone))
    ]
    return [
        loop("i", len(flags))[0],
        f"    const float given = x[{_places([place for _, place in flags], 'FLAG_PLACE', tables)}];",
        f"    v[{f'i + {first}' if first else 'i'}] = given != given ? {read[3]} : given == {read[0]} ? {read[1]} : {read[2]};",
        "}",
    ]


def _means_lines(rule: InputRule, place: int, column: Column, target: int, tables: Tables) -> list[str]:
    """Look the mean of a level up, by searching the levels."""
    pairs = [(float(column.levels.index(level)) if column.is_text else float(level), mean) for level, mean in rule.means]
    default = float_literal((rule.default - rule.center) / rule.scale)
    if not pairs:
        return [f"v[{target}] = {default};"]
    level = tables.add_floats(f"LEVELS_{target}", [level for level, _ in pairs], "i")
    mean = tables.add_floats(f"MEANS_{target}", [(mean - rule.center) / rule.scale for _, mean in pairs], "i")
    return [f"v[{target}] = {default};", loop("i", len(pairs))[0][:-2], f"    if (x[{place}] == {level}) v[{target}] = {mean};"]


def _node_lines(model: Model, order: dict[int, int], tables: Tables) -> list[str]:
    plan, n_edges = model.plan, model.plan.n_edges
    slots = range(plan.n_inputs, plan.n_slots)
    counts = np.diff(plan.edge_start)[plan.n_inputs :].tolist()
    joins = [
        AGGREGATIONS[code] if count > 1 else "sum"
        for code, count in zip(plan.aggregation[plan.n_inputs :].tolist(), counts, strict=True)
    ]
    share = np.repeat([1 / count if join == "mean" else 1.0 for join, count in zip(joins, counts, strict=True)], counts)
    joins = ["sum" if join == "mean" else join for join in joins]
    sources = [order[int(source)] for source in plan.edge_source]
    bias = tables.add_floats("BIAS", plan.biases.tolist(), "n")
    lines = []
    body = ["float z = 0.0f;"]
    if n_edges:
        kind = loop("e", n_edges)[1]
        weight = tables.add_floats("WEIGHT", (plan.weights * share).tolist(), "edge")
        source = "edge" if sources == list(range(n_edges)) else tables.add("SOURCE", sources, "edge")
        lines = [f"{kind} edge = 0;"]
        body = [f"const {kind} end = ({kind})(edge + {tables.add('EDGES', counts, 'n')});", *body]
        body += _join_lines(joins, f"{weight} * v[{source}]", tables)
    names = [ACTIVATIONS[plan.activation[slot]] for slot in slots]
    body += [f"z += {bias};", *_activation_lines(names, f"v[n + {len(order) - len(names)}]", tables)]
    return [*lines, loop("n", len(names))[0], *(f"    {line}" for line in body), "}"]


def _join_lines(joins: list[str], term: str, tables: Tables) -> list[str]:
    blocks = {
        "sum": [f"for (; edge < end; edge++) z += {term};"],
        "product": [f"for (z = 1.0f; edge < end; edge++) z *= {term};"],
        "max": [f"for (z = {term}, edge++; edge < end; edge++) z = larger(z, {term});"],
        "min": [f"for (z = {term}, edge++; edge < end; edge++) z = smaller(z, {term});"],
    }
    known = sorted(set(joins))
    return _switch(tables.add("JOIN", [known.index(join) for join in joins], "n"), [blocks[join][0] for join in known])


def _activation_lines(names: list[str], value: str, tables: Tables) -> list[str]:
    known = sorted(set(names))
    calls = [f"{value} = {FUNCTIONS[name][0].format(z='z')};" for name in known]
    return _switch(tables.add("KIND", [known.index(name) for name in names], "n"), calls)


def _switch(kind: str, statements: list[str]) -> list[str]:
    """Return a statement for each kind; the statement itself where there is one."""
    if len(statements) == 1:
        return statements
    labels = [*(f"case {code}" for code in range(len(statements) - 1)), "default"]
    return [f"switch ({kind}) {{", *(f"{label}: {text} break;" for label, text in zip(labels, statements, strict=True)), "}"]
