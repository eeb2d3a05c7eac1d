"""The header of an exported model: what it is, what it is given, what it answers; and the files that a C project takes."""

from propneat import __version__
from propneat.export.c_columns import Column, Layout
from propneat.export.c_names import comment, distinct_names, string_literal
from propneat.model import Model

__all__ = ["card_lines", "guarded", "header_text"]


def card_lines(model: Model) -> list[str]:
    """Return the model card: data set, rows, scores and size, one line each; no date, so that equal models give equal files."""
    about = model.about
    plan = model.plan
    lines = [
        f"A {model.task} model, connections: {plan.n_edges}, nodes: {plan.n_slots - plan.n_inputs}; by propneat {__version__}."
    ]
    if "data" in about:
        rows = f", {about['rows']} rows" if "rows" in about else ""
        lines.append(f"Data set: {comment(about['data'])}{rows}; target: {comment(model.target_name)}.")
    test = about.get("test")
    if isinstance(test, dict) and test:
        scores = ", ".join(f"{comment(name)} {value:.4g}" for name, value in test.items() if isinstance(value, int | float))
        on = f" on {about['test_rows']} rows held out" if "test_rows" in about else ""
        lines.append(f"Scores{on}: {scores}.")
    if "seed" in about:
        lines.append(f"Seed: {comment(about['seed'])}.")
    return lines


def header_text(model: Model, layout: Layout, prefix: str, number_notes: list[str], declarations: list[str]) -> str:
    """Return the header; `number_notes` say what numbers `x` and `out` hold, `declarations` end it."""
    upper = prefix.upper()
    lines = [
        "/*",
        *(f" * {line}".rstrip() for line in [*card_lines(model), "", *number_notes]),
        " */",
        *_columns_enum(layout, upper),
    ]
    lines += [code for column in layout.columns for code in _levels_enum(column, upper)]
    lines += _classes(model, prefix, set(layout.taken))
    return guarded(prefix, [*lines, *declarations])


def guarded(prefix: str, lines: list[str]) -> str:
    """Return a header whose lines C and C++ read once, as C."""
    guard = f"{prefix.upper()}_H"
    around = ["#ifdef __cplusplus", 'extern "C" {', "#endif", ""], ["", "#ifdef __cplusplus", "}", "#endif"]
    comment_end = lines.index(" */") + 1
    top = [*lines[:comment_end], f"#ifndef {guard}", f"#define {guard}", "", *around[0]]
    return "\n".join([*top, *lines[comment_end:], *around[1], "", f"#endif /* {guard} */"]) + "\n"


def _columns_enum(layout: Layout, upper: str) -> list[str]:
    lines = [f"/* Places in x, of {upper}_COLUMNS values. */", "enum {"]
    for place, column in enumerate(layout.columns):
        lines.append(f"    {upper}_{column.name} = {place}, /* {comment(column.title)}{_kind_note(column)} */")
    return [*lines, f"    {upper}_COLUMNS = {len(layout.columns)}", "};", ""]


def _kind_note(column: Column) -> str:
    parts = {
        "days": "days since 1970 with their fraction",
        "month": "1 to 12",
        "day": "day of the month, 1 to 31",
        "weekday": "0 to 6, Monday is 0",
        "hour": "0 to 23",
    }
    if column.is_text:
        return ": a code from below"
    if column.kind == "truth":
        return ": 1 if true, 0 if not"
    return f": {parts[column.part]}" if column.part in parts else ""


def _levels_enum(column: Column, upper: str) -> list[str]:
    if not column.is_text:
        return []
    start = f"{upper}_{column.name}"
    lines = [
        f"/* Codes of {comment(column.title)}; any text that is not here is OTHER. */",
        "enum {",
        f"    {start}_MISSING = -1,",
    ]
    for code, (level, name) in enumerate(zip(column.levels, column.level_names, strict=True)):
        lines.append(f"    {upper}_{name} = {code}, /* {comment(level)} */")
    return [*lines, f"    {start}_OTHER = {len(column.levels)}", "};", ""]


def _classes(model: Model, prefix: str, taken: set[str]) -> list[str]:
    upper = prefix.upper()
    if model.task == "regression":
        return [f"enum {{ {upper}_OUTPUTS = 1 }}; /* out[0]: {comment(model.target_name)} */", ""]
    labels = [str(label) for label in model.classes]
    lines = [
        f"/* Classes of {comment(model.target_name)}: what {prefix}_predict returns, and the places of their probabilities in out. */",
        "enum {",
    ]
    for code, (label, name) in enumerate(zip(labels, distinct_names(labels, taken, "CLASS_"), strict=True)):
        lines.append(f"    {upper}_{name} = {code}, /* {comment(label)} */")
    lines += [f"    {upper}_OUTPUTS = {len(labels)}", "};", ""]
    cases = [f"    case {code}: return {string_literal(label)};" for code, label in enumerate(labels)]
    naming = f"static inline const char *{prefix}_class_name(int code) {{"
    return [
        *lines,
        "/* The name of a class, UTF-8; an empty text for what is none. */",
        naming,
        "    switch (code) {",
        *cases,
        '    default: return "";',
        "    }",
        "}",
        "",
    ]
