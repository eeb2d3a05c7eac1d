"""Rows with their answers as C, and a program that says whether a build of the model gives them."""

from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ExportError
from propneat.compiler import evaluate
from propneat.export.c_columns import Layout, inputs_of
from propneat.export.c_fixed import FixedModel
from propneat.export.c_fixed_inputs import MISSING, fix_rows
from propneat.export.c_fixed_run import run_fixed
from propneat.export.c_names import float_literal, wrap
from propneat.export.error_bound import answer_errors, float_input_errors, float_rounding, running_errors
from propneat.model import Model, class_probabilities

__all__ = ["Vectors", "fixed_vectors", "float_vectors", "test_text"]

_NEAR = 2e-4
_FARTHEST = 0.1


@dataclass(frozen=True)
class Vectors:
    """Rows for a self-test as C literals: `x` (n_rows, n_columns), `out` (n_rows, n_out) and the codes (n_rows,).

    Floats are as expected when they are off by no more than `near` of 1 + their size.
    """

    number: str
    x: list[list[str]]
    out: list[list[str]]
    codes: list[int]
    near: float = 0.0

    def last(self, count: int) -> "Vectors":
        """Return the last rows, among which are those that go to the limits."""
        return Vectors(self.number, self.x[-count:], self.out[-count:], self.codes[-count:], self.near)


def fixed_vectors(fixed: FixedModel, x: np.ndarray, count: int) -> Vectors:
    """Return the first rows and some that go to the limits; answers are to be met to the bit."""
    rows = _chosen(x, fixed.layout, count)
    run, whole = run_fixed(fixed, rows), fix_rows(rows, fixed.inputs)
    given = [["INT32_MIN" if value == MISSING else str(value) for value in row] for row in whole.tolist()]
    return Vectors("int32_t", given, [list(map(str, row)) for row in run.out.tolist()], run.codes.tolist())


def float_vectors(model: Model, layout: Layout, x: np.ndarray, count: int) -> Vectors:
    """Return the first rows that have a clear answer; float32 is to come near to what float64 gives."""
    rows = _chosen(x, layout, count)
    inputs = inputs_of(model, layout, rows)
    outputs = evaluate(model.plan, inputs)
    errors = running_errors(
        model.plan, inputs, float_input_errors(model.preprocessor.rules, inputs), float_rounding(model.plan)
    )[1]
    off = errors[model.plan.output_slot].sum(axis=0)
    if model.task == "regression":
        out, codes, clear = model.target_scale.invert(outputs), np.zeros(len(rows), int), np.ones(len(rows), bool)
        off = answer_errors(model.target_scale, out[:, 0], off) / (1 + np.abs(out[:, 0]))
    else:
        out = class_probabilities(model.task, outputs)
        codes, ordered = np.argmax(out, axis=1), np.sort(out, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > 4 * _NEAR
    off = np.where(np.isfinite(outputs).all(axis=1) & clear, off, np.inf)
    near = max(_NEAR, 1.01 * float(np.sort(off)[min(9, len(off) - 1)]))
    clear = off < near
    if not near < _FARTHEST:
        raise ExportError(
            "float32 is too coarse for this network on every row, so there is nothing to test: leave the self-test and targets out"
        )
    given = [["NAN" if np.isnan(value) else float_literal(value) for value in row] for row in rows[clear].tolist()]
    return Vectors("float", given, [list(map(float_literal, row)) for row in out[clear].tolist()], codes[clear].tolist(), near)


def _chosen(x: np.ndarray, layout: Layout, count: int) -> np.ndarray:
    """Return the first rows, one where everything is missing, and rows far below and above all others."""
    far = 4 * np.abs(np.nan_to_num(x, nan=0.0)).max(axis=0, initial=1.0)
    is_text = np.array([column.is_text for column in layout.columns], bool)
    above = np.where(is_text, [len(column.levels) for column in layout.columns], far)
    below = np.where(is_text, np.nan, -far)
    return np.vstack([x[: max(count - 3, 1)], np.full((1, x.shape[1]), np.nan), below[None], above[None]]).astype(np.float32)


def test_text(vectors: Vectors, prefix: str) -> str:
    """Return PREFIX_test.c: PREFIX_test(), which counts the rows whose answers differ, and a main that says how many."""
    upper, n_rows = prefix.upper(), len(vectors.codes)
    if vectors.number == "float":
        differs = f"fabsf(out[k] - expected) > {vectors.near:g}f * (1.0f + fabsf(expected))"
        read, include = f"{upper}_TEST_FLOAT", "#include <math.h>"
        macro = f"#define {read}(place) pgm_read_float(&(place))", f"#define {read}(place) (place)"
    else:
        differs, read, include = "out[k] != expected", f"{upper}_TEST_LONG", "#include <stdint.h>"
        macro = f"#define {read}(place) ((int32_t)pgm_read_dword(&(place)))", f"#define {read}(place) (place)"
    number = vectors.number
    return f"""/* {n_rows} rows with their answers, for {prefix}_predict. Built alone it is a program: 0 rows differ, exit code 0. */
#include "{prefix}.h"

{include}

#ifdef __AVR__
#include <avr/pgmspace.h>
#define {upper}_TEST_FLASH PROGMEM
{macro[0]}
#else
#define {upper}_TEST_FLASH
{macro[1]}
#endif
#ifndef {upper}_TEST_BEFORE
#define {upper}_TEST_BEFORE()
#define {upper}_TEST_AFTER()
#endif

enum {{ {upper}_TEST_ROWS = {n_rows} }};

static const {number} {prefix}_test_x[{max(1, sum(map(len, vectors.x)))}] {upper}_TEST_FLASH = {{
{_numbers(vectors.x)}
}};

static const {number} {prefix}_test_out[{sum(map(len, vectors.out))}] {upper}_TEST_FLASH = {{
{_numbers(vectors.out)}
}};

static const int {prefix}_test_codes[{n_rows}] = {{
{wrap(map(str, vectors.codes))}
}};

/* The number of rows whose answers differ. */
int {prefix}_test(void) {{
    int row, k, wrong = 0;
    for (row = 0; row < {upper}_TEST_ROWS; row++) {{
        {number} x[{upper}_COLUMNS + 1], out[{upper}_OUTPUTS];
        int code, same;
        for (k = 0; k < {upper}_COLUMNS; k++) x[k] = {read}({prefix}_test_x[row * {upper}_COLUMNS + k]);
        {upper}_TEST_BEFORE();
        code = {prefix}_predict(x, out);
        {upper}_TEST_AFTER();
        same = code == {prefix}_test_codes[row];
        for (k = 0; k < {upper}_OUTPUTS; k++) {{
            const {number} expected = {read}({prefix}_test_out[row * {upper}_OUTPUTS + k]);
            if ({differs}) same = 0;
        }}
        if (!same) wrong++;
    }}
    return wrong;
}}

#ifndef {upper}_TEST_NO_MAIN
#include <stdio.h>

int main(void) {{
    const int wrong = {prefix}_test();
    printf("{prefix}: %d of %d rows differ\\n", wrong, {upper}_TEST_ROWS);
    return wrong != 0;
}}
#endif
"""


def _numbers(rows: list[list[str]]) -> str:
    return wrap(number for row in rows for number in row) if any(rows) else "    0"
