"""A model as C99 files: a header and a source, or both in a single header."""

import re

from propneat.export.c_columns import Layout, plan_columns
from propneat.export.c_float import float_functions, float_predict
from propneat.export.c_header import header_text
from propneat.export.c_names import check_name
from propneat.model import Model

__all__ = ["float_files", "joined_files"]

_FLOAT_NOTES = [
    "x: a float for each column, at the places below; NAN where the value is missing.",
    "out: {out}.",
    "Returns {returns}, or -1 where the network overflows: out is NAN then.",
    "No memory is taken but the stack, and nothing is kept between calls. Do not compile it with -ffast-math.",
]


def float_files(model: Model, prefix: str, layout: Layout | None = None) -> dict[str, str]:
    """Return the texts of PREFIX.h and PREFIX.c in float32 by their file names; raises ConfigError for an unusable name."""
    check_name(prefix)
    layout = plan_columns(model) if layout is None else layout
    notes = [note.format(out=out_note(model, "1.0"), returns=returns_note(model)) for note in _FLOAT_NOTES]
    declaration = f"int {prefix}_predict(const float *x, float *out);"
    header = header_text(model, layout, prefix, notes, [declaration])
    body = "\n".join(f"    {line}" for line in float_predict(model, layout, prefix.upper()))
    parts = [*float_functions(model, layout), f"int {prefix}_predict(const float *x, float *out) {{\n{body}\n}}"]
    return {f"{prefix}.h": header, f"{prefix}.c": source_text(prefix, ["math.h"], parts)}


def source_text(prefix: str, includes: list[str], parts: list[str]) -> str:
    """Return a C source that includes its header and these of the C library before its parts; its own functions get the prefix."""
    lines = [f'#include "{prefix}.h"', "", *(f"#include <{name}>" for name in includes)]
    text = "\n\n".join(["\n".join(lines), *parts]) + "\n"
    own = re.findall(r"^static \w+ (\w+)\(", text, re.MULTILINE)
    return re.sub(rf"\b({'|'.join(own)})\(", rf"{prefix}_\1(", text) if own else text


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
