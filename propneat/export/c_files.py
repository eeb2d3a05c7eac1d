"""A model as C99 files: a header and a source, or both in a single header."""

import re
from collections.abc import Sequence

from propneat.export.c_columns import Layout, plan_columns
from propneat.export.c_fixed import FixedModel
from propneat.export.c_fixed_answer import plan_answer
from propneat.export.c_fixed_code import fixed_parts
from propneat.export.c_float import float_functions, float_predict
from propneat.export.c_float_tables import table_code
from propneat.export.c_header import header_text
from propneat.export.c_names import check_name
from propneat.model import Model

__all__ = ["fits_tables", "fixed_files", "float_files", "joined_files"]

FEW = 10
"""Up to so many connections and inputs straight code is smaller than tables and loops (measured on AVR and ARM)."""

_FLOAT_NOTES = [
    "x: a float for each column, at the places below; NAN where the value is missing.",
    "out: {out}.",
    "Returns {returns}, or -1 where the network overflows: out is NAN then.",
    "No memory is taken but the stack, and nothing is kept between calls. Do not compile it with -ffast-math.",
]


def float_files(model: Model, prefix: str, layout: Layout | None = None, in_tables: bool | None = None) -> dict[str, str]:
    """Return the texts of PREFIX.h and PREFIX.c in float32 by their file names.

    The source is straight code, or tables and loops; None takes what is smaller. Raises ConfigError for an unusable name.
    """
    check_name(prefix)
    layout = plan_columns(model) if layout is None else layout
    notes = [note.format(out=out_note(model, "1.0"), returns=returns_note(model)) for note in _FLOAT_NOTES]
    declaration = f"int {prefix}_predict(const float *x, float *out);"
    header = header_text(model, layout, prefix, notes, [declaration])
    if fits_tables(model, layout) if in_tables is None else in_tables:
        made = table_code(model, layout)
        parts, lines, includes = (
            [*made.tables, *float_functions(model, layout, in_tables=True)],
            made.lines,
            ["math.h", "stdint.h"],
        )
    else:
        parts, lines, includes = float_functions(model, layout), float_predict(model, layout, prefix.upper()), ["math.h"]
    body = "\n".join(f"    {line}" for line in lines)
    parts.append(f"int {prefix}_predict(const float *x, float *out) {{\n{body}\n}}")
    return {f"{prefix}.h": header, f"{prefix}.c": source_text(prefix, includes, parts)}


def fits_tables(model: Model, layout: Layout) -> bool:
    """Say whether tables and loops are smaller than straight code."""
    return model.plan.n_edges + len(layout.rules) > FEW


_FIXED_NOTES = [
    "All numbers are whole. x: for each column, at the places below, its number times 2 to the power of its BITS_OF, rounded, as",
    "{prefix}_fixed does; {upper}_MISSING where the value is missing; codes as they are.",
    "out: {out}.",
    "Returns {returns}.",
    "No floating point, no memory but the stack, and nothing is kept between calls. A right shift of a negative number must",
    "round down, as it does in every compiler of today.",
]

_FIXED_ROUNDING = """/* The nearest x of a number; for tests and tools, it needs floating point. */
static inline int32_t {prefix}_fixed(float value, int bits) {{
    if (value != value) return {upper}_MISSING;
    for (; bits > 0; bits--) value *= 2.0f;
    for (; bits < 0; bits++) value *= 0.5f;
    value += value < 0.0f ? -0.5f : 0.5f;
    if (value >= 2147483648.0f) return 2147483647;
    return value <= -2147483648.0f ? -2147483647 : (int32_t)value;
}}
"""


def fixed_files(fixed: FixedModel, prefix: str, more_notes: Sequence[str] = ()) -> dict[str, str]:
    """Return the texts of PREFIX.h and PREFIX.c in whole numbers by their file names; `more_notes` end the comment on top.

    Raises ConfigError for an unusable name and for what has no form in whole numbers.
    """
    check_name(prefix)
    model, answer, upper = fixed.model, plan_answer(fixed), prefix.upper()
    one = f"2 to the power of {upper}_OUT_BITS"
    out = f"the answer times {one}" if model.task == "regression" else out_note(model, one)
    notes = [note.format(prefix=prefix, upper=upper, out=out, returns=returns_note(model)) for note in _FIXED_NOTES]
    notes += ["", *more_notes] if more_notes else []
    bits = [
        f"    {upper}_BITS_OF_{column.name} = {n}," for column, n in zip(fixed.layout.columns, fixed.inputs.bits, strict=True)
    ]
    declarations = [
        "#include <stdint.h>", "", "enum {", *bits, f"    {upper}_OUT_BITS = {answer.bits}", "};", "",
        f"#define {upper}_MISSING INT32_MIN", "", _FIXED_ROUNDING.format(prefix=prefix, upper=upper),
        f"int {prefix}_predict(const int32_t *x, int32_t *out);",
    ]  # fmt: skip
    header = header_text(model, fixed.layout, prefix, notes, declarations)
    return {f"{prefix}.h": header, f"{prefix}.c": source_text(prefix, ["stdint.h"], fixed_parts(fixed, answer, prefix))}


def source_text(prefix: str, includes: list[str], parts: list[str]) -> str:
    """Return a C source: its header and these of the C library, then its parts, whose own names get the prefix."""
    lines = [f'#include "{prefix}.h"', "", *(f"#include <{name}>" for name in includes)]
    text = "\n\n".join(["\n".join(lines), *parts]) + "\n"
    own = re.findall(r"^static (?:const )?\w+ (\w+)[\(\[]", text, re.MULTILINE)
    macros = re.findall(r"^#define (\w+)", text, re.MULTILINE)
    text = re.sub(rf"\b({'|'.join(own)})(?=\W)", rf"{prefix}_\1", text) if own else text
    return re.sub(rf"\b({'|'.join(set(macros))})(?=\W)", rf"{prefix.upper()}_\1", text) if macros else text


def out_note(model: Model, one: str) -> str:
    """Return what `out` holds; `one` is how the probability 1 is written."""
    return "the answer" if model.task == "regression" else f"the probability of each class, {one} in all"


def returns_note(model: Model) -> str:
    """Return what the function returns."""
    return "0" if model.task == "regression" else "the most probable class"


def joined_files(files: dict[str, str], prefix: str) -> dict[str, str]:
    """Return header and source as a single header; one source file of a program defines PREFIX_IMPLEMENTATION before it."""
    header, source = files[f"{prefix}.h"], files[f"{prefix}.c"].replace(f'#include "{prefix}.h"\n\n', "")
    upper = prefix.upper()
    note = f"/* In one source file of the program: #define {upper}_IMPLEMENTATION, then include this header. */"
    once = f"#if defined({upper}_IMPLEMENTATION) && !defined({upper}_IMPLEMENTED)\n#define {upper}_IMPLEMENTED"
    return {f"{prefix}.h": f"{header}\n{note}\n{once}\n\n{source}\n#endif\n"}
